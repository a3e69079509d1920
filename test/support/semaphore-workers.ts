/** What worker threads do to one semaphore; see workers.ts. */
import { LockDeadlockError, LockTimeoutError, Semaphore } from '../../src/index.js';
import type { LockHandle, SyncGuard } from '../../src/index.js';
import { random } from '../../src/testing/random.js';
import { hold, threadRecorder } from './record.js';
import type { Recorder, ThreadLog } from './record.js';

export interface Hammer {
  readonly handle: LockHandle;
  readonly log: ThreadLog;
  readonly rounds: number;
  readonly seed: number;
  readonly most: number;
  /** Not 0: come to an end. */
  readonly stop: Int32Array;
}

export interface Tally {
  granted: number;
  refused: number;
}

type Take = (permits: number) => Promise<SyncGuard> | SyncGuard | null;

/** Two tasks that block, await and try, with little patience. */
export async function hammer(index: number, hammering: Hammer): Promise<Tally> {
  const { handle, log, rounds, seed, most, stop } = hammering;
  const semaphore = Semaphore.from(handle);
  const recorder = threadRecorder(log, index);
  const next = random(seed + index);
  const tally: Tally = { granted: 0, refused: 0 };
  const ways: Take[] = [
    // Never for ever: the other task may have permits that others wait for.
    (permits) => semaphore.acquireSync(permits, { timeout: next(4) }),
    (permits) => semaphore.acquire(permits, { timeout: next(4) }),
    (permits) => semaphore.acquire(permits),
    (permits) => semaphore.tryAcquire(permits),
  ];
  const task = async (who: number): Promise<void> => {
    for (let round = 0; round < rounds && Atomics.load(stop, 0) === 0; round++) {
      const permits = 1 + next(most);
      const take = ways[next(ways.length)] as Take;
      const granted = await attempt(recorder, who, permits, take, async () => {
        if (next(4) === 0) await Promise.resolve();
      });
      if (granted) tally.granted++;
      else tally.refused++;
    }
  };
  await Promise.all([task(index * 2), task(index * 2 + 1)]);
  return tally;
}

async function attempt(
  log: Recorder,
  who: number,
  permits: number,
  take: Take,
  body: () => Promise<void>,
): Promise<boolean> {
  try {
    return await hold(log, { who, lock: 'pool', mode: permits }, () => take(permits), body);
  } catch (error) {
    // Blocking while the other task of this thread has too many is refused at once.
    if (error instanceof LockTimeoutError || error instanceof LockDeadlockError) return false;
    throw error;
  }
}

/** Blocks for permits as long as it takes, one after another. */
export function block(index: number, { handle, log, rounds, seed, most }: Hammer): number {
  const semaphore = Semaphore.from(handle);
  const recorder = threadRecorder(log, index);
  const next = random(seed + index);
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    const mode = 1 + next(most);
    const before = performance.now();
    recorder.record('request', index, 'pool', mode);
    const guard = semaphore.acquireSync(mode);
    recorder.record('grant', index, 'pool', mode);
    longest = Math.max(longest, performance.now() - before);
    recorder.record('release', index, 'pool', mode);
    guard.release();
  }
  return longest;
}

/** Takes permits, tells so, and never gives them back. */
export function holdForEver(
  _: number,
  { handle, permits, told }: { handle: LockHandle; permits: number; told: Int32Array },
): void {
  const guard = Semaphore.from(handle).acquireSync(permits);
  Atomics.add(told, 0, 1);
  Atomics.wait(told, 1, 0);
  guard.release();
}

/** Takes one and gives it back, as fast as it can, until told to stop. */
export function saturate(_: number, { handle, stop }: { handle: LockHandle; stop: Int32Array }): number {
  const semaphore = Semaphore.from(handle);
  let rounds = 0;
  for (; Atomics.load(stop, 0) === 0; rounds++) semaphore.runSync(() => undefined);
  return rounds;
}
