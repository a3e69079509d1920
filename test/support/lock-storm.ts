/** Tasks that take names, give up, throw and come again, as a seed tells (for takers: taker.ts; and for ourselves). */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { lock, LockTimeoutError, lockAll, lockSync, tryLock } from '../../src/index.js';
import type { Guard, Hold, LockCallOptions } from '../../src/index.js';
import { FileLog, hold } from './record.js';
import { random } from '../../src/testing/random.js';
import { countNames, countWaits, leftOver } from './locks.js';
import { waitUntil } from '../../src/testing/wait.js';
export { take } from './locks.js';

export interface Storm {
  readonly seed: number;
  readonly tasks: number;
  readonly rounds: number;
  readonly names: readonly string[];
  readonly lockPath: string;
  /** Where what happens is written down. */
  readonly events: string;
}

export interface Outcome {
  readonly granted: number;
  readonly failed: number;
  /** What is left at the end. */
  readonly left: readonly string[];
}

class Thrown extends Error {}

export async function storm({ seed, tasks, rounds, names, lockPath, events }: Storm): Promise<Outcome> {
  const log = new FileLog(events);
  const counts = { granted: 0, failed: 0 };
  await Promise.all(
    Array.from({ length: tasks }, async (_, task) => {
      const below = random(seed + task * 1000);
      for (let round = 0; round < rounds; round++) {
        const name = names[below(names.length)] ?? '';
        const shared = below(4) === 0;
        const who = `${process.pid}-${task}`;
        const control = new AbortController();
        const options: LockCallOptions = {
          external: true,
          lockPath,
          shared,
          fair: below(5) === 0,
          signal: control.signal,
          ...(below(3) === 0 ? { timeout: below(4) } : {}),
          ...(below(4) === 0 ? { handover: { ms: below(3), grants: below(4) } } : {}),
        };
        const how = below(10);
        const acquire = async (): Promise<Guard | Hold | null> => {
          if (how === 0) return tryLock(name, { external: true, lockPath, shared });
          if (how === 1) return trySync(name, options);
          if (how === 2) return (await lockAll([name], options)).all[0] ?? null;
          const wait = lock(name, options);
          if (how === 3) control.abort(new Thrown('now'));
          if (how === 4) void sleep(below(3)).then(() => control.abort(new Thrown('soon')));
          if (how === 5) {
            for (let i = below(12); i > 0; i--) await Promise.resolve();
            control.abort(new Thrown('in some ticks'));
          }
          return wait;
        };
        const body = async (): Promise<void> => {
          if (below(4) === 0) await setImmediate();
          if (below(6) === 0) throw new Thrown('inside');
        };
        try {
          const granted = await hold(
            log,
            { who, lock: name, mode: shared ? 'shared' : 'exclusive' },
            acquire,
            body,
          );
          counts[granted ? 'granted' : 'failed']++;
        } catch (error) {
          if (!(error instanceof Thrown) && !(error instanceof LockTimeoutError)) throw error;
          counts.failed++;
        }
        if (below(8) === 0) await setImmediate();
      }
    }),
  );
  log.close();
  await waitUntil(() => countWaits() === 0, { what: 'no thread waits' });
  const left = await leftOver();
  await waitUntil(() => countNames() === 0, { what: 'all names are closed' });
  return { ...counts, left };
}

/** A task of this thread may be in the way: that is no failure here. */
function trySync(name: string, options: LockCallOptions): Hold | null {
  try {
    return lockSync(name, { ...options, timeout: 1 });
  } catch (error) {
    if (error instanceof Error && error.name === 'LockDeadlockError') return null;
    throw error;
  }
}
