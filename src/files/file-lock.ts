/** A lock between processes: the kernel's lock on a file. */
import { resolve } from 'node:path';
import { LockUnsupportedError } from '../errors.js';
import { checkFileOptions, readFileWaitOptions } from '../options.js';
import type { FileLockOptions, FileWaitOptions } from '../options.js';
import type { RWGuard } from '../rw-guard.js';
import { fileQueue } from './file-queue.js';
import type { FileQueue } from './file-queue.js';
import { ALL } from './kernel-file.js';
import { shows } from '../shown.js';

/**
 * The kernel's lock on a file, or on a range of it. It excludes other processes, other threads and other handles, and
 * the kernel gives it back at once when its process ends, however that happens.
 *
 * The file is made if it is not there; what is in it is never touched. Any program that locks it in the same way takes
 * part: see `kind`.
 *
 * @example
 * import { FileLock } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const lock = new FileLock(join(tmpdir(), 'tierlock-example.lock'));
 * await using guard = await lock.lock({ timeout: 1000 });
 * console.log(guard.held, guard.mode); // true exclusive
 */
export class FileLock {
  static {
    shows(this, (lock) => {
      const { free, capacity, length } = lock.#queue;
      return { path: lock.path, held: free < capacity, waiting: length };
    });
  }

  /** The file's absolute path. */
  readonly path: string;
  readonly #queue: FileQueue;

  constructor(path: string, options: FileLockOptions = {}) {
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new TypeError("'path' must be the path of a file");
    this.path = resolve(path);
    this.#queue = fileQueue({ path: this.path, ...checkFileOptions(options) });
  }

  /** Waits until the lock is ours: alone, or, if `shared`, beside others who share it. */
  async lock(options?: FileWaitOptions): Promise<RWGuard> {
    const { units, wait } = read(options);
    return this.#queue.acquire(units, wait);
  }

  /**
   * The same, blocking the thread. Throws a `LockDeadlockError` if a task of this thread holds it.
   *
   * @example
   * import { FileLock } from 'tierlock';
   * import { tmpdir } from 'node:os';
   * import { join } from 'node:path';
   *
   * const lock = new FileLock(join(tmpdir(), 'tierlock-example.lock'), { kind: 'flock' });
   * using guard = lock.lockSync({ shared: true });
   * console.log(guard.mode); // shared
   */
  lockSync(options?: FileWaitOptions): RWGuard {
    if (options === undefined) return this.#queue.acquireSync(ALL);
    const { units, wait } = read(options);
    return this.#queue.acquireSync(units, wait);
  }

  /** A guard if the lock can be had now, else null. */
  tryLock(options?: Pick<FileWaitOptions, 'shared'>): RWGuard | null {
    return this.#queue.tryAcquire(read(options).units);
  }

  /** Holds the lock while `fn` runs, until what it returns has settled. */
  async run<T>(fn: (guard: RWGuard) => T | PromiseLike<T>, options?: FileWaitOptions): Promise<T> {
    const { units, wait } = read(options);
    return this.#queue.run(units, fn, wait);
  }

  /** The same for a function that is done when it returns; blocks the thread. */
  runSync<T>(fn: (guard: RWGuard) => T, options?: FileWaitOptions): T {
    const { units, wait } = read(options);
    return this.#queue.runSync(units, fn, wait);
  }

  /**
   * Who keeps us from it: the number of a process; -1 for somebody whom the kernel does not name (it names those who
   * hold `posix` locks only), 0 for nobody. Throws a `LockUnsupportedError` while this thread holds it.
   */
  holder(): number {
    const { free, outer, capacity } = this.#queue;
    if (outer === undefined || free < capacity) {
      throw new LockUnsupportedError(`this thread holds the file lock '${this.path}' itself`, {
        lock: this.path,
      });
    }
    return outer.holder();
  }
}

function read(options: FileWaitOptions | undefined): {
  units: number;
  wait: { timeout: number; signal?: AbortSignal } | undefined;
} {
  if (options === undefined) return { units: ALL, wait: undefined };
  const { shared, timeout, signal } = readFileWaitOptions(options);
  return {
    units: shared ? 1 : ALL,
    wait: signal === undefined ? { timeout } : { timeout, signal },
  };
}
