/**
 * A thread that takes one mutex in every way there is, at random, in several tasks at once, and writes down what it
 * saw. Times are written where tokens stand: grants of a mutex exclude each other, so the clock must grow with them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LockDeadlockError, LockTimeoutError, Mutex } from '../../src/index.js';
import type { LockHandle, SyncGuard } from '../../src/index.js';
import { random } from '../../src/testing/random.js';
import { threadRecorder } from './record.js';
import type { Recorder, ThreadLog } from './record.js';

export interface Hammer {
  readonly handle: LockHandle;
  readonly log: ThreadLog;
  /** The thread's region of the log is `index` + this. */
  readonly first?: number;
  readonly rounds: number;
  readonly tasks: number;
  readonly seed: number;
  /** Not atomic, so that it is right only if the lock is: how often it was held. */
  readonly count: Int32Array;
  /** One hold of so many sleeps for a while. */
  readonly lazy: number;
  /** How the thread ends itself half-way, if it does. */
  readonly ending?: 'exits' | 'throws' | 'runs out of memory';
}

/** Nanoseconds, and in the last bit whether the guard was told of a death. */
export const stamp = (recovered: boolean = false): bigint =>
  process.hrtime.bigint() * 2n + (recovered ? 1n : 0n);

export const TASKS = 4;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** How often it has held the lock. */
export async function run(index: number, hammer: Hammer): Promise<number> {
  const thread = index + (hammer.first ?? 0);
  const log = threadRecorder(hammer.log, thread);
  const counts = Array.from({ length: hammer.tasks }, (_, task) => loop(thread * TASKS + task, hammer, log));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function loop(who: number, hammer: Hammer, log: Recorder): Promise<number> {
  const pick = random(hammer.seed * 1000 + who);
  const mutex = Mutex.from(hammer.handle);
  let held = 0;
  for (let round = 0; round < hammer.rounds; round++) {
    if (hammer.ending !== undefined && round === hammer.rounds >> 1) end(hammer, who, log, mutex);
    log.record('request', who, 'm', 'exclusive', stamp());
    try {
      const guard = await take(mutex, pick);
      if (guard === null) {
        log.record('timeout', who, 'm');
        continue;
      }
      log.record('grant', who, 'm', 'exclusive', stamp(guard.recovered));
      const before = hammer.count[0] ?? 0;
      await stay(pick, hammer.lazy);
      hammer.count[0] = before + 1;
      held++;
      log.record('release', who, 'm', 'exclusive', stamp());
      guard.release();
    } catch (error) {
      log.record(refusal(error), who, 'm');
    }
    if (pick(4) === 0) await sleep(pick(2));
  }
  return held;
}

function refusal(error: unknown): 'timeout' | 'abort' {
  if (error instanceof LockTimeoutError) return 'timeout';
  if (error === 'aborted' || error instanceof LockDeadlockError) return 'abort';
  throw error;
}

function take(mutex: Mutex, pick: (n: number) => number): SyncGuard | null | Promise<SyncGuard> {
  const timeout = pick(4);
  switch (pick(7)) {
    case 0:
      return mutex.tryLock();
    case 1:
      return mutex.lockSync();
    case 2:
      return mutex.lockSync({ timeout });
    case 3:
      return mutex.lock({ timeout });
    case 4: {
      const controller = new AbortController();
      setTimeout(() => controller.abort('aborted'), timeout);
      return mutex.lock({ signal: controller.signal, timeout: 1000 });
    }
    default:
      return mutex.lock();
  }
}

/** Inside: for a moment, a turn of the loop, or blocking. */
async function stay(pick: (n: number) => number, lazy: number): Promise<void> {
  if (pick(3) === 0) await Promise.resolve();
  if (pick(lazy) !== 0) return;
  if (pick(2) === 0) await sleep(1);
  else Atomics.wait(pause, 0, 0, 1);
}

function end({ ending, tasks }: Hammer, who: number, log: Recorder, mutex: Mutex): void {
  const first = who - (who % TASKS);
  for (let task = 0; task < tasks; task++) log.record('died', first + task, undefined, undefined, stamp());
  mutex.tryLock();
  if (ending === 'exits') process.exit(1);
  if (ending === 'throws') {
    setImmediate(() => {
      throw new Error('on purpose');
    });
  }
  if (ending === 'runs out of memory') {
    const all: unknown[] = [];
    for (;;) all.push(Array.from({ length: 1000 }, () => ({})));
  }
}

/** Waits of 0 to 3 ms and nothing else, blocking and not. */
export async function storm(thread: number, hammer: Hammer): Promise<number> {
  const log = threadRecorder(hammer.log, thread);
  const who = thread * TASKS;
  const pick = random(hammer.seed * 1000 + who);
  const mutex = Mutex.from(hammer.handle);
  let held = 0;
  for (let round = 0; round < hammer.rounds; round++) {
    const timeout = pick(4);
    log.record('request', who, 'm');
    try {
      const guard = pick(2) === 0 ? mutex.lockSync({ timeout }) : await mutex.lock({ timeout });
      log.record('grant', who, 'm');
      const before = hammer.count[0] ?? 0;
      if (pick(8) === 0) Atomics.wait(pause, 0, 0, 1);
      hammer.count[0] = before + 1;
      held++;
      log.record('release', who, 'm');
      guard.release();
    } catch (error) {
      log.record(refusal(error), who, 'm');
    }
  }
  return held;
}
