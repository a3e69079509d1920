/**
 * Small locks that the test tools are tried on: for each kind of party one that is right, and one that reads and then
 * writes, as everybody's first lock does. The gap between the two is long enough that the fault shows in every run.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileLog, hold, threadRecorder, type Held, type Recorder, type ThreadLog } from './record.js';
import { turn } from '../../src/testing/settled.js';

export interface SampleLock {
  acquire(): Promise<Held> | Held;
}

/** For the tasks of one thread: everybody waits for the end of the one before. */
export function taskLock(): SampleLock {
  let last: Promise<unknown> = Promise.resolve();
  return {
    async acquire() {
      const before = last;
      let release!: () => void;
      last = new Promise<void>((resolve) => (release = resolve));
      await before;
      return { release };
    },
  };
}

export function brokenTaskLock(): SampleLock {
  const state = { taken: false };
  return {
    async acquire() {
      while (state.taken) await turn();
      await turn();
      state.taken = true;
      return { release: () => (state.taken = false) };
    },
  };
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const rest = (ms: number): unknown => Atomics.wait(pause, 0, 0, ms);

/** For threads: one word of shared memory, 0 is free. */
export function wordLock(word: Int32Array): SampleLock {
  const release = (): void => {
    Atomics.store(word, 0, 0);
    Atomics.notify(word, 0);
  };
  return {
    acquire() {
      while (Atomics.exchange(word, 0, 1) !== 0) Atomics.wait(word, 0, 1, 1);
      return { release };
    },
  };
}

export function brokenWordLock(word: Int32Array): SampleLock {
  const release = (): unknown => Atomics.store(word, 0, 0);
  return {
    acquire() {
      while (Atomics.load(word, 0) !== 0) rest(1);
      rest(1);
      Atomics.store(word, 0, 1);
      return { release };
    },
  };
}

/** For processes: who makes the folder has the lock. */
export function folderLock(path: string): SampleLock {
  const release = (): boolean => {
    rmSync(path, { recursive: true });
    return true;
  };
  return {
    async acquire() {
      for (;;) {
        try {
          mkdirSync(path);
          return { release };
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
        }
        await sleep(1);
      }
    },
  };
}

export function brokenFolderLock(path: string): SampleLock {
  const release = (): void => rmSync(path, { recursive: true, force: true });
  return {
    async acquire() {
      while (existsSync(path)) await sleep(1);
      await sleep(1);
      mkdirSync(path, { recursive: true });
      return { release };
    },
  };
}

/** Takes the lock again and again; each hold lasts for a moment in which others can run. */
export async function hammer(
  log: Recorder,
  lock: SampleLock,
  { who, rounds, moment }: { who: number; rounds: number; moment: () => unknown },
): Promise<number> {
  for (let i = 0; i < rounds; i++) await hold(log, { who, lock: 'sample' }, () => lock.acquire(), moment);
  return rounds;
}

export interface ThreadHammer {
  readonly log: ThreadLog;
  readonly word: Int32Array;
  readonly broken: boolean;
  readonly rounds: number;
}

/** The part of one worker thread. */
export function hammerThread(index: number, { log, word, broken, rounds }: ThreadHammer): Promise<number> {
  const lock = broken ? brokenWordLock(word) : wordLock(word);
  return hammer(threadRecorder(log, index), lock, { who: index, rounds, moment: () => rest(1) });
}

/** The part of one process. */
export async function hammerProcess(folder: string, broken: boolean, rounds: number): Promise<number> {
  const log = new FileLog(folder);
  const path = `${folder}/lock`;
  try {
    const lock = broken ? brokenFolderLock(path) : folderLock(path);
    return await hammer(log, lock, { who: process.pid, rounds, moment: () => sleep(2) });
  } finally {
    log.close();
  }
}

/** The strategy for takers: the request is the path of the folder; it must exist no longer than the hold. */
export async function take(path: string): Promise<Held> {
  if (path === '') throw new TypeError('no path, no lock');
  return folderLock(path).acquire();
}
