import { SyncGuard } from './guard.js';
import { checkLockOptions } from './options.js';
import type { LockOptions, WaitOptions } from './options.js';
import { Queue } from './queue.js';
import { joinShared, share } from './shared.js';
import type { LockHandle } from './words/arena.js';
import { MutexWords } from './words/mutex.js';
import { shows } from './shown.js';

export type MutexQueue = Queue<SyncGuard, MutexWords>;

let reveal: (mutex: Mutex) => MutexQueue;

const newQueue = (): MutexQueue => new Queue('the mutex', 1, SyncGuard);
const FAIR = 1;

/**
 * One holder at a time, first come first served.
 *
 * @example
 * import { Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * let balance = 100;
 *
 * async function pay(amount: number): Promise<void> {
 *   await using guard = await mutex.lock({ timeout: 1000 });
 *   const before = balance;
 *   await Promise.resolve(); // the database, say
 *   balance = before - amount;
 * }
 *
 * await Promise.all([pay(30), pay(20)]);
 * console.log(balance); // 50
 */
export class Mutex {
  #queue = newQueue();
  #handle: LockHandle | undefined = undefined;
  #fair: boolean;

  constructor(options: LockOptions = {}) {
    this.#fair = checkLockOptions(options);
  }

  /**
   * Joins the mutex that another thread has made, or the same one once more.
   *
   * @example
   * import { Mutex } from 'tierlock';
   * import { isMainThread, Worker, workerData } from 'node:worker_threads';
   *
   * if (isMainThread) {
   *   const mutex = new Mutex();
   *   using guard = mutex.lockSync();
   *   new Worker(new URL(import.meta.url), { workerData: mutex.handle });
   * } else {
   *   Mutex.from(workerData).runSync(() => console.log('alone')); // alone
   * }
   */
  static from(handle: LockHandle): Mutex {
    const mutex = new Mutex();
    const joined = joinShared(
      handle,
      'mutex',
      newQueue,
      (place, config) => new MutexWords(place, config === FAIR),
    );
    mutex.#queue = joined.queue;
    mutex.#fair = joined.config === FAIR;
    mutex.#handle = joined.handle;
    return mutex;
  }

  /**
   * What another thread needs to join the mutex: post it there. Until it is asked for, the mutex belongs to this
   * thread alone and costs nothing between threads.
   */
  get handle(): LockHandle {
    const fair = this.#fair;
    this.#handle ??= share(this.#queue, 'mutex', fair ? FAIR : 0, (place) => new MutexWords(place, fair));
    return this.#handle;
  }

  /** Whether somebody holds it, in whichever thread. */
  get locked(): boolean {
    return this.#queue.free === 0 || this.#queue.outer?.held === true;
  }

  /** Waits for the lock. The guard is the only way to release it. */
  lock(options?: WaitOptions): Promise<SyncGuard> {
    return this.#queue.acquire(1, options);
  }

  /**
   * Blocks the thread until the lock is ours. For worker threads, and for what has to be done synchronously: nothing
   * else runs in this thread meanwhile. Throws a `LockDeadlockError` if a task of this thread holds the lock.
   *
   * @example
   * import { Mutex } from 'tierlock';
   *
   * const mutex = new Mutex();
   * using guard = mutex.lockSync({ timeout: 100 });
   * console.log(guard.held); // true
   */
  lockSync(options?: WaitOptions): SyncGuard {
    return this.#queue.acquireSync(1, options);
  }

  /** The lock if it is free now, else null. */
  tryLock(): SyncGuard | null {
    return this.#queue.tryAcquire(1);
  }

  /**
   * Runs `fn` while holding the lock, and releases it when what `fn` returns has settled, whichever way.
   * An abort that comes before `fn` has begun passes the lock on, and `fn` is not run.
   *
   * @example
   * import { Mutex } from 'tierlock';
   *
   * const mutex = new Mutex();
   * console.log(await mutex.run(async () => 42)); // 42
   */
  run<T>(fn: (guard: SyncGuard) => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    return this.#queue.run(1, fn, options);
  }

  /**
   * Runs `fn` while holding the lock, blocking the thread until then. The lock is released when `fn` returns: for
   * what goes on after that, there is `run`.
   *
   * @example
   * import { Mutex } from 'tierlock';
   *
   * const mutex = new Mutex();
   * console.log(mutex.runSync(() => 42)); // 42
   */
  runSync<T>(fn: (guard: SyncGuard) => T, options?: WaitOptions): T {
    return this.#queue.runSync(1, fn, options);
  }

  static {
    reveal = (mutex) => mutex.#queue;
    shows(this, (mutex) => ({ locked: mutex.locked, waiting: mutex.#queue.length }));
  }
}

/** For `Condition`, which gives the mutex back and takes it again. Not exported from the package. */
export const queueOf: (mutex: Mutex) => MutexQueue = reveal;
