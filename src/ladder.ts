/**
 * The ladder: how a name is taken in all tiers that are asked for, from the bottom up. First comes this thread's queue
 * for the name, with the words that all threads of the process share; whoever has got it climbs on, alone or as one of
 * several readers. How it comes down again, and what it leaves to the next one, is told in hold.ts.
 *
 * Whatever ends a climb, at whichever step, gives back what had been taken until then.
 */
import { configuration } from './config.js';
import { beginWait, heldAround } from './context.js';
import { LockDeadlockError, LockMisuseError, LockTimeoutError } from './errors.js';
import type { Hold } from './hold.js';
import { holdOf } from './lock-guard.js';
import { waitOf } from './lock-options.js';
import type { Plan } from './lock-options.js';
import type { WaitOptions } from './options.js';
import type { Bound } from './outside.js';
import { deadlock } from './refusals.js';
import { ALL, locks } from './registry.js';
import type { LockQueue } from './registry.js';
import { ProcessTier } from './tiers/process.js';
import type { Climbed, Tier } from './tiers/tier.js';

/** Takes it if that is possible now. */
export function tryClimb(key: string, plan: Plan): Hold | null {
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

/** Waits for it. What is given is made of the hold by `make`: to do that later would take one promise more. */
export async function climb<T>(key: string, plan: Plan, make: (hold: Hold) => T): Promise<T> {
  const { signal } = plan;
  signal?.throwIfAborted();
  const again = letIn(key, plan);
  if (again !== undefined) return make(again);
  const climber = new Climber(key, plan);
  const hold = climber.queue.tryAcquire(climber.units) ?? (await climber.waitInside());
  try {
    const { tier } = climber;
    if (tier !== undefined) climber.reach(hold, climber.tryAbove(tier) ?? (await climber.waitAbove(tier)));
    signal?.throwIfAborted();
    return make(climber.settle(hold));
  } catch (error) {
    hold.takeBack();
    throw error;
  }
}

/** Waits for it, blocking this thread. */
export function climbSync(key: string, plan: Plan): Hold {
  plan.signal?.throwIfAborted();
  const again = letIn(key, plan);
  if (again !== undefined) return again;
  const climber = new Climber(key, plan);
  const { queue, units, tier } = climber;
  // Those in the line could not go on while the thread is blocked, and are not to be passed.
  if (queue.free < units || queue.length > 0) throw deadlock(queue);
  const hold = queue.acquireSync(units, waitOf(plan));
  try {
    if (tier !== undefined) climber.reach(hold, climber.tryAbove(tier) ?? climber.waitAboveSync(tier));
    return climber.settle(hold);
  } catch (error) {
    hold.takeBack();
    throw error;
  }
}

/** One who climbs. */
class Climber {
  readonly queue: LockQueue;
  readonly tier: Tier | undefined;
  readonly units: number;
  readonly #plan: Plan;
  readonly #bound: Bound | undefined;
  readonly #deadline: number;

  constructor(key: string, plan: Plan) {
    this.#plan = plan;
    this.#bound = plan.handover ?? (configuration().handover as Bound | undefined);
    this.#deadline = plan.timeout === Infinity ? Infinity : performance.now() + plan.timeout;
    this.units = plan.shared ? 1 : ALL;
    this.queue = locks.open(key);
    if (plan.fair !== false) this.queue.outer?.makeFair();
    this.tier = plan.external ? tierOf(this.queue, plan) : undefined;
  }

  /** Waits for this thread's turn, and for this process's. */
  waitInside(): Promise<Hold> {
    const { queue, units, tier } = this;
    const end = beginWait(queue);
    const waits = queue.acquire(units, waitOf(this.#plan), tier);
    return end === undefined ? waits : waits.finally(end);
  }

  /** Takes what the last one has left for us, or what is free. */
  tryAbove(tier: Tier): Climbed | null {
    const { legacy } = this.queue;
    if (legacy === undefined) return tier.tryTake(this.units, this.#bound);
    this.queue.legacy = undefined;
    const climbed = legacy as Climbed;
    try {
      climbed.pass();
    } catch (error) {
      climbed.release();
      throw error;
    }
    return climbed;
  }

  async waitAbove(tier: Tier): Promise<Climbed> {
    try {
      return await tier.take(this.units, this.#wait(), this.#bound);
    } catch (error) {
      throw this.#explained(error, tier);
    }
  }

  waitAboveSync(tier: Tier): Climbed {
    try {
      return tier.takeSync(this.units, this.#wait(), this.#bound);
    } catch (error) {
      throw this.#explained(error, tier);
    }
  }

  /** For whatever time is left. */
  #wait(): WaitOptions {
    const left = this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - performance.now());
    return waitOf(this.#plan, left) ?? {};
  }

  #explained(error: unknown, tier: Tier): unknown {
    const { signal } = this.#plan;
    if (!(error instanceof LockTimeoutError) || (signal?.aborted && signal.reason === error)) return error;
    const { key } = this.queue;
    const message =
      `timed out after ${this.#plan.timeout} ms waiting for the lock '${key}' (held by ` +
      `${tier.describeHolder() ?? 'another process'}; others waiting here: ${this.queue.length})`;
    return new LockTimeoutError(message, { lock: key });
  }

  /** What was climbed to goes with the hold from now on. */
  reach(hold: Hold, climbed: Climbed): void {
    hold.climb(climbed, this.queue, this.#bound);
  }

  /** All is there: now the time counts that it may last. */
  settle(hold: Hold): Hold {
    const { minHold, maxHold, handover } = this.#plan;
    if (handover !== undefined && this.tier === undefined) hold.climb(undefined, this.queue, this.#bound);
    if (minHold > 0 || maxHold < Infinity) hold.limit(minHold, maxHold);
    return hold;
  }
}

/** The tier of the processes for that name, as long as this thread has the name open. */
function tierOf(queue: LockQueue, plan: Plan): Tier {
  const known = queue.tier as ProcessTier | undefined;
  if (known?.suits(plan) === true) return known;
  const tier = new ProcessTier(queue.key, plan);
  queue.tier = tier;
  return tier;
}

/** Whoever is inside already, and says that he knows, is let in again. */
function letIn(key: string, plan: Plan): Hold | undefined {
  const { within, reentrant, shared } = plan;
  if (within === undefined && !reentrant) return undefined;
  const whole = within === undefined ? around(key) : shown(key, holdOf(within));
  if (whole === undefined) return undefined;
  if (!shared && whole.mode === 'shared') {
    const message =
      `the lock '${key}' is shared here, and was asked for alone: whoever shares it would wait for himself. Take it ` +
      'alone in the first place, or release it before';
    throw new LockDeadlockError(message, { lock: key });
  }
  if (plan.external && (whole.tier as ProcessTier | undefined)?.suits(plan) !== true) {
    const message =
      `the lock '${key}' is held here without { external: true }, or in another folder: other processes are not kept ` +
      'out. Take it so in the first place';
    throw new LockMisuseError(message, { lock: key });
  }
  const hold = whole.again(shared ? 1 : ALL);
  if (plan.minHold > 0 || plan.maxHold < Infinity) hold.limit(plan.minHold, plan.maxHold);
  return hold;
}

function around(key: string): Hold | undefined {
  if (configuration().deadlock === 'off') {
    throw new LockMisuseError(
      "'reentrant' needs to know who runs inside: not with configure({ deadlock: 'off' })",
      {
        lock: key,
      },
    );
  }
  const queue = locks.find(key);
  return queue && (heldAround(queue) as Hold | undefined);
}

function shown(key: string, hold: Hold): Hold {
  const { whole } = hold;
  hold.assertHeld();
  if (whole.source === locks.find(key)) return whole;
  throw new LockMisuseError(`'within' must be a guard of the lock '${key}', got one of ${whole.name}`, {
    lock: key,
  });
}
