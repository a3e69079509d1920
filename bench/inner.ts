/**
 * The clock of a trial, used inside the child. Each of these warms up, then measures several inner rounds and
 * returns one figure for each; the trial's result is their median. What is slow gets fewer inner rounds and
 * smaller ones, so that a contestant which needs seconds for one hand-off cannot hold up the whole run.
 */
import { setImmediate } from 'node:timers/promises';
import { tally } from './contestants/contestant.js';
import type { Able } from './contestants/index.js';

/** How much work a trial may do. */
export interface Effort {
  /** Operations (or waiters) of one inner round. */
  readonly count: number;
  /** Inner rounds. */
  readonly rounds: number;
  /** Milliseconds after which no further inner round begins. */
  readonly budget: number;
}

export function effort(quick: boolean): Effort {
  return quick ? { count: 30_000, rounds: 3, budget: 40 } : { count: 300_000, rounds: 7, budget: 1_000 };
}

/**
 * Only where the heap is measured, never between timed rounds: a full collection while nobody waits throws away
 * the hidden classes of waiters and guards, and with them the code optimized for them (three times slower here).
 */
function collect(): void {
  if (globalThis.gc === undefined) throw new Error('a trial needs node --expose-gc');
  globalThis.gc();
}

/**
 * Nanoseconds an operation of a loop. The warm-up doubles the loop until it has the full count, or until it
 * lasts as long as an inner round may: then that shorter loop is what is measured.
 */
export async function loopTimes(loop: (n: number) => Promise<void>, work: Effort): Promise<number[]> {
  const once = async (n: number): Promise<number> => {
    const entered = tally.entered;
    const start = performance.now();
    await loop(n);
    const ms = performance.now() - start;
    if (tally.entered - entered !== n) throw new Error(`${tally.entered - entered} sections ran, not ${n}`);
    return ms;
  };
  let n = 1;
  while (n < work.count && (await once(n)) < work.budget / work.rounds) n = Math.min(n * 2, work.count);

  const times: number[] = [];
  for (let spent = 0; times.length < work.rounds && spent < work.budget;) {
    const ms = await once(n);
    spent += ms;
    times.push((ms * 1e6) / n);
  }
  return times;
}

/** Milliseconds of one batch of waiters behind one holder; the clock starts before the first queues, or at the release. */
async function batch(
  lock: Able<'hold' | 'task'>,
  waiters: number,
  from: 'queue' | 'release',
): Promise<number> {
  const release = await lock.hold();
  const entered = tally.entered;
  let start = performance.now();
  let last: Promise<void> | undefined;
  for (let i = 0; i < waiters; i++) last = lock.task();
  if (tally.entered !== entered) throw new Error('a waiter got in beside the holder');
  if (from === 'release') {
    // Some queue a microtask later than they were asked.
    await setImmediate();
    start = performance.now();
  }
  release();
  await last;
  const ms = performance.now() - start;
  // All queues here are first in, first out, so the last one stands for all; Promise.all would cost as much as they do.
  if (tally.entered - entered !== waiters) throw new Error('the last waiter was done before the others');
  return ms;
}

/** Nanoseconds a waiter, of `waiters` queued behind one holder, until the last one is done. */
export async function handOffTimes(
  lock: Able<'hold' | 'task'>,
  waiters: number,
  from: 'queue' | 'release',
  work: Effort,
): Promise<number[]> {
  const share = work.budget / work.rounds;
  // Queueing counts against the budget even where it is not measured.
  let start = performance.now();
  const spent = (): number => performance.now() - start;

  // Small batches heat the code up as well as large ones, and slow contestants survive them. One of full size
  // then lets the heap grow to what it needs, unless that alone would take longer than a round may.
  const small = Math.min(waiters, 1_000);
  let heated = 0;
  while (heated < 50 && spent() < share) {
    await batch(lock, small, from);
    heated++;
  }
  if ((spent() / heated) * (waiters / small) < share) await batch(lock, waiters, from);

  const batches = Math.max(1, Math.round(work.count / 3 / waiters));
  const times: number[] = [];
  start = performance.now();
  while (times.length < work.rounds && spent() < work.budget) {
    let ms = 0;
    let done = 0;
    do {
      ms += await batch(lock, waiters, from);
      done++;
    } while (done < batches && spent() < work.budget);
    times.push((ms * 1e6) / (done * waiters));
  }
  return times;
}

async function heapUsed(): Promise<number> {
  await setImmediate();
  collect();
  return process.memoryUsage().heapUsed;
}

/** Keeps the holder alive: nothing else refers to a chain of promises whose head can no longer be resolved. */
const kept: (() => void)[] = [];

/** Bytes of heap a waiter takes, its awaiting async function included. */
export async function waiterBytes(lock: Able<'hold' | 'task'>, waiters: number): Promise<number> {
  await batch(lock, 1_000, 'queue');
  kept.push(await lock.hold());
  const before = await heapUsed();
  for (let i = 0; i < waiters; i++) void lock.task();
  // They are never let in: some would take seconds, and the process ends anyway.
  return ((await heapUsed()) - before) / waiters;
}

/** Milliseconds from the release to the next grant after `waiters` have queued and given up. */
export async function afterTimeouts(
  lock: Able<'hold' | 'task' | 'expire'>,
  waiters: number,
): Promise<number> {
  const release = await lock.hold();
  const gone: Promise<void>[] = [];
  for (let i = 0; i < waiters; i++) gone.push(lock.expire(20));
  await Promise.all(gone);
  const entered = tally.entered;
  const next = lock.task();
  await setImmediate();
  if (tally.entered !== entered) throw new Error('a waiter got in beside the holder');
  const start = performance.now();
  release();
  await next;
  return performance.now() - start;
}
