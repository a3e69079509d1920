/** What worker threads do to one condition; see workers.ts. */
import { Condition, LockTimeoutError, Mutex } from '../../src/index.js';
import type { ConditionHandle, SyncGuard } from '../../src/index.js';
import { random } from '../../src/testing/random.js';

export interface Shared {
  readonly handle: ConditionHandle;
  /** 0: how many are in the basket, 1: no more will come, 2: how many threads wait or have waited. */
  readonly basket: Int32Array;
  readonly seed?: number;
  readonly impatient?: boolean;
}

const open = (handle: ConditionHandle): { mutex: Mutex; filled: Condition } => ({
  mutex: Mutex.from(handle.mutex),
  filled: Condition.from(handle),
});

/** Takes out of the basket until it is empty for good: blocking, awaiting, now and then with a time limit. */
export async function take(
  index: number,
  { handle, basket, seed = 1, impatient = false }: Shared,
): Promise<number> {
  const { mutex, filled } = open(handle);
  const next = random(seed + index);
  let taken = 0;
  const task = async (): Promise<void> => {
    for (;;) {
      using guard: SyncGuard = await mutex.lock();
      while (basket[0] === 0 && basket[1] === 0) {
        basket[2] = (basket[2] ?? 0) + 1;
        const options = impatient && next(2) === 0 ? { timeout: next(3) } : {};
        try {
          if (next(2) === 0) filled.waitSync(guard, options);
          else await filled.wait(guard, options);
        } catch (error) {
          if (!(error instanceof LockTimeoutError)) throw error;
        }
        guard.assertHeld();
      }
      if (basket[0] === 0) return;
      basket[0] = (basket[0] ?? 0) - 1;
      taken++;
    }
  };
  await Promise.all([task(), task()]);
  return taken;
}

/** Blocks in a wait, and says so as soon as the mutex is free again. */
export function waitOnce(_: number, { handle, basket }: Shared): string {
  const { mutex, filled } = open(handle);
  using guard = mutex.lockSync();
  basket[2] = (basket[2] ?? 0) + 1;
  filled.waitSync(guard);
  return `held: ${guard.held}`;
}
