/**
 * The locks of fasteners on a file: objects that are locked and unlocked, instead of guards. Unlike there, two objects of
 * one process exclude each other, and so do two tasks with one object: the second one waits.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { LockMisuseError, LockTimeoutError } from '../errors.js';
import { FileLock } from '../files/file-lock.js';
import { findPlace } from '../files/place.js';
import { checkKeys, readWait, wrongType } from '../options.js';
import type { WaitOptions } from '../options.js';
import type { RWGuard } from '../rw-guard.js';

/**
 * How to wait for a lock on a file.
 *
 * @example
 * import { InterProcessLock } from 'tierlock/oslo';
 * import type { AcquireOptions } from 'tierlock/oslo';
 *
 * const options: AcquireOptions = { timeout: 500 };
 * const lock = new InterProcessLock('/tmp/tierlock-example/oslo.lock');
 * console.log(await lock.acquire(options)); // true
 */
export interface AcquireOptions extends WaitOptions {
  /** Whether to wait. Default: true. */
  readonly blocking?: boolean;
  /** Checked, and not used: nobody polls. */
  readonly delay?: number;
  /** Likewise. */
  readonly maxDelay?: number;
}

/** Checks a time that is not used. */
export function checkDelay(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!(value >= 0)) throw new RangeError(`'${name}' must not be negative or NaN, got ${value}`);
}

/** A file, and who has made its folder. */
class File {
  readonly lock: FileLock;
  #made = false;

  constructor(path: string) {
    this.lock = new FileLock(path);
  }

  /** A guard; null if it did not come in time. */
  async take(shared: boolean, options: AcquireOptions = {}): Promise<RWGuard | null> {
    checkKeys(options, ['blocking', 'delay', 'maxDelay', 'timeout', 'signal']);
    const { blocking = true, delay = 0, maxDelay = 0 } = options;
    const { timeout, signal } = readWait(options);
    if (typeof blocking !== 'boolean') throw wrongType('blocking', 'true or false', blocking);
    checkDelay('delay', delay);
    checkDelay('maxDelay', maxDelay);
    signal?.throwIfAborted();
    if (!this.#made) findPlace({ lockPath: dirname(this.lock.path), network: true });
    this.#made = true;
    if (!blocking) return this.lock.tryLock({ shared });
    try {
      return await this.lock.lock(signal === undefined ? { shared, timeout } : { shared, timeout, signal });
    } catch (error) {
      if (error instanceof LockTimeoutError) return null;
      throw error;
    }
  }

  giveBack(guard: RWGuard | undefined): void {
    if (guard?.release() === true) return;
    const { path } = this.lock;
    throw new LockMisuseError(`the lock on '${path}' is not held by this object: acquire it before`, {
      lock: path,
    });
  }
}

/**
 * A lock between processes on a file of any name, which Python's fasteners and `fcntl.lockf` see as one of theirs.
 *
 * @example
 * import { InterProcessLock } from 'tierlock/oslo';
 *
 * const lock = new InterProcessLock('/tmp/tierlock-example/job.lock');
 * if (await lock.acquire({ timeout: 1000 })) {
 *   console.log(lock.acquired, lock.exists()); // true true
 *   lock.release();
 * }
 * console.log(await lock.run(async () => lock.acquired), lock.acquired); // true false
 */
export class InterProcessLock {
  /** The file's absolute path. */
  readonly path: string;
  readonly #file: File;
  #guard: RWGuard | undefined = undefined;

  constructor(path: string) {
    this.#file = new File(path);
    this.path = this.#file.lock.path;
  }

  /** Waits for it. False if it did not come within `timeout` ms, or at once if not `blocking`. */
  async acquire(options?: AcquireOptions): Promise<boolean> {
    const guard = await this.#file.take(false, options);
    if (guard !== null) this.#guard = guard;
    return guard !== null;
  }

  /** Gives it back. Throws a `LockMisuseError` if this object does not hold it. */
  release(): void {
    const guard = this.#guard;
    this.#guard = undefined;
    this.#file.giveBack(guard);
  }

  /** Holds it while `fn` runs, until what it returns has settled: Python's `with lock:`. */
  async run<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    await this.acquire();
    try {
      return await fn();
    } finally {
      this.release();
    }
  }

  /** Whether this object holds it. */
  get acquired(): boolean {
    return this.#guard !== undefined;
  }

  /** Whether there is a file. It stays when nobody holds it. */
  exists(): boolean {
    return existsSync(this.path);
  }

  /** `await using lock = ...`: gives it back at the end of the block if this object holds it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.acquired) this.release();
  }
}

/**
 * Many readers or one writer, among all processes that lock the file so.
 *
 * @example
 * import { InterProcessReaderWriterLock } from 'tierlock/oslo';
 *
 * const one = new InterProcessReaderWriterLock('/tmp/tierlock-example/settings.lock');
 * const other = new InterProcessReaderWriterLock('/tmp/tierlock-example/settings.lock');
 * await one.readLock(async () => {
 *   console.log(await other.acquireReadLock(), await one.acquireWriteLock({ blocking: false })); // true false
 *   other.releaseReadLock();
 * });
 */
export class InterProcessReaderWriterLock {
  /** The file's absolute path. */
  readonly path: string;
  readonly #file: File;
  readonly #readers: RWGuard[] = [];
  #writer: RWGuard | undefined = undefined;

  constructor(path: string) {
    this.#file = new File(path);
    this.path = this.#file.lock.path;
  }

  /** Waits until nobody writes. False as with `InterProcessLock`. One `releaseReadLock` for each that was true. */
  async acquireReadLock(options?: AcquireOptions): Promise<boolean> {
    const guard = await this.#file.take(true, options);
    if (guard !== null) this.#readers.push(guard);
    return guard !== null;
  }

  /** Waits until nobody else has it, this object's own readers included. */
  async acquireWriteLock(options?: AcquireOptions): Promise<boolean> {
    const guard = await this.#file.take(false, options);
    if (guard !== null) this.#writer = guard;
    return guard !== null;
  }

  /** Throws a `LockMisuseError` if this object does not read. */
  releaseReadLock(): void {
    this.#file.giveBack(this.#readers.pop());
  }

  /** Throws a `LockMisuseError` if this object does not write. */
  releaseWriteLock(): void {
    const guard = this.#writer;
    this.#writer = undefined;
    this.#file.giveBack(guard);
  }

  /** Reads while `fn` runs. */
  async readLock<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    await this.acquireReadLock();
    try {
      return await fn();
    } finally {
      this.releaseReadLock();
    }
  }

  /** Writes while `fn` runs. */
  async writeLock<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    await this.acquireWriteLock();
    try {
      return await fn();
    } finally {
      this.releaseWriteLock();
    }
  }
}
