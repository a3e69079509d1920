/** Mutexes by name, and what a worker thread does with them that is given nothing but a name to find them by. */
import { threadId } from 'node:worker_threads';
import { loadAddon } from '../../src/addon.js';
import { SyncGuard } from '../../src/guard.js';
import { Names } from '../../src/named.js';
import type { WaitOptions } from '../../src/options.js';
import { MutexWords } from '../../src/words/mutex.js';
import { slotLives } from '../../src/words/life.js';
import { SEAT_STATE } from '../../src/words/row.js';
import { PARKED } from '../../src/words/seat.js';
import { hold, threadRecorder } from './record.js';
import type { ThreadLog } from './record.js';
import { spinUntil } from '../../src/testing/wait.js';

export const mutexes: Names<SyncGuard, MutexWords> = new Names({
  kind: 'mutex',
  capacity: 1,
  Guard: SyncGuard,
  words: (place) => new MutexWords(place, false),
});

export const lock = (key: string, options?: WaitOptions): Promise<SyncGuard> =>
  mutexes.using(key, (queue) => queue.acquire(1, options));
export const lockSync = (key: string, options?: WaitOptions): SyncGuard =>
  mutexes.using(key, (queue) => queue.acquireSync(1, options));
export const tryLock = (key: string): SyncGuard | null => mutexes.using(key, (queue) => queue.tryAcquire(1));
/** Whether somebody waits for it, in whichever thread. */
export const awaited = (key: string): boolean => mutexes.using(key, (queue) => queue.outer?.awaited === true);

/** How many threads wait for it. */
export const waiting = (key: string): number =>
  mutexes.using(key, ({ outer }) => {
    if (outer === undefined) return 0;
    const { memory, lock: number } = outer.place;
    const waits = (slot: number): boolean =>
      slotLives(memory, slot) && Atomics.load(memory.words, memory.row(slot, number) + SEAT_STATE) === PARKED;
    return Array.from({ length: memory.joined }, (_, slot) => slot).filter(waits).length;
  });

/** How many names there are in the process. */
export const countNames = (): number => loadAddon().names();

export interface Hammer {
  readonly log: ThreadLog;
  readonly rounds: number;
  /** One plain counter a lock. */
  readonly counters: Int32Array;
  /** Which writer of the log this is, unless it is the number of the worker. */
  readonly writer?: number;
}

/** Locks by turns in all ways there are, and counts without any atomics. */
export async function hammer(worker: number, { log, rounds, counters, writer }: Hammer): Promise<void> {
  const index = writer ?? worker;
  const recorder = threadRecorder(log, index);
  const count = (n: number) => (): void => {
    const before = counters[n] ?? 0;
    for (let i = 0; i < 50; i++) Math.random();
    counters[n] = before + 1;
  };
  const { locks } = log;
  for (let round = 0; round < rounds; round++) {
    const n = (round + index) % locks.length;
    const name = locks[n] ?? '';
    const as = (who: number): { who: number; lock: string } => ({ who, lock: name });
    if (round % 3 === 0) await hold(recorder, as(index), () => lockSync(name), count(n));
    else if (round % 3 === 1) await hold(recorder, as(index), () => lock(name), count(n));
    else {
      const both = [index, index + 100].map((who) => hold(recorder, as(who), () => lock(name), count(n)));
      await Promise.all(both);
    }
  }
}

export interface Task {
  readonly key: string;
  /** What this worker has reached: 1 it is about to lock, 2 it has locked; then its thread's number. */
  readonly words: Int32Array;
}

/** Waits asynchronously, and stays for ever when it has the lock. */
export async function stay(_: number, { key, words }: Task): Promise<void> {
  Atomics.store(words, 1, loadAddon().threadId());
  Atomics.store(words, 0, 1);
  await lock(key);
  Atomics.store(words, 0, 2);
  setInterval(() => {}, 1000);
  await new Promise(() => {});
}

/** The same, blocking. */
export function staySync(_: number, { key, words }: Task): void {
  Atomics.store(words, 1, loadAddon().threadId());
  Atomics.store(words, 0, 1);
  lockSync(key);
  Atomics.store(words, 0, 2);
  for (;;) Atomics.wait(words, 2, 0);
}

/** Once round: whether the one before us had died. */
export async function visit(_: number, { key }: Task): Promise<boolean> {
  const guard = await lock(key);
  const { recovered } = guard;
  guard.release();
  return recovered;
}

export function visitSync(_: number, { key }: Task): boolean {
  const guard = lockSync(key);
  const { recovered } = guard;
  guard.release();
  return recovered;
}

/** Holds every name for a moment; waits for them all at once. */
export async function visitAll(_: number, keys: readonly string[]): Promise<number> {
  let inside = 0;
  const one = async (key: string): Promise<void> => {
    const guard = await lock(key);
    inside++;
    guard.release();
  };
  for (let round = 0; round < 5; round++) await Promise.all(keys.map(one));
  return inside;
}

/** How many of them are free, for this thread. */
export function tryAll(_: number, keys: readonly string[]): number {
  return keys.filter((key) => tryLock(key)?.release() === true).length;
}

/** Goes round until it is terminated. */
export async function visitForEver(_: number, keys: readonly string[]): Promise<void> {
  for (;;) {
    for (const key of keys) (await lock(key)).release();
    for (const key of keys) lockSync(key).release();
  }
}

export interface Relay {
  readonly key: string;
  readonly rounds: number;
  /** When the lock was given back, in ns; one for each round. */
  readonly times: BigInt64Array;
  readonly turn: Int32Array;
}

/** Holds the lock until the other waits for it and has had time to fall asleep; notes when it gives it back. */
export function relay(_: number, { key, rounds, times, turn }: Relay): void {
  for (let round = 0; round < rounds; round++) {
    const guard = lockSync(key);
    Atomics.store(turn, 0, round + 1);
    spinUntil(() => awaited(key), { what: 'somebody waits' });
    const until = performance.now() + 0.5;
    while (performance.now() < until);
    times[round] = process.hrtime.bigint();
    guard.release();
    spinUntil(() => Atomics.load(turn, 1) === round + 1, { what: `the other is through (${threadId})` });
  }
}
