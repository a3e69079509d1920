import { SyncGuard } from './guard.js';
import { checkCapacity, checkPermits } from './options.js';
import type { WaitOptions } from './options.js';
import { Queue } from './queue.js';

/**
 * A number of permits, handed out in order of arrival. A large request at the head of the line is not passed by
 * small ones behind it, and taking a million permits costs what taking one does: bytes can be counted with it.
 *
 * @example
 * import { Semaphore } from 'tierlock';
 *
 * const memory = new Semaphore(64_000_000);
 *
 * async function load(bytes: number): Promise<void> {
 *   await using permits = await memory.acquire(bytes);
 *   console.log(memory.available); // 59000000
 * }
 *
 * await load(5_000_000);
 */
export class Semaphore {
  readonly #queue: Queue;

  /** With how many permits it starts, which is also the most it ever has: 1 to 1,073,741,823. */
  constructor(permits: number) {
    checkCapacity(permits);
    this.#queue = new Queue(`the semaphore of ${permits}`, permits, SyncGuard);
  }

  /** How many permits are with nobody. Those who wait for more than that are served before newcomers. */
  get available(): number {
    return this.#queue.free;
  }

  /** Waits for `permits` at once; the guard gives back all of them. */
  acquire(permits: number = 1, options?: WaitOptions): Promise<SyncGuard> {
    try {
      checkPermits(permits, this.#queue.capacity);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#queue.acquire(permits, options);
  }

  /** The permits if they are available now and nobody waits for any, else null. */
  tryAcquire(permits: number = 1): SyncGuard | null {
    checkPermits(permits, this.#queue.capacity);
    return this.#queue.tryAcquire(permits);
  }

  /**
   * Runs `fn` while holding permits, one unless told, and gives them back when what `fn` returns has settled.
   *
   * @example
   * import { Semaphore } from 'tierlock';
   *
   * const three = new Semaphore(3);
   * const jobs = [1, 2, 3, 4, 5].map((n) => three.run(async () => n * n));
   * console.log(await Promise.all(jobs)); // [ 1, 4, 9, 16, 25 ]
   */
  async run<T>(
    fn: (guard: SyncGuard) => T | PromiseLike<T>,
    permits: number = 1,
    options?: WaitOptions,
  ): Promise<T> {
    checkPermits(permits, this.#queue.capacity);
    return this.#queue.run(permits, fn, options);
  }
}
