/**
 * The ladder: how a name is taken in all tiers that are asked for, from the bottom up. First comes this thread's queue
 * for the name, with the words that all threads of the process share; whoever has got it climbs on, alone or as one of
 * several readers. How it comes down again, and what it leaves to the next one, is told in hold.ts.
 *
 * Whatever ends a climb, at whichever step, gives back what had been taken until then.
 */
import { configuration } from './config.js';
import { beginWait } from './context.js';
import { degrade } from './degraded.js';
import { LockBackendError, LockTimeoutError, LockUnsupportedError } from './errors.js';
import type { Hold } from './hold.js';
import { letIn } from './let-in.js';
import { waitOf } from './lock-options.js';
import type { Plan } from './lock-options.js';
import type { WaitOptions } from './options.js';
import type { Bound } from './outside.js';
import { deadlock } from './refusals.js';
import { ALL, locks } from './registry.js';
import type { LockQueue } from './registry.js';
import { SlowWait } from './slow-wait.js';
import { isOfStore, tierFor, withoutStore } from './tiers/choose.js';
import type { Climbed, Tier } from './tiers/tier.js';
import { Asking, isWatched, watch, watchSync } from './watched.js';

/** Takes it if that is possible now. */
export function tryClimb(key: string, plan: Plan): Hold | null {
  return isWatched() ? watchSync(asking(key, plan), () => tryUp(key, plan)) : tryUp(key, plan);
}

function tryUp(key: string, plan: Plan): Hold | null {
  const again = letIn(key, plan);
  if (again !== undefined) return again;
  const climber = new Climber(key, plan);
  const hold = climber.queue.tryAcquire(climber.units);
  if (hold === null || climber.tier === undefined) return hold && climber.settle(hold);
  try {
    const climbed = climber.tryAbove(climber.tier);
    if (climbed !== null) {
      climber.reach(hold, climbed);
      return climber.settle(hold);
    }
  } catch (error) {
    hold.takeBack();
    throw error;
  }
  hold.takeBack();
  return null;
}

/** Takes it if that is possible now, where a store has to be asked. */
export function attemptClimb(key: string, plan: Plan): Promise<Hold | null> {
  return isWatched() ? watch(asking(key, plan), () => attemptUp(key, plan)) : attemptUp(key, plan);
}

async function attemptUp(key: string, plan: Plan): Promise<Hold | null> {
  const again = letIn(key, plan);
  if (again !== undefined) return again;
  const climber = new Climber(key, plan);
  const hold = climber.queue.tryAcquire(climber.units);
  if (hold === null) return null;
  try {
    if (climber.tier === undefined || (await climber.attempt(climber.tier, hold)))
      return climber.settle(hold);
  } catch (error) {
    hold.takeBack();
    throw error;
  }
  hold.takeBack();
  return null;
}

/** Waits for it. What is given is made of the hold by `make`: to do that later would take one promise more. */
export function climb<T>(key: string, plan: Plan, make: (hold: Hold) => T): Promise<T> {
  return isWatched() ? watchUp(key, plan, make) : up(key, plan, make);
}

async function watchUp<T>(key: string, plan: Plan, make: (hold: Hold) => T): Promise<T> {
  return make(await watch(asking(key, plan), () => up(key, plan, (hold) => hold)));
}

async function up<T>(key: string, plan: Plan, make: (hold: Hold) => T): Promise<T> {
  const { signal } = plan;
  signal?.throwIfAborted();
  const again = letIn(key, plan);
  if (again !== undefined) return make(again);
  const climber = new Climber(key, plan);
  const hold = climber.queue.tryAcquire(climber.units) ?? (await climber.waitInside());
  try {
    const { tier } = climber;
    if (tier !== undefined) await climber.climbTo(tier, hold);
    signal?.throwIfAborted();
    return make(climber.settle(hold));
  } catch (error) {
    hold.takeBack();
    throw error;
  }
}

/** Waits for it, blocking this thread. */
export function climbSync(key: string, plan: Plan): Hold {
  return isWatched() ? watchSync(asking(key, plan), () => upSync(key, plan)) : upSync(key, plan);
}

function upSync(key: string, plan: Plan): Hold {
  plan.signal?.throwIfAborted();
  const again = letIn(key, plan);
  if (again !== undefined) return again;
  const climber = new Climber(key, plan);
  const { queue, units, tier } = climber;
  if (plan.distributed !== undefined) refuseSync(key);
  // Those in the line could not go on while the thread is blocked, and are not to be passed.
  if (queue.free < units || queue.length > 0) throw deadlock(queue);
  const hold = queue.acquireSync(units, waitOf(plan));
  try {
    if (tier !== undefined) climber.reach(hold, climber.tryAbove(tier) ?? climber.waitAboveSync(tier));
    climber.slow?.blocked(queue);
    return climber.settle(hold);
  } catch (error) {
    hold.takeBack();
    throw error;
  }
}

function asking(key: string, plan: Plan): Asking {
  return new Asking(key, plan.shared ? 'shared' : 'exclusive', plan);
}

/** One who climbs. */
class Climber {
  readonly queue: LockQueue;
  readonly tier: Tier | undefined;
  readonly units: number;
  readonly #plan: Plan;
  readonly #bound: Bound | undefined;
  readonly #deadline: number;
  readonly slow: SlowWait | undefined;

