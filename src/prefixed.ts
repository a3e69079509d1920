/** The calls of the package under a prefix, for the names of one program or library. */
import type { Hold } from './hold.js';
import { lockAllAt } from './lock-all.js';
import type { GuardGroup } from './lock-all.js';
import { lockAt, lockSyncAt, tryLockAt, tryLockSyncAt } from './lock.js';
import type { lock } from './lock.js';
import type { Guard } from './lock-guard.js';
import type { LockCallOptions } from './lock-options.js';
import { semaphoreAt } from './named-semaphore.js';
import type { NamedSemaphore, SemaphoreOptions } from './named-semaphore.js';
import { wrongType } from './options.js';
import { synchronizedAt } from './synchronized.js';
import type { synchronized } from './synchronized.js';

type TryOptions = Omit<LockCallOptions, 'timeout' | 'signal'>;

/**
 * What `withPrefix` gives: the calls of the package, whose names begin with the prefix.
 *
 * @example
 * import { withPrefix } from 'tierlock';
 * import type { Prefixed } from 'tierlock';
 *
 * const shop: Prefixed = withPrefix('shop-');
 * await using guard = await shop.lock('orders');
 * console.log(guard.name); // shop-orders
 */
export interface Prefixed {
  readonly lock: typeof lock;
  readonly tryLock: (name: string, options?: TryOptions) => Promise<Guard | null>;
  readonly lockSync: (name: string, options?: LockCallOptions) => Hold;
  readonly tryLockSync: (name: string, options?: TryOptions) => Hold | null;
  readonly lockAll: (names: readonly string[], options?: LockCallOptions) => Promise<GuardGroup>;
  readonly semaphore: (name: string, permits: number, options?: SemaphoreOptions) => NamedSemaphore;
  readonly synchronized: typeof synchronized;
  /** One more prefix, behind this one. */
  readonly withPrefix: (prefix: string) => Prefixed;
}

/**
 * The same calls with a prefix bound: `withPrefix('shop-').lock('orders')` is `lock('shop-orders')`.
 *
 * @example
 * import { lock, withPrefix } from 'tierlock';
 *
 * const shop = withPrefix('shop-');
 * await using guard = await shop.lock('orders');
 * console.log(await shop.tryLock('orders'), guard.name); // null shop-orders
 */
export function withPrefix(prefix: string): Prefixed {
  if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
  return Object.freeze({
    lock: ((name: string, options?: LockCallOptions, fn?: () => unknown) =>
      lockAt(prefix, name, options, fn)) as typeof lock,
    tryLock: (name: string, options?: TryOptions) => tryLockAt(prefix, name, options),
    lockSync: (name: string, options?: LockCallOptions) => lockSyncAt(prefix, name, options),
    tryLockSync: (name: string, options?: TryOptions) => tryLockSyncAt(prefix, name, options),
    lockAll: (names: readonly string[], options?: LockCallOptions) => lockAllAt(prefix, names, options),
    semaphore: (name: string, permits: number, options?: SemaphoreOptions) =>
      semaphoreAt(prefix, name, permits, options),
    synchronized: synchronizedAt(prefix),
    withPrefix: (more: string) => withPrefix(prefix + more),
  });
}
