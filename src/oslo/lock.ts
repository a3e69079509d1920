/**
 * `lock` and its kin as oslo_concurrency.lockutils has them, on the ladder of this package (ladder.ts): the thread's tier by
 * the name, and above it, if `external`, the file that oslo gives that name, by the lock that it sees. A context manager of
 * Python is here a promise of a guard, for `await using`, or a call with a function.
 */
import { join } from 'node:path';
import { debuglog } from 'node:util';
import { LockError, LockMisuseError } from '../errors.js';
import { osloFileOf } from '../files/file-names.js';
import { climb, tryClimb } from '../ladder.js';
import { Guard } from '../lock-guard.js';
import { DEFAULTS } from '../lock-options.js';
import { checkCallable, checkKeys } from '../options.js';
import { folderAt } from '../tiers/process.js';
import { InterProcessLock } from './inter-process.js';
import { findLockPath, joined } from './lock-path.js';
import { onFile, readOsloOptions } from './options.js';
import type { Asked, OsloLockOptions } from './options.js';
import { named } from './reader-writer.js';
import type { ReaderWriterLock } from './reader-writer.js';

type Inside<T> = (guard: Guard) => T | PromiseLike<T>;
type InternalOptions = Pick<OsloLockOptions, 'semaphores' | 'blocking'>;
type FileOptions = Pick<OsloLockOptions, 'lockFilePrefix' | 'lockPath'>;
type RemoveOptions = FileOptions & Pick<OsloLockOptions, 'semaphores'>;

const debug = debuglog('tierlock');

/**
 * The lock was asked for with `blocking: false`, and is taken.
 *
 * @example
 * import { AcquireLockFailedException, lock } from 'tierlock/oslo';
 *
 * await using guard = await lock('orders');
 * const error = await lock('orders', { blocking: false }).catch((e: unknown) => e);
 * console.log((error as AcquireLockFailedException).message); // Failed to acquire the lock orders
 */
export class AcquireLockFailedException extends LockError {
  static {
    this.prototype.name = 'AcquireLockFailedException';
  }

  constructor(lockName: string) {
    super('ERR_LOCK_ACQUIRE_FAILED', `Failed to acquire the lock ${lockName}`, { lock: lockName });
  }
}

/**
 * Waits for the lock of that name, and gives a guard; or, with `fn`, holds it while that runs, until what it returns has
 * settled. With `external` it keeps out all processes of this host that lock the file that oslo.concurrency gives it.
 *
 * @example
 * import { lock } from 'tierlock/oslo';
 *
 * await using guard = await lock('orders', { external: true, lockPath: '/tmp/tierlock-example' });
 * console.log(guard.held); // true
 * console.log(await lock('stock', { lockFilePrefix: 'nova', fair: true }, async () => 42)); // 42
 */
export function lock(name: string, options?: OsloLockOptions): Promise<Guard>;
export function lock<T>(name: string, fn: Inside<T>): Promise<T>;
export function lock<T>(name: string, options: OsloLockOptions | undefined, fn: Inside<T>): Promise<T>;
export async function lock(
  name: string,
  options?: OsloLockOptions | Inside<unknown>,
  fn?: Inside<unknown>,
): Promise<unknown> {
  if (typeof options === 'function') return lock(name, undefined, options);
  if (fn !== undefined) checkCallable('fn', fn);
  const asked = readOsloOptions(name, options ?? {});
  const guard = await take(asked);
  return fn === undefined ? guard : runInside(asked, guard, fn);
}

async function take({ name, key, plan, blocking, doLog }: Asked): Promise<Guard> {
  if (doLog) debug('Acquiring lock "%s"', name);
  const hold = blocking ? await climb(key, plan, (own) => own) : tryClimb(key, plan);
  if (hold === null) throw new AcquireLockFailedException(name);
  if (doLog) debug('Acquired lock "%s"', name);
  if (doLog && plan.external) debug('Acquired external semaphore "%s"', name);
  return new Guard(hold);
}

async function runInside<T>({ name, doLog }: Asked, guard: Guard, fn: Inside<T>): Promise<T> {
  let result: T;
  try {
    result = await guard.run(fn);
  } catch (error) {
    await guard.release();
    throw error;
  } finally {
    if (doLog) debug('Releasing lock "%s"', name);
  }
  await guard[Symbol.asyncDispose]();
  return result;
}

