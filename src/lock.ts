/** The call that people come for: a lock by its name, in as many tiers as are asked for. */
import { configuration } from './config.js';
import { currentMark, enter, leave, runMarked } from './context.js';
import type { Mark } from './context.js';
import { LockLostError } from './errors.js';
import type { Hold } from './hold.js';
import { attemptClimb, climb, climbSync, refuseSync, tryClimb } from './ladder.js';
import { goneWhenReleased, Guard } from './lock-guard.js';
import { checkName, DEFAULTS, readPlan } from './lock-options.js';
import type { LockCallOptions, Plan } from './lock-options.js';
import { checkCallable } from './options.js';
import { ALL, locks } from './registry.js';
import { isWatched } from './watched.js';

type Inside<T> = (guard: Guard) => T | PromiseLike<T>;
type Anything = LockCallOptions | Inside<unknown> | undefined;

/**
 * Waits for the lock of that name, and gives a guard, the only way to release it; or, with `fn`, holds it while that
 * runs, until what it returns has settled. Without options it keeps out all other tasks and worker threads of this
 * process; with `external` all other processes of this host as well.
 *
 * @example
 * import { lock } from 'tierlock';
 *
 * await using guard = await lock('orders', { timeout: 1000 });
 * console.log(guard.held); // true
 * console.log(await lock('stock', async () => 42)); // 42
 */
export function lock(name: string, options?: LockCallOptions): Promise<Guard>;
export function lock<T>(name: string, fn: Inside<T>): Promise<T>;
export function lock<T>(name: string, options: LockCallOptions | undefined, fn: Inside<T>): Promise<T>;
export function lock(name: string, options?: Anything, fn?: Inside<unknown>): Promise<unknown> {
  return lockAt('', name, options, fn);
}

/** The same under a prefix. */
export function lockAt(
  prefix: string,
  name: string,
  options: Anything,
  fn?: Inside<unknown>,
): Promise<unknown> {
  if (typeof options === 'function') return runAt(prefix, name, undefined, options);
  if (fn !== undefined) return runAt(prefix, name, options, fn);
  if (options === undefined && prefix === '' && typeof name === 'string' && name !== '' && !isWatched()) {
    // Nothing but the thread's tier: that is what most calls are.
    try {
      const queue = locks.open(name);
      const own = queue.tryAcquire(ALL);
      if (own !== null) return given(own);
      if (currentMark() === undefined) return guarded(queue.acquire(ALL));
    } catch (error) {
      return Promise.reject(error);
    }
  }
  return take(prefix, name, options);
}

const newGuard = (own: Hold): Guard => new Guard(own);
const itself = (own: Hold): Hold => own;

async function given(own: Hold): Promise<Guard> {
  return new Guard(own);
}

async function guarded(waits: Promise<Hold>): Promise<Guard> {
  return new Guard(await waits);
}

function take(prefix: string, name: string, options: LockCallOptions | undefined): Promise<Guard> {
  try {
    const plan = readPlan(options);
    return climb(keyOf(prefix, name, plan), plan, newGuard);
  } catch (error) {
    return Promise.reject(error);
  }
}

function runAt<T>(
  prefix: string,
  name: string,
  options: LockCallOptions | undefined,
  fn: Inside<T>,
): Promise<T> {
  let plan: Plan;
  let key: string;
  try {
    checkCallable('fn', fn);
    plan = readPlan(options);
    key = keyOf(prefix, name, plan);
  } catch (error) {
    return Promise.reject(error);
  }
  return whileHeld(key, plan, (hold) => fn(new Guard(hold)));
}

/**
 * Runs `fn` while the lock is held, until what it returns has settled. All in one async function, because every promise
 * more costs as much as the lock.
 */
export async function whileHeld<T>(
  key: string,
  plan: Plan,
  fn: (hold: Hold) => T | PromiseLike<T>,
): Promise<T> {
  const own =
    (isPlain(plan) && !isWatched() ? locks.open(key).tryAcquire(plan.shared ? 1 : ALL) : null) ??
    (await climb(key, plan, itself));
  if (plan.signal?.aborted) {
    // Since then, and nobody has seen it.
    own.takeBack();
    throw plan.signal.reason;
  }
  const mark = markFor(own);
  let result: T;
  try {
    result = await (mark === undefined ? fn(own) : runMarked(mark, fn, own));
  } catch (error) {
    failed(own, mark, error);
    if (own.ending !== undefined && !(await own.ending)) blame(error, own);
    throw error;
  }
  done(own, mark, result);
  if (own.ending !== undefined && !(await own.ending)) throw lossOf(own, result);
  return result;
}

