import { SyncGuard } from './guard.js';
import { checkCapacity, checkPermits, MAX_PERMITS } from './options.js';
import type { WaitOptions } from './options.js';
import { Queue } from './queue.js';
import { joinShared, needsNoHandle, share } from './shared.js';
import type { LockHandle } from './words/arena.js';
import { overwritten } from './words/seat.js';
import { SemaphoreWords } from './words/semaphore.js';
import { shows } from './shown.js';

type SemaphoreQueue = Queue<SyncGuard, SemaphoreWords>;

const newQueue = (permits: number): SemaphoreQueue =>
  new Queue(`the semaphore of ${permits}`, permits, SyncGuard);

/** The same for a number that another thread has written. */
function oldQueue(permits: number): SemaphoreQueue {
  if (permits < 1 || permits > MAX_PERMITS) throw overwritten('semaphore');
  return newQueue(permits);
}

let view: (queue: { readonly capacity: number }) => Semaphore;

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
  static {
    view = (queue) => {
      const made = new Semaphore(queue.capacity);
      made.#queue = queue as SemaphoreQueue;
      made.#named = true;
      return made;
    };
    shows(this, (semaphore) => ({
      available: semaphore.available,
      permits: semaphore.#queue.capacity,
      waiting: semaphore.#queue.length,
    }));
  }

  #queue: SemaphoreQueue;
  #handle: LockHandle | undefined = undefined;
  /** Whether it is one of a name: then every thread finds it by that. */
  #named = false;

  /** With how many permits it starts, which is also the most it ever has: 1 to 536,870,911. */
  constructor(permits: number) {
    checkCapacity(permits);
    this.#queue = newQueue(permits);
  }

  /**
   * Joins the semaphore that another thread has made, or the same one once more.
   *
   * @example
   * import { Semaphore } from 'tierlock';
   * import { isMainThread, Worker, workerData } from 'node:worker_threads';
   *
   * if (isMainThread) {
   *   const semaphore = new Semaphore(3);
   *   using guard = semaphore.acquireSync();
   *   new Worker(new URL(import.meta.url), { workerData: semaphore.handle });
   * } else {
   *   const semaphore = Semaphore.from(workerData);
   *   semaphore.runSync(() => console.log(semaphore.available), 3); // 0
   * }
   */
  static from(handle: LockHandle): Semaphore {
    const joined = joinShared(
      handle,
      'semaphore',
      oldQueue,
      (place, permits) => new SemaphoreWords(place, permits),
    );
    const semaphore = new Semaphore(joined.queue.capacity);
    semaphore.#queue = joined.queue;
    semaphore.#handle = joined.handle;
    return semaphore;
  }

  /**
   * What another thread needs to join the semaphore: post it there. Until it is asked for, the semaphore belongs to
   * this thread alone and costs nothing between threads.
   */
  get handle(): LockHandle {
    if (this.#named) throw needsNoHandle(this.#queue.kind);
    const permits = this.#queue.capacity;
    this.#handle ??= share(this.#queue, 'semaphore', permits, (place) => new SemaphoreWords(place, permits));
    return this.#handle;
  }

  /**
   * How many permits are with nobody, in whichever thread. Those who wait for more than that are served before
   * newcomers.
   */
  get available(): number {
    const { outer, free } = this.#queue;
    return outer === undefined ? free : outer.free;
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

  /**
   * Blocks the thread until the permits are ours. For worker threads, and for what has to be done synchronously:
   * nothing else runs in this thread meanwhile. Throws a `LockDeadlockError` if tasks of this thread hold so many
   * permits that too few would be left.
   *
   * @example
   * import { Semaphore } from 'tierlock';
   *
   * const semaphore = new Semaphore(3);
   * using guard = semaphore.acquireSync(2, { timeout: 100 });
   * console.log(semaphore.available); // 1
   */
  acquireSync(permits: number = 1, options?: WaitOptions): SyncGuard {
    if (permits !== 1) checkPermits(permits, this.#queue.capacity); // a check less where every nanosecond shows
    return this.#queue.acquireSync(permits, options);
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

  /**
   * Runs `fn` while holding permits, one unless told, blocking the thread until then. They are given back when `fn`
   * returns: for what goes on after that, there is `run`.
   *
   * @example
   * import { Semaphore } from 'tierlock';
   *
   * const three = new Semaphore(3);
   * console.log(three.runSync(() => three.available)); // 2
   */
  runSync<T>(fn: (guard: SyncGuard) => T, permits: number = 1, options?: WaitOptions): T {
    checkPermits(permits, this.#queue.capacity);
    return this.#queue.runSync(permits, fn, options);
  }
}

/** Of a queue that is found by its name. Not exported from the package. */
export const viewOf: (queue: { readonly capacity: number }) => Semaphore = view;
