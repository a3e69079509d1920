/** What worker threads do to one reader-writer lock; see workers.ts. */
import { LockDeadlockError, LockTimeoutError, RWLock } from '../../src/index.js';
import type { LockHandle, RWGuard, WaitOptions } from '../../src/index.js';
import { random } from '../../src/testing/random.js';
import { threadRecorder } from './record.js';
import type { Recorder, ThreadLog } from './record.js';

export interface Hammer {
  readonly handle: LockHandle;
  readonly log: ThreadLog;
  readonly rounds: number;
  readonly seed: number;
  /** Goes up with every write, in two places: a reader who sees them differ has met a writer. */
  readonly data: Int32Array;
}

export interface Tally {
  reads: number;
  writes: number;
  upgrades: number;
  refused: number;
  recovered: number;
}

type Take = (options: WaitOptions) => Promise<RWGuard> | RWGuard | null;

/** Reads, writes, upgrades and downgrades, blocking, awaiting and trying, with little patience. */
export async function hammer(index: number, { handle, log, rounds, seed, data }: Hammer): Promise<Tally> {
  const lock = RWLock.from(handle);
  const recorder = threadRecorder(log, index);
  const next = random(seed + index);
  const tally: Tally = { reads: 0, writes: 0, upgrades: 0, refused: 0, recovered: 0 };
  const reads: Take[] = [(o) => lock.readSync(o), (o) => lock.read(o), () => lock.tryRead()];
  const writes: Take[] = [(o) => lock.writeSync(o), (o) => lock.write(o), () => lock.tryWrite()];

  const task = async (who: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const mode = next(3) === 0 ? 'exclusive' : 'shared';
      const take = (mode === 'shared' ? reads : writes)[next(3)] as Take;
      recorder.record('request', who, 'lock', mode);
      const guard = await attempt(recorder, who, mode, () => take(next(3) === 0 ? { timeout: next(3) } : {}));
      if (guard === null) {
        tally.refused++;
        continue;
      }
      recorder.record('grant', who, 'lock', mode);
      if (guard.recovered) tally.recovered++;
      if (mode === 'exclusive') write(data, tally);
      else read(data, tally);
      if (next(4) === 0) await Promise.resolve();
      recorder.record('release', who, 'lock', mode);
      // What is not in the history is in the data.
      if (mode === 'shared' && next(4) === 0 && guard.tryUpgrade() !== null) {
        write(data, tally);
        tally.upgrades++;
        if (next(2) === 0) read(data, tally);
      } else if (mode === 'exclusive' && next(4) === 0) {
        guard.downgrade();
        read(data, tally);
      }
      guard.release();
    }
  };
  await Promise.all([task(index * 2), task(index * 2 + 1)]);
  return tally;
}

async function attempt(
  recorder: Recorder,
  who: number,
  mode: 'exclusive' | 'shared',
  take: () => Promise<RWGuard> | RWGuard | null,
): Promise<RWGuard | null> {
  try {
    const guard = await take();
    if (guard === null) recorder.record('timeout', who, 'lock', mode);
    return guard;
  } catch (error) {
    // Blocking while the other task of this thread holds it is refused at once.
    if (!(error instanceof LockTimeoutError) && !(error instanceof LockDeadlockError)) throw error;
    recorder.record('timeout', who, 'lock', mode);
    return null;
  }
}

function write(data: Int32Array, tally: Tally): void {
  data[0] = (data[0] ?? 0) + 1;
  for (let i = 0; i < 20; i++)
    if (data[0] !== (data[16] ?? 0) + 1) throw new Error('two writers, or a reader who writes');
  data[16] = (data[16] ?? 0) + 1;
  tally.writes++;
}

function read(data: Int32Array, tally: Tally): void {
  const before = data[16];
  for (let i = 0; i < 20; i++) if (data[0] !== before) throw new Error('a reader met a writer');
  tally.reads++;
}

/** Holds it in a way, tells so, and never lets go. */
export function holdForEver(
  _: number,
  { handle, how, told }: { handle: LockHandle; how: string; told: Int32Array },
): void {
  const lock = RWLock.from(handle);
  const guard = how === 'read' ? lock.readSync() : lock.writeSync();
  Atomics.store(told, 0, 1);
  Atomics.notify(told, 0);
  Atomics.wait(told, 1, 0);
  guard.release();
}

/** Saturates it with reads or writes until told to stop; the longest wait in ms. */
export interface Saturated {
  readonly handle: LockHandle;
  readonly readers: number;
  readonly stop: Int32Array;
  /** How often each has been inside. */
  readonly turns: Int32Array;
}

export function saturate(index: number, { handle, readers, stop, turns }: Saturated): void {
  const lock = RWLock.from(handle);
  while (Atomics.load(stop, 0) === 0) {
    const guard = index < readers ? lock.readSync() : lock.writeSync();
    for (let i = 0; i < 500; i++) if (!guard.held) throw new Error('lost');
    guard.release();
    Atomics.add(turns, index, 1);
  }
}
