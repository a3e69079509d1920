/** What a taker does that is told no module of its own: it takes locks by their names. */
import { configure } from '../config.js';
import { lock, lockSync, tryLock } from '../lock.js';
import type { Guard } from '../lock-guard.js';
import type { LockCallOptions } from '../lock-options.js';
import type { Hold } from '../hold.js';

/**
 * Which lock a taker takes, and how.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 * import type { TakeByName } from 'tierlock/testing';
 *
 * await using taker = await spawnTaker();
 * const request: TakeByName = { name: 'orders', how: 'try' };
 * console.log((await taker.take(request).acquired) !== null); // true
 */
export interface TakeByName extends Omit<LockCallOptions, 'signal' | 'within' | 'distributed'> {
  readonly name: string;
  /** Blocking the thread, or without a wait. Default: by waiting for a promise. */
  readonly how?: 'sync' | 'try';
  /** In the store that was set with `taker.run('configure', { backend: 'redis://...' })`. */
  readonly distributed?: boolean;
}

export async function take({ name, how, ...options }: TakeByName): Promise<Guard | Hold | null> {
  if (how === 'sync') return lockSync(name, options);
  return how === 'try' ? tryLock(name, options) : lock(name, options);
}

export { configure };
