/** Taking a lock away from whoever holds it. */
import { askStore } from './ask-store.js';
import { storeFor } from './connect.js';
import { LockLostError, LockUnsupportedError } from './errors.js';
import { Hold } from './hold.js';
import { keyOf } from './lock.js';
import { readPlan } from './lock-options.js';
import type { LockCallOptions } from './lock-options.js';
import { checkKeys } from './options.js';
import { ProcessTier } from './tiers/process.js';

/**
 * Where a lock is taken away.
 *
 * @example
 * import { breakLock, connect } from 'tierlock';
 * import type { BreakOptions } from 'tierlock';
 *
 * await using store = connect('memory:');
 * const options: BreakOptions = { distributed: store };
 * console.log(await breakLock('orders', options)); // false
 */
export type BreakOptions = Pick<LockCallOptions, 'external' | 'distributed' | 'prefix' | 'lockPath' | 'via'>;

/**
 * Takes the lock of that name away from whoever holds it, for the night when a holder hangs. Whether anybody held it.
 *
 * With `distributed`, in the store: its holder learns of it at his next renewal, a third of his `ttl` later at most, and
 * may go on until then. Without, from the tasks of this thread: their guards are lost at once. The kernel's lock of a
 * process that lives cannot be taken: end the process.
 *
 * @example
 * import { breakLock, lock } from 'tierlock';
 *
 * const guard = await lock('orders');
 * console.log(await breakLock('orders'), guard.held); // true false
 */
export async function breakLock(name: string, options: BreakOptions = {}): Promise<boolean> {
  checkKeys(options, ['external', 'distributed', 'prefix', 'lockPath', 'via']);
  const plan = readPlan(options);
  const key = keyOf('', name, plan);
  if (plan.distributed !== undefined) {
    const store = storeFor(plan.distributed, key);
    if (store.break === undefined) {
      const message = `${store.name} cannot take the lock '${key}' away from its holder: end the process that has it`;
      throw new LockUnsupportedError(message, { lock: key });
    }
    return askStore(store, key, store.break(`lock:${key}`));
  }
  if (plan.external) {
    const holder = new ProcessTier(key, plan).describeHolder();
    if (holder === undefined) return false;
    const message = `the file lock '${key}' of ${holder} cannot be taken away while that lives: end it`;
    throw new LockUnsupportedError(message, { lock: key });
  }
  const holds = [...Hold.all()].filter((hold) => hold.name === key && hold.noun === 'lock');
  const message = `the lock '${key}' was taken away by breakLock()`;
  for (const hold of holds) hold.takeAway(new LockLostError(message, { lock: key }));
  await Promise.all(holds.map(async (hold) => hold.ending));
  return holds.length > 0;
}