/**
 * `lock` with the prefix bound.
 *
 * @example
 * import { lockWithPrefix } from 'tierlock/oslo';
 *
 * const lock = lockWithPrefix('nova');
 * await using guard = await lock('orders');
 * console.log(guard.name); // nova-orders
 */
export function lockWithPrefix(lockFilePrefix: string): typeof lock {
  return (async (name: string, options?: OsloLockOptions | Inside<unknown>, fn?: Inside<unknown>) => {
    if (typeof options === 'function') return lock(name, { lockFilePrefix }, options);
    const all = { lockFilePrefix, ...options };
    return fn === undefined ? lock(name, all) : lock(name, all, fn);
  }) as typeof lock;
}

/**
 * The lock within this process alone: `lock` without `external`.
 *
 * @example
 * import { internalLock } from 'tierlock/oslo';
 *
 * await using guard = await internalLock('orders');
 * console.log(guard.held); // true
 */
export async function internalLock(name: string, options: InternalOptions = {}): Promise<Guard> {
  checkKeys(options, ['semaphores', 'blocking']);
  return lock(name, { ...options, doLog: false });
}

/**
 * The named lock as a reader-writer lock: its `writeLock()` and `lock(name)` exclude each other.
 *
 * @example
 * import { internalFairLock, lock } from 'tierlock/oslo';
 *
 * await using guard = await internalFairLock('orders').writeLock();
 * const error = await lock('orders', { blocking: false }).catch((e: unknown) => e);
 * console.log(error instanceof Error); // true
 */
export function internalFairLock(name: string): ReaderWriterLock {
  return named(joined(name));
}

/**
 * The lock on the file of that name alone, not acquired yet.
 *
 * @example
 * import { externalLock } from 'tierlock/oslo';
 *
 * await using lock = externalLock('orders', { lockFilePrefix: 'nova', lockPath: '/tmp/tierlock-example' });
 * console.log(await lock.acquire(), lock.path); // true /tmp/tierlock-example/nova-orders
 */
export function externalLock(name: string, options: FileOptions = {}): InterProcessLock {
  checkKeys(options, ['lockFilePrefix', 'lockPath']);
  const { lockFilePrefix, lockPath } = options;
  joined(name, lockFilePrefix);
  const file = osloFileOf('lock', name, lockFilePrefix);
  return new InterProcessLock(join(findLockPath(name, lockPath), file));
}

/**
 * Removes the lock file of a name that is not used any more, and says whether there was one. Throws a `LockMisuseError`
 * if somebody holds it. A Python program that has it open, and waits, would not notice: see docs/oslo.md.
 *
 * @example
 * import { lock, removeExternalLockFile } from 'tierlock/oslo';
 *
 * const lockPath = '/tmp/tierlock-example';
 * await lock('volume-1', { external: true, lockPath }, async () => undefined);
 * console.log(await removeExternalLockFile('volume-1', { lockPath })); // true
 */
export async function removeExternalLockFile(name: string, options: RemoveOptions = {}): Promise<boolean> {
  checkKeys(options, ['lockFilePrefix', 'lockPath', 'semaphores']);
  const { lockFilePrefix, lockPath } = options;
  const plan = onFile(DEFAULTS, name, lockFilePrefix, lockPath);
  return lock(name, { ...options, doLog: false }, () => {
    const folder = folderAt(plan);
    const removal = folder.remove('lock', plan.osloFile);
    if (removal !== 'in use') return removal === 'removed';
    const path = join(folder.path, plan.osloFile);
    throw new LockMisuseError(`the lock file '${path}' is in use: remove it when nobody needs '${name}'`, {
      lock: name,
    });
  });
}

/**
 * `removeExternalLockFile` with the prefix bound.
 *
 * @example
 * import { removeExternalLockFileWithPrefix } from 'tierlock/oslo';
 *
 * const remove = removeExternalLockFileWithPrefix('nova');
 * console.log(await remove('volume-2', { lockPath: '/tmp/tierlock-example' })); // false
 */
export function removeExternalLockFileWithPrefix(lockFilePrefix: string): typeof removeExternalLockFile {
  return (name, options) => removeExternalLockFile(name, { lockFilePrefix, ...options });
}