  constructor(key: string, plan: Plan) {
    this.#plan = plan;
    this.#bound = plan.handover ?? (configuration().handover as Bound | undefined);
    this.#deadline = plan.timeout === Infinity ? Infinity : performance.now() + plan.timeout;
    this.units = plan.shared ? 1 : ALL;
    this.queue = locks.open(key);
    this.slow = SlowWait.begin();
    if (plan.fair !== false) this.queue.outer?.makeFair();
    this.tier = tierFor(key, plan, this.queue.tier);
    if (this.tier !== undefined) this.queue.tier = this.tier;
  }

  /** Waits for this thread's turn, and for this process's. */
  waitInside(): Promise<Hold> {
    const { queue, units, tier } = this;
    const end = beginWait(queue);
    const acquired = queue.acquire(units, waitOf(this.#plan), tier);
    const waits = this.slow?.inside(acquired, queue) ?? acquired;
    return end === undefined ? waits : waits.finally(end);
  }

  /** Takes what the last one has left for us, or what is free. */
  tryAbove(tier: Tier): Climbed | null {
    const { legacy } = this.queue;
    if (legacy === undefined) return tier.tryTake(this.units, this.#bound);
    this.queue.legacy = undefined;
    const climbed = legacy as Climbed;
    if (climbed.look?.() === false) {
      // Since it was left to us: whatever is below it is ours again when that has come down.
      void climbed.release();
      return tier.tryTake(this.units, this.#bound);
    }
    try {
      climbed.pass();
      if (this.#plan.minHold > 0) climbed.keepFor?.(this.#plan.minHold);
    } catch (error) {
      void climbed.release();
      throw error;
    }
    return climbed;
  }

  /** Waits for what is above. */
  async climbTo(tier: Tier, hold: Hold): Promise<void> {
    const climbed = this.tryAbove(tier);
    if (climbed !== null) return this.reach(hold, climbed);
    try {
      const taken = tier.take(this.units, this.#wait(), this.#bound);
      this.reach(hold, await (this.slow?.above(taken, this.queue, tier) ?? taken));
    } catch (error) {
      if (!this.#mayDoWithout(error, tier)) throw await this.#explained(error, tier);
      const below = withoutStore(tier);
      if (below !== undefined) await this.climbTo(below, hold);
      degrade(hold, error);
    }
  }

  /** Takes what is above if it is free. */
  async attempt(tier: Tier, hold: Hold): Promise<boolean> {
    let climbed = this.tryAbove(tier);
    try {
      climbed ??= (await tier.attempt?.(this.units, this.#bound)) ?? null;
    } catch (error) {
      if (!this.#mayDoWithout(error, tier)) throw error;
      const below = withoutStore(tier);
      if (below !== undefined && !(await this.attempt(below, hold))) return false;
      degrade(hold, error);
      return true;
    }
    if (climbed !== null) this.reach(hold, climbed);
    return climbed !== null;
  }

  /** A store cannot be reached, and whoever asks would rather go on than wait for it. */
  #mayDoWithout(error: unknown, tier: Tier): boolean {
    return (
      error instanceof LockBackendError && this.#plan.onBackendDown === 'lower' && isOfStore(error, tier)
    );
  }

  waitAboveSync(tier: Tier): Climbed {
    try {
      return tier.takeSync(this.units, this.#wait(), this.#bound);
    } catch (error) {
      throw this.#timedOut(error, tier.describeHolder(error) as string | undefined);
    }
  }

  /** For whatever time is left. */
  #wait(): WaitOptions {
    const left = this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - performance.now());
    return waitOf(this.#plan, left) ?? {};
  }

  async #explained(error: unknown, tier: Tier): Promise<unknown> {
    return error instanceof LockTimeoutError
      ? this.#timedOut(error, await tier.describeHolder(error))
      : error;
  }

  #timedOut(error: unknown, holder: string = 'another process'): unknown {
    const { signal } = this.#plan;
    if (!(error instanceof LockTimeoutError) || (signal?.aborted && signal.reason === error)) return error;
    const { key } = this.queue;
    const message =
      `timed out after ${this.#plan.timeout} ms waiting for the lock '${key}' (held by ${holder}; others waiting here: ` +
      `${this.queue.length})`;
    return new LockTimeoutError(message, { lock: key });
  }

  /** What was climbed to goes with the hold from now on. */
  reach(hold: Hold, climbed: Climbed): void {
    hold.climb(climbed, this.queue, this.#bound);
  }

  /** All is there: now the time counts that it may last. */
  settle(hold: Hold): Hold {
    const { minHold, maxHold, handover, owner } = this.#plan;
    if (handover !== undefined && this.tier === undefined) hold.climb(undefined, this.queue, this.#bound);
    if (minHold > 0 || maxHold < Infinity) hold.limit(minHold, maxHold);
    if (owner !== undefined) hold.owner = owner;
    return hold;
  }
}

export function refuseSync(key: string): never {
  const message =
    `the lock '${key}' cannot be taken by synchronous code with 'distributed': a thread that is blocked cannot talk to a ` +
    'store. Use lock()';
  throw new LockUnsupportedError(message, { lock: key });
}
