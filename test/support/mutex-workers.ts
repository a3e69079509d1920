/** What worker threads do to one mutex; see workers.ts. Each function is the whole life of a thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Mutex } from '../../src/index.js';
import type { LockHandle } from '../../src/index.js';

export interface Two {
  readonly a: LockHandle;
  readonly b: LockHandle;
  /** Steps that the test and the threads tell each other. */
  readonly steps: Int32Array;
}

/** Locks, and ends without having released. */
export function dieHolding(_: number, handle: LockHandle): void {
  Mutex.from(handle).lockSync();
}

/** Locks both, and stays: it can only be terminated. */
export function holdForEver(_: number, { a, b, steps }: Two): void {
  Mutex.from(a).lockSync();
  Mutex.from(b).lockSync();
  Atomics.store(steps, 0, 1);
  Atomics.wait(steps, 15, 0);
}

/** Holds `a` until step 1. */
export function holdUntilTold(_: number, { a, steps }: Two): void {
  using guard = Mutex.from(a).lockSync();
  Atomics.store(steps, 0, 1);
  Atomics.wait(steps, 1, 0);
  guard.assertHeld();
}

/** A task waits for `a`; then the thread blocks in a wait for `b`. Later both have been held. */
export async function awaitOneBlockOnOther(_: number, { a, b, steps }: Two): Promise<string[]> {
  const order: string[] = [];
  const first = Mutex.from(a).run(() => order.push('a'));
  await sleep(5); // long enough to be handed the lock, not to be passed
  Atomics.store(steps, 2, 1);
  Mutex.from(b).runSync(() => order.push('b'));
  await first;
  return order;
}

/** One turn. */
export function comeAndGo(_: number, handle: LockHandle): boolean {
  using guard = Mutex.from(handle).lockSync({ timeout: 5000 });
  return guard.held;
}

export function isTold(_: number, handle: LockHandle): boolean {
  return Mutex.from(handle).runSync((guard) => guard.recovered);
}
