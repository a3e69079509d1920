/**
 * The `ReaderWriterLock` of fasteners. There the thread that calls is who holds the lock. Tasks of JavaScript have no such
 * identity, so here it is either the guard, for whoever has it; or, for what runs inside of `readLock(fn)` and
 * `writeLock(fn)`, those: they are let in again.
 */
import { randomUUID } from 'node:crypto';
import { configuration } from '../config.js';
import { currentMark } from '../context.js';
import { LockMisuseError } from '../errors.js';
import type { Hold } from '../hold.js';
import { FairLocks } from '../live.js';
import { Guard } from '../lock-guard.js';
import type { LockCallOptions } from '../lock-options.js';
import { lockAt } from '../lock.js';
import { checkCallable } from '../options.js';
import type { WaitOptions } from '../options.js';
import { locks } from '../registry.js';
import type { RWLock } from '../rwlock.js';

type Inside<T> = (guard: Guard) => T | PromiseLike<T>;

let make: (key: string) => ReaderWriterLock;

/**
 * Many readers or one writer, in order of arrival. What runs inside of `readLock(fn)` or `writeLock(fn)` may read again,
 * and inside of a writer write again.
 *
 * @example
 * import { ReaderWriterLock } from 'tierlock/oslo';
 *
 * const lock = new ReaderWriterLock();
 * await lock.writeLock(async () => {
 *   await lock.readLock(async () => console.log(lock.isReader(), lock.isWriter(), lock.owner)); // true true w
 * });
 * await using guard = await lock.acquireReadLock({ timeout: 1000 });
 * console.log(guard.mode, lock.owner, lock.hasPendingWriters); // shared r false
 */
export class ReaderWriterLock {
  static readonly READER = 'r';
  static readonly WRITER = 'w';

  #key = `ReaderWriterLock ${randomUUID()}`;
  /** Keeps the name open, and in order of arrival. */
  #view: RWLock | undefined = undefined;

  static {
    make = (key) => {
      const lock = new ReaderWriterLock();
      lock.#key = key;
      return lock;
    };
  }

  get #lock(): RWLock {
    return (this.#view ??= FairLocks.get(this.#key));
  }

  /** Waits until no writer holds it, and gives a guard; or holds it while `fn` runs, until what that returns has settled. */
  readLock(): Promise<Guard>;
  readLock<T>(fn: Inside<T>): Promise<T>;
  async readLock<T>(fn?: Inside<T>): Promise<unknown> {
    return this.#take(true, {}, fn);
  }

  /** The same, until nobody holds it. Inside of a `readLock(fn)` of its own it is a `LockDeadlockError`. */
  writeLock(): Promise<Guard>;
  writeLock<T>(fn: Inside<T>): Promise<T>;
  async writeLock<T>(fn?: Inside<T>): Promise<unknown> {
    return this.#take(false, {}, fn);
  }

  async acquireReadLock(options?: WaitOptions): Promise<Guard> {
    return this.#take(true, options) as Promise<Guard>;
  }

  async acquireWriteLock(options?: WaitOptions): Promise<Guard> {
    return this.#take(false, options) as Promise<Guard>;
  }

  async #take(shared: boolean, options: WaitOptions = {}, fn?: Inside<unknown>): Promise<unknown> {
    if (fn !== undefined) checkCallable('fn', fn);
    void this.#lock;
    const reentrant = configuration().deadlock !== 'off';
    const all: LockCallOptions = { ...options, shared, reentrant };
    return lockAt('', this.#key, all, fn);
  }

  /** Gives back what `acquireReadLock` gave. Throws a `LockMisuseError` if that is not a reader's, or not held. */
  releaseReadLock(guard: Guard): void {
    this.#release(guard, 'shared', 'reader');
  }

  /** Gives back what `acquireWriteLock` gave. Throws a `LockMisuseError` if that is not a writer's, or not held. */
  releaseWriteLock(guard: Guard): void {
    this.#release(guard, 'exclusive', 'writer');
  }

  #release(guard: Guard, mode: Guard['mode'], who: string): void {
    if (!(guard instanceof Guard) || guard.name !== this.#key || !guard.held || guard.mode !== mode)
      throw new LockMisuseError(`the reader-writer lock is not held by that guard as a ${who}`, {
        lock: this.#key,
      });
    void guard.release();
  }

  /** Whether this runs inside of `readLock(fn)`. */
  isReader(): boolean {
    return this.#isInside('shared');
  }

  /** Whether this runs inside of `writeLock(fn)`. */
  isWriter(): boolean {
    return this.#isInside('exclusive');
  }

  #isInside(mode: Hold['mode']): boolean {
    const queue = locks.find(this.#key);
    for (let mark = currentMark(); mark !== undefined; mark = mark.around) {
      const hold = mark.hold as Hold;
      if (hold.whole.source === queue && hold.held && hold.mode === mode) return true;
    }
    return false;
  }

  /** Whether a reader has it, or a writer; null if nobody has it. */
  get owner(): 'r' | 'w' | null {
    if (this.#lock.writer) return ReaderWriterLock.WRITER;
    return this.#lock.readers > 0 ? ReaderWriterLock.READER : null;
  }

  /** Whether a writer waits. */
  get hasPendingWriters(): boolean {
    return this.#lock.waitingWriters > 0;
  }
}

/** The lock of that name. Not exported from the package. */
export const named: (key: string) => ReaderWriterLock = make;