/** Whether a free lock is all that is asked for: nothing above the thread's tier, nothing to be set. */
function isPlain(plan: Plan): boolean {
  if (plan === DEFAULTS) return true;
  const { external, distributed, fair, reentrant, within, signal, minHold, maxHold } = plan;
  if (external || distributed !== undefined || fair !== false || reentrant) return false;
  return within === undefined && signal === undefined && minHold === 0 && maxHold === Infinity;
}

/** The same, blocking this thread, for a function that is done when it returns. */
export function whileHeldSync<T>(key: string, plan: Plan, fn: (hold: Hold) => T): T {
  const own = climbSync(key, plan);
  const mark = markFor(own);
  let result: T;
  try {
    result = mark === undefined ? fn(own) : runMarked(mark, fn, own);
  } catch (error) {
    failed(own, mark, error);
    throw error;
  }
  done(own, mark, result);
  return result;
}

function markFor(own: Hold): Mark | undefined {
  return configuration().deadlock === 'off' ? undefined : enter(own);
}

function done(own: Hold, mark: Mark | undefined, result: unknown): void {
  if (mark !== undefined) leave(mark);
  if (!own.release()) throw lossOf(own, result);
}

function failed(own: Hold, mark: Mark | undefined, error: unknown): void {
  if (mark !== undefined) leave(mark);
  if (!own.release()) blame(error, own);
}

/** What went wrong inside comes first; that the lock was lost may be why. */
function blame(error: unknown, own: Hold): void {
  if (error instanceof Error && error.cause === undefined && Object.isExtensible(error))
    error.cause = lossOf(own, undefined);
}

function lossOf(own: Hold, result: unknown): LockLostError {
  const { reason } = own.signal;
  const message = reason instanceof Error ? reason.message : goneWhenReleased(own.name);
  return new LockLostError(message, { lock: own.name, cause: reason, result });
}

export function keyOf(prefix: string, name: unknown, plan: Plan): string {
  checkName(name);
  return prefix + plan.prefix + name;
}

/**
 * The lock if it is free now in all tiers that are asked for, else null. Never waits.
 *
 * @example
 * import { tryLock } from 'tierlock';
 *
 * await using guard = await tryLock('orders');
 * console.log(await tryLock('orders')); // null
 */
export function tryLock(
  name: string,
  options?: Omit<LockCallOptions, 'timeout' | 'signal'>,
): Promise<Guard | null> {
  return tryLockAt('', name, options);
}

export async function tryLockAt(
  prefix: string,
  name: string,
  options?: LockCallOptions,
): Promise<Guard | null> {
  const plan = readTry(options);
  const key = keyOf(prefix, name, plan);
  const own = plan.distributed === undefined ? tryClimb(key, plan) : await attemptClimb(key, plan);
  return own && new Guard(own);
}

/**
 * Blocks this thread until the lock is ours. Throws a `LockDeadlockError` at once if a task of this thread holds it or
 * waits for it.
 *
 * @example
 * import { lockSync } from 'tierlock';
 *
 * using hold = lockSync('orders', { timeout: 1000 });
 * console.log(hold.held); // true
 */
export function lockSync(name: string, options?: LockCallOptions): Hold {
  return lockSyncAt('', name, options);
}

export function lockSyncAt(prefix: string, name: string, options?: LockCallOptions): Hold {
  const plan = readPlan(options);
  return climbSync(keyOf(prefix, name, plan), plan);
}

/**
 * `tryLock` for synchronous code.
 *
 * @example
 * import { tryLockSync } from 'tierlock';
 *
 * using hold = tryLockSync('orders');
 * console.log(tryLockSync('orders'), hold?.mode); // null exclusive
 */
export function tryLockSync(
  name: string,
  options?: Omit<LockCallOptions, 'timeout' | 'signal'>,
): Hold | null {
  return tryLockSyncAt('', name, options);
}

export function tryLockSyncAt(prefix: string, name: string, options?: LockCallOptions): Hold | null {
  const plan = readTry(options);
  const key = keyOf(prefix, name, plan);
  if (plan.distributed !== undefined) refuseSync(key);
  return tryClimb(key, plan);
}

function readTry(options: LockCallOptions | undefined): Plan {
  for (const key of ['timeout', 'signal'] as const) {
    if (options?.[key] !== undefined)
      throw new TypeError(`'${key}' makes no sense where nobody waits: use lock()`);
  }
  return readPlan(options);
}
