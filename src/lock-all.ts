/** Several names at once: all or none, always in the same order, so that two who want some of the same never meet. */
import { climb } from './ladder.js';
import { keyOf } from './lock.js';
import { Guard, holdOf } from './lock-guard.js';
import { readPlan } from './lock-options.js';
import type { LockCallOptions, Plan } from './lock-options.js';
import { wrongType } from './options.js';
import { shows } from './shown.js';

/**
 * The guards of several names, held and released together.
 *
 * @example
 * import { lockAll } from 'tierlock';
 *
 * await using guards = await lockAll(['stock', 'orders']);
 * console.log(guards.held, guards.all.map((guard) => guard.name).join()); // true orders,stock
 */
export class GuardGroup {
  static {
    shows(this, ({ held, all }) => ({ held, names: all.map(({ name }) => name) }));
  }

  /** In the order in which they were taken. */
  readonly all: readonly Guard[];

  /** @internal */
  constructor(all: readonly Guard[]) {
    this.all = all;
  }

  /** Whether all of them are held. */
  get held(): boolean {
    return this.all.every((guard) => guard.held);
  }

  /** Throws unless all of them are held. */
  assertHeld(): void {
    for (const guard of this.all) guard.assertHeld();
  }

  /** Aborts when one of them is lost while held. */
  get signal(): AbortSignal {
    return AbortSignal.any(this.all.map((guard) => guard.signal));
  }

  /** Gives all back, the last one first. `true` if all were ours to the end. */
  async release(): Promise<boolean> {
    const answers = await Promise.all(this.all.toReversed().map((guard) => guard.release()));
    return answers.every(Boolean);
  }

  /** `await using guards = ...`: releases at the end of the block, and throws there if one had been lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ends = await Promise.allSettled(this.all.toReversed().map((guard) => guard[Symbol.asyncDispose]()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}

/**
 * Takes several names, or none of them: what cannot be had in time, or at all, gives the others back. They are taken in
 * the order of their names, whatever order they are given in; the same name twice is one.
 *
 * @example
 * import { lockAll, tryLock } from 'tierlock';
 *
 * await using guards = await lockAll(['stock', 'orders'], { timeout: 1000 });
 * console.log(await tryLock('stock')); // null
 */
export function lockAll(names: readonly string[], options?: LockCallOptions): Promise<GuardGroup> {
  return lockAllAt('', names, options);
}

export async function lockAllAt(
  prefix: string,
  names: readonly string[],
  options?: LockCallOptions,
): Promise<GuardGroup> {
  if (!Array.isArray(names)) throw wrongType('names', 'an array of names', names);
  const plan = readPlan(options);
  const keys = [...new Set(names.map((name) => keyOf(prefix, name, plan)))].toSorted(byUnits);
  const deadline = plan.timeout === Infinity ? Infinity : performance.now() + plan.timeout;
  const guards: Guard[] = [];
  try {
    for (const key of keys) guards.push(await climb(key, until(deadline, plan), (hold) => new Guard(hold)));
  } catch (error) {
    const holds = guards.toReversed().map(holdOf);
    for (const hold of holds) hold.takeBack();
    await Promise.all(holds.map(async (hold) => hold.ending));
    throw error;
  }
  return new GuardGroup(guards);
}

function until(deadline: number, plan: Plan): Plan {
  if (deadline === Infinity) return plan;
  return { ...plan, timeout: Math.max(0, deadline - performance.now()) };
}

// Not by the user's language: all programs must agree.
function byUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
