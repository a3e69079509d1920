/** What worker threads do with locks that they find by name (for workers.ts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, lock, lockSync, semaphore, tryLock, tryLockSync } from '../../src/index.js';
import type { LockCallOptions } from '../../src/index.js';
import { threadId } from '../../src/words/thread.js';
import { hold, threadRecorder } from './record.js';
import type { ThreadLog } from './record.js';

export interface Pair {
  /** The first is held, and the second waited for. */
  readonly names: readonly [string, string];
  /** The first one gets the number of the thread. */
  readonly words: Int32Array;
  readonly shared: boolean;
}

/** Holds one, and waits for the other for ever. */
export async function holdAndWait(_: number, { names, words, shared }: Pair): Promise<void> {
  Atomics.store(words, 0, threadId);
  lockSync(names[0]);
  await lock(names[1], { shared });
}

export interface Stay {
  readonly name: string;
  readonly options: LockCallOptions;
  readonly sync: boolean;
  /** Set to 1 before it is taken, and to 2 after that. */
  readonly words: Int32Array;
  readonly permits?: number;
}

/** Takes it, and holds it for ever. */
export async function stay(_: number, { name, options, sync, words, permits }: Stay): Promise<void> {
  Atomics.store(words, 0, 1);
  if (permits !== undefined) await semaphore(name, permits).acquire(permits);
  else if (sync) lockSync(name, options);
  else await lock(name, options);
  Atomics.store(words, 0, 2);
  if (sync) for (;;) Atomics.wait(words, 2, 0, 20);
  setInterval(() => {}, 1000);
  await new Promise(() => {});
}

/** Holds it until somebody of another thread has waited for it for so long. The first word is 1 when it is held. */
export async function releaseWhenAwaited(
  _: number,
  { name, ms, words }: { name: string; ms: number; words: Int32Array },
): Promise<void> {
  using held = lockSync(name);
  Atomics.store(words, 0, 1);
  for (let since = Infinity; Date.now() - since < ms; await sleep(0)) {
    const [found] = await inspect(name);
    since = found?.waiters[0]?.since?.getTime() ?? Infinity;
  }
  held.release();
}

export interface Hammer {
  readonly log: ThreadLog;
  readonly rounds: number;
  /** One plain counter a lock, which writers count up and nobody else looks at. */
  readonly counters: Int32Array;
  readonly lockPath: string;
  /** Which writer of the log this is, unless it is the number of the worker. */
  readonly writer?: number;
}

/** Takes the locks by turns in all ways there are, alone and shared, and counts without any atomics. */
export async function hammer(
  worker: number,
  { log, rounds, counters, lockPath, writer }: Hammer,
): Promise<void> {
  const index = writer ?? worker;
  const recorder = threadRecorder(log, index);
  const count = (n: number) => (): void => {
    const before = counters[n] ?? 0;
    for (let i = 0; i < 50; i++) Math.random();
    counters[n] = before + 1;
  };
  const external = { external: true, lockPath } as const;
  const { locks } = log;
  for (let round = 0; round < rounds; round++) {
    const n = (round + index) % locks.length;
    const name = locks[n] ?? '';
    const as = (who: number): { who: number; lock: string } => ({ who, lock: name });
    const reads = (who: number): { who: number; lock: string; mode: 'shared' } => ({
      ...as(who),
      mode: 'shared',
    });
    const own = counters.length - 8 - index; // nobody else's
    const how = round % 8;
    if (how === 0) await hold(recorder, as(index), () => lockSync(name), count(n));
    else if (how === 1) await hold(recorder, as(index), () => lockSync(name, external), count(n));
    else if (how === 2) await hold(recorder, as(index), () => tryLock(name, external), count(n));
    else if (how === 3) await hold(recorder, reads(index), () => lock(name, { shared: true }), count(own));
    else if (how === 4)
      await hold(recorder, reads(index), () => tryLockSync(name, { shared: true }), count(own));
    else {
      await Promise.all([
        hold(recorder, as(index), () => lock(name), count(n)),
        hold(recorder, as(index + 100), () => lock(name, external), count(n)),
        hold(recorder, reads(index + 200), () => lock(name, { ...external, shared: true }), count(own)),
        hold(recorder, as(index + 300), () => lock(name, { fair: how === 7, timeout: 20_000 }), count(n)),
      ]);
    }
    if (how === 6) await sleep(0);
  }
}

export interface Draw {
  readonly name: string;
  readonly rounds: number;
  /** The first one counts all. */
  readonly words: Int32Array;
}

/** Takes it again and again, and says which token came when. */
export async function tokens(
  _: number,
  { name, rounds, words }: Draw,
): Promise<{ at: number; token: bigint }[]> {
  const all: { at: number; token: bigint }[] = [];
  for (let i = 0; i < rounds; i++) {
    if (i % 2 === 0) {
      using held = lockSync(name);
      all.push({ at: Atomics.add(words, 0, 1), token: held.token });
    } else {
      await lock(name, ({ token }) => void all.push({ at: Atomics.add(words, 0, 1), token }));
    }
  }
  return all;
}
