import { SyncGuard } from './guard.js';
import { checkLockOptions } from './options.js';
import type { LockOptions, WaitOptions } from './options.js';
import { Queue } from './queue.js';

let reveal: (mutex: Mutex) => Queue;

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
  readonly #queue = new Queue('the mutex', 1, SyncGuard);

  constructor(options: LockOptions = {}) {
    checkLockOptions(options);
  }

  /** Whether somebody holds it. */
  get locked(): boolean {
    return this.#queue.free === 0;
  }

  /** Waits for the lock. The guard is the only way to release it. */
  lock(options?: WaitOptions): Promise<SyncGuard> {
    return this.#queue.acquire(1, options);
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

  static {
    reveal = (mutex) => mutex.#queue;
  }
}

/** For `Condition`, which gives the mutex back and takes it again. Not exported from the package. */
export const queueOf: (mutex: Mutex) => Queue = reveal;
