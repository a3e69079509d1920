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
import { SlowWait } from './slow-wait.js';
import { DistributedTier } from './tiers/distributed.js';
import type { Climbed } from './tiers/tier.js';
import { Asking, isWatched, watch, watchSync } from './watched.js';
import { shows } from './shown.js';

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

const itself = (queue: SemaphoreQueue): SemaphoreQueue => queue;

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
  static {
    shows(this, ({ name, permits }) => ({
      name,
      permits,
      // Of this thread's: to look at those of others it would have to open the name.
      waiting: semaphores.find(name)?.length ?? 0,
    }));
  }

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

  #use<T>(fn: (queue: SemaphoreQueue) => T): T {
    return semaphores.using(this.name, fn, this.permits);
  }

  /** Waits for so many permits. */
  async acquire(permits: number = 1, options?: WaitOptions): Promise<Guard> {
    checkPermits(permits, this.permits);
    if (!isWatched()) return new Guard(await this.#take(permits, options));
    return new Guard(await watch(this.#asking(permits), () => this.#take(permits, options)));
  }

  #take(permits: number, options: WaitOptions | undefined): Promise<Hold> {
    const { distributed } = this.#plan;
    const slow = SlowWait.begin();
    if (distributed === undefined) return this.#wait(permits, options, slow);
    return this.#takeAbove(this.#store(distributed), permits, options, slow);
  }

  async #takeAbove(
    store: DistributedTier,
    permits: number,
    options: WaitOptions | undefined,
    slow: SlowWait | undefined,
  ): Promise<Hold> {
    const { timeout, signal } = readWait(options ?? {});
    const since = performance.now();
    const hold = await this.#wait(permits, options, slow);
    const left = Math.max(0, timeout - (performance.now() - since));
    const taken = store.take(permits, { timeout: left, ...(signal !== undefined && { signal }) });
    const above = slow?.above(taken, this.#use(itself), store) ?? taken;
    await this.#climb(hold, above, timeout);
    return hold;
  }

  /** For its turn in this process. */
  #wait(permits: number, options: WaitOptions | undefined, slow: SlowWait | undefined): Promise<Hold> {
    return this.#use((queue) => {
      const acquired = queue.acquire(permits, options);
      return slow?.inside(acquired, queue) ?? acquired;
    });
  }

  /** So many permits if they are free now, else null. */
  async tryAcquire(permits: number = 1): Promise<Guard | null> {
    checkPermits(permits, this.permits);
    const attempt = (): Promise<Hold | null> => this.#attempt(permits);
    const hold = await (isWatched() ? watch(this.#asking(permits), attempt) : attempt());
    return hold && new Guard(hold);
  }

  async #attempt(permits: number): Promise<Hold | null> {
    const { distributed } = this.#plan;
    const store = distributed && this.#store(distributed);
    const hold = this.#use((queue) => queue.tryAcquire(permits));
    if (hold === null || store === undefined) return hold;
    if (await this.#climb(hold, store.attempt(permits), 0)) return hold;
    hold.takeBack();
    return null;
  }

  /** Blocks this thread until so many are free. */
  acquireSync(permits: number = 1, options?: WaitOptions): Hold {
    if (this.#plan.distributed !== undefined) refuseSync(this.name);
    checkPermits(permits, this.permits);
    const take = (): Hold =>
      this.#use((queue) => {
        const slow = SlowWait.begin();
        const hold = queue.acquireSync(permits, options);
        slow?.blocked(queue);
        return hold;
      });
    return isWatched() ? watchSync(this.#asking(permits), take) : take();
  }

  #asking(permits: number): Asking {
    return new Asking(this.name, permits, this.#plan);
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
