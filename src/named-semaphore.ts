/** A semaphore that is found by its name. */
import { LockUnsupportedError } from './errors.js';
import type { Hold } from './hold.js';
import { Guard } from './lock-guard.js';
import { checkName } from './lock-options.js';
import { checkCapacity, checkKeys, checkPermits, wrongType } from './options.js';
import type { WaitOptions } from './options.js';
import { semaphores } from './registry.js';
import type { SemaphoreQueue } from './registry.js';

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
export interface SemaphoreOptions {
  /** Goes before the name, and is part of it. Default: none. */
  readonly prefix?: string;
  /** Not there yet: permits that several processes share. */
  readonly external?: false;
}

/**
 * So many permits, shared by all tasks and worker threads of this process that ask for that name. All must say the same
 * number, as long as any is taken or waited for.
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

  /** @internal */
  constructor(name: string, permits: number) {
    this.name = name;
    this.permits = permits;
  }

  #use<T>(permits: number, fn: (queue: SemaphoreQueue) => T): T {
    checkPermits(permits, this.permits);
    return semaphores.using(this.name, fn, this.permits);
  }

  /** Waits for so many permits. */
  async acquire(permits: number = 1, options?: WaitOptions): Promise<Guard> {
    return new Guard(await this.#use(permits, (queue) => queue.acquire(permits, options)));
  }

  /** So many permits if they are free now, else null. */
  async tryAcquire(permits: number = 1): Promise<Guard | null> {
    const hold = this.#use(permits, (queue) => queue.tryAcquire(permits));
    return hold && new Guard(hold);
  }

  /** Blocks this thread until so many are free. */
  acquireSync(permits: number = 1, options?: WaitOptions): Hold {
    return this.#use(permits, (queue) => queue.acquireSync(permits, options));
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
  checkKeys(options, ['prefix', 'external', 'distributed']);
  const { prefix = '', external, distributed } = options as Record<string, unknown>;
  if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
  for (const [tier, asked] of Object.entries({ external, distributed })) {
    if (asked === undefined || asked === false) continue;
    if (tier === 'external' && asked !== true) throw wrongType(tier, 'true or false', asked);
    const message =
      `the semaphore '${name}' cannot be '${tier}': permits that several processes share need memory that a file ` +
      'maps, which is not there yet. Use it within one process, or a lock';
    throw new LockUnsupportedError(message, { lock: name });
  }
  return new NamedSemaphore(before + prefix + name, permits);
}
