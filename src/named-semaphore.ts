/** A semaphore that is found by its name. */
import type { Backend } from './backend.js';
import { storeFor } from './connect.js';
import { degrade } from './degraded.js';
import { LockBackendError, LockTimeoutError, LockUnsupportedError } from './errors.js';
import type { Hold } from './hold.js';
import { refuseSync } from './ladder.js';
import { Guard } from './lock-guard.js';
import { checkName, readPlan } from './lock-options.js';
import type { LockCallOptions, Plan } from './lock-options.js';
import { checkCapacity, checkKeys, checkPermits, readWait, wrongType } from './options.js';
import type { WaitOptions } from './options.js';
import { semaphores } from './registry.js';
import type { SemaphoreQueue } from './registry.js';
import { DistributedTier } from './tiers/distributed.js';
import type { Climbed } from './tiers/tier.js';

/**
 * What a named semaphore is.
 *
 * @example
 * import { semaphore } from 'tierlock';
 * import type { SemaphoreOptions } from 'tierlock';
 *
 * const options: SemaphoreOptions = { prefix: 'shop-' };
 * console.log(semaphore('downloads', 3, options).name); // shop-downloads
 */
export interface SemaphoreOptions extends Pick<
  LockCallOptions,
  'distributed' | 'ttl' | 'renew' | 'lockDelay' | 'fair' | 'onBackendDown'
> {
  /** Goes before the name, and is part of it. Default: none. */
  readonly prefix?: string;
  /** Not there yet: permits that the processes of a host share. */
  readonly external?: false;
}

const known = ['prefix', 'external', 'distributed', 'ttl', 'renew', 'lockDelay', 'fair', 'onBackendDown'];

/**
 * So many permits, shared by all tasks and worker threads of this process that ask for that name; with `distributed`, by
 * all hosts. All must say the same number, as long as any is taken or waited for.
 *
 * @example
 * import { semaphore } from 'tierlock';
 *
 * const downloads = semaphore('downloads', 3);
 * await using permit = await downloads.acquire();
 * console.log(await downloads.tryAcquire(3)); // null
 */
export class NamedSemaphore {
  /** The prefix and the name. */
  readonly name: string;
  readonly permits: number;
  readonly #plan: Plan;
  #tier: DistributedTier | undefined = undefined;

  /** @internal */
  constructor(name: string, permits: number, plan: Plan) {
    this.name = name;
    this.permits = permits;
    this.#plan = plan;
  }

  #use<T>(permits: number, fn: (queue: SemaphoreQueue) => T): T {
    checkPermits(permits, this.permits);
    return semaphores.using(this.name, fn, this.permits);
  }

  /** Waits for so many permits. */
  async acquire(permits: number = 1, options?: WaitOptions): Promise<Guard> {
    if (this.#plan.distributed === undefined)
      return new Guard(await this.#use(permits, (queue) => queue.acquire(permits, options)));
    checkPermits(permits, this.permits);
    const store = this.#store(this.#plan.distributed);
    const { timeout, signal } = readWait(options ?? {});
    const since = performance.now();
    const hold = await this.#use(permits, (queue) => queue.acquire(permits, options));
    const left = Math.max(0, timeout - (performance.now() - since));
    const wait = { timeout: left, ...(signal !== undefined && { signal }) };
    await this.#climb(hold, store.take(permits, wait), timeout);
    return new Guard(hold);
  }

  /** So many permits if they are free now, else null. */
  async tryAcquire(permits: number = 1): Promise<Guard | null> {
    const { distributed } = this.#plan;
    const store = distributed && this.#store(distributed);
    const hold = this.#use(permits, (queue) => queue.tryAcquire(permits));
    if (hold === null || store === undefined) return hold && new Guard(hold);
    if (await this.#climb(hold, store.attempt(permits), 0)) return new Guard(hold);
    hold.takeBack();
    return null;
  }

  /** Blocks this thread until so many are free. */
  acquireSync(permits: number = 1, options?: WaitOptions): Hold {
    if (this.#plan.distributed !== undefined) refuseSync(this.name);
    return this.#use(permits, (queue) => queue.acquireSync(permits, options));
  }

  #store(distributed: true | Backend): DistributedTier {
    const store = storeFor(distributed, this.name);
    if (this.#tier?.suits(store, this.#plan) === true) return this.#tier;
    return (this.#tier = new DistributedTier(this.name, store, this.#plan, {
      kind: 'semaphore',
      permits: this.permits,
    }));
  }

  /** What was taken on this host goes back if the store does not give its own. */
  async #climb(hold: Hold, above: Promise<Climbed | null>, timeout: number): Promise<boolean> {
    try {
      const climbed = await above;
      if (climbed !== null) hold.climb(climbed);
      return climbed !== null;
    } catch (error) {
      if (error instanceof LockBackendError && this.#plan.onBackendDown === 'lower') {
        degrade(hold, error);
        return true;
      }
      hold.takeBack();
      if (!(error instanceof LockTimeoutError)) throw error;
      const message = `timed out after ${timeout} ms waiting for the semaphore '${this.name}': ${error.message}`;
      throw new LockTimeoutError(message, { lock: this.name });
    }
  }
}

/**
 * The semaphore of that name. Nothing is taken until it is asked for permits.
 *
 * @example
 * import { semaphore } from 'tierlock';
 *
 * await using permits = await semaphore('downloads', 3).acquire(2);
 * console.log(await semaphore('downloads', 3).tryAcquire(2)); // null
 */
export function semaphore(name: string, permits: number, options?: SemaphoreOptions): NamedSemaphore {
  return semaphoreAt('', name, permits, options);
}

export function semaphoreAt(
  before: string,
  name: string,
  permits: number,
  options: SemaphoreOptions = {},
): NamedSemaphore {
  checkName(name);
  checkCapacity(permits);
  checkKeys(options, known);
  const { external, ...others } = options as Record<string, unknown>;
  if (external !== undefined && external !== false) {
    if (external !== true) throw wrongType('external', 'true or false', external);
    const message =
      `the semaphore '${name}' cannot be 'external': permits that the processes of a host share need memory that a ` +
      'file maps, which is not there yet. Use it within one process, or between hosts, or a lock';
    throw new LockUnsupportedError(message, { lock: name });
  }
  const plan = readPlan(others);
  if (plan.fair !== false && plan.distributed === undefined)
    throw new TypeError("'fair' is for semaphores in a store: it needs { distributed: true }, or a store");
  return new NamedSemaphore(before + plan.prefix + name, permits, plan);
}
