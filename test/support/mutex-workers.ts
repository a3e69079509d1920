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

/** One turn: places in the order of all threads' steps, and times. `stood` is Infinity where nobody can tell. */
export interface Turn {
  readonly called: number;
  readonly stood: number;
  readonly granted: number;
  readonly released: number;
  readonly from: number;
  readonly to: number;
}

export interface Turns {
  readonly handle: LockHandle;
  readonly places: Int32Array;
  readonly rounds: number;
}

/** Takes turns, every other time blocking, and now and then it stays inside for a moment. */
export async function takeTurns(index: number, { handle, places, rounds }: Turns): Promise<Turn[]> {
  const mutex = Mutex.from(handle);
  const turns: Turn[] = [];
  const next = (): number => Atomics.add(places, 0, 1);
  for (let round = 0; round < rounds; round++) {
    const called = next();
    const blocks = (round + index) % 2 === 0;
    const wait = blocks ? mutex.lockSync() : mutex.lock();
    const stood = blocks ? Infinity : next();
    const guard = await wait;
    const [granted, from] = [next(), performance.timeOrigin + performance.now()];
    if (round % 8 === index) Atomics.wait(places, 1, 0, 1);
    turns.push({
      called,
      stood,
      granted,
      released: next(),
      from,
      to: performance.timeOrigin + performance.now(),
    });
    guard.release();
  }
  return turns;
}

export const ROUNDS = 20;

/** How long it took, and how often others were inside meanwhile. */
export interface Wait {
  readonly ms: number;
  readonly passed: number;
}

/** Waits time and again while others count in `steps[3]` how often they are inside. */
export async function rival(_: number, { a, steps }: Two): Promise<Wait[]> {
  const mutex = Mutex.from(a);
  const waits: Wait[] = [];
  while (Atomics.load(steps, 3) < 100) await sleep(1);
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    const wait = mutex.lock();
    const before = Atomics.load(steps, 3);
    const guard = await wait;
    waits.push({ ms: performance.now() - began, passed: Atomics.load(steps, 3) - before });
    guard.release();
    Atomics.add(steps, 0, 1);
    await sleep(1);
  }
  return waits;
}
