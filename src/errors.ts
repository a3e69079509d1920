/**
 * Everything that can go wrong with a lock. Each error is made where it is thrown, so that its stack is true.
 * Bad arguments are a TypeError (wrong type, unknown option) or a RangeError (a number that makes no sense);
 * an abort rejects with the signal's own reason. All the rest is a `LockError`.
 */

/**
 * What an error knows besides its message.
 *
 * @example
 * import { LockMisuseError } from 'tierlock';
 * import type { LockErrorInit } from 'tierlock';
 *
 * const init: LockErrorInit = { lock: 'orders', cause: new Error('why') };
 * console.log(new LockMisuseError('do not', init).lock); // orders
 */
export interface LockErrorInit extends ErrorOptions {
  /** The lock in question: its name, or what it is if it has none. */
  readonly lock: string;
  /** Of a `LockLostError`: what the function returned that ran meanwhile. */
  readonly result?: unknown;
}

/**
 * The base of every error of this package: `error instanceof LockError`, or look at `error.code`.
 *
 * @example
 * import { LockError, LockTimeoutError, Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const guard = await mutex.lock();
 * const error = await mutex.lock({ timeout: 0 }).catch((e: unknown) => e);
 * console.log(error instanceof LockError, (error as LockTimeoutError).code); // true ERR_LOCK_TIMEOUT
 * guard.release();
 */
export class LockError extends Error {
  static {
    this.prototype.name = 'LockError';
  }

  /** One of the `ERR_LOCK_*` codes, stable between versions. */
  readonly code: `ERR_LOCK_${string}`;
  /** The lock in question: its name, or what it is if it has none. */
  readonly lock: string;

  constructor(code: `ERR_LOCK_${string}`, message: string, init: LockErrorInit) {
    super(message, init);
    this.code = code;
    this.lock = init.lock;
  }
}

/**
 * The lock did not come within `timeout`. Nothing is held and nothing waits any more.
 *
 * @example
 * import { LockTimeoutError, Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * using guard = mutex.tryLock();
 * try {
 *   await mutex.lock({ timeout: 10 });
 * } catch (error) {
 *   if (!(error instanceof LockTimeoutError)) throw error;
 *   console.log(error.message); // timed out after 10 ms waiting for the mutex (held; others waiting: 0)
 * }
 */
export class LockTimeoutError extends LockError {
  static {
    this.prototype.name = 'LockTimeoutError';
  }

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_TIMEOUT', message, init);
  }
}

/**
 * The lock was held, but exclusion can no longer be promised: what was done under it may have met a rival. Locks
 * that live in this process cannot be lost; those on a server can.
 *
 * @example
 * import { LockLostError, Mutex } from 'tierlock';
 *
 * async function save(): Promise<void> {
 *   await using guard = await new Mutex().lock();
 *   guard.assertHeld(); // would throw a LockLostError
 * }
 *
 * await save().catch((error: unknown) => console.log(error instanceof LockLostError));
 */
export class LockLostError extends LockError {
  static {
    this.prototype.name = 'LockLostError';
  }

  /** What the function returned during which the lock was lost. */
  readonly result: unknown;

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_LOST', message, init);
    this.result = init.result;
  }
}

/**
 * The wait could never end: what it waits for is held by somebody who cannot go on before the wait is over.
 *
 * @example
 * import { LockDeadlockError, Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const guard = await mutex.lock(); // this task holds it ...
 * try {
 *   mutex.lockSync(); // ... and blocks the thread in which it would have to release it
 * } catch (error) {
 *   console.log(error instanceof LockDeadlockError); // true
 * }
 * guard.release();
 */
export class LockDeadlockError extends LockError {
  static {
    this.prototype.name = 'LockDeadlockError';
  }

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_DEADLOCK', message, init);
  }
}

/**
 * The program asked for what its own state forbids, such as going on with a guard that was released.
 *
 * @example
 * import { LockMisuseError, Mutex } from 'tierlock';
 *
 * const guard = await new Mutex().lock();
 * guard.release();
 * try {
 *   guard.assertHeld();
 * } catch (error) {
 *   console.log(error instanceof LockMisuseError); // true
 * }
 */
export class LockMisuseError extends LockError {
  static {
    this.prototype.name = 'LockMisuseError';
  }

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_MISUSE', message, init);
  }
}

/**
 * This platform, build or store cannot do what was asked. The message says what is missing and how to get it.
 *
 * @example
 * import { LockError, LockUnsupportedError } from 'tierlock';
 *
 * const error = new LockUnsupportedError('the native addon is missing', { lock: 'orders' });
 * console.log(error instanceof LockError, error.code); // true ERR_LOCK_UNSUPPORTED
 */
export class LockUnsupportedError extends LockError {
  static {
    this.prototype.name = 'LockUnsupportedError';
  }

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_UNSUPPORTED', message, init);
  }
}

/**
 * What a lock rests on, a file or a store, cannot be used. The message says what to do, `cause` is the system's error.
 * Nothing is held and nothing waits any more.
 *
 * @example
 * import { FileLock, LockBackendError } from 'tierlock';
 *
 * try {
 *   new FileLock('/no/such/folder/job.lock').lockSync();
 * } catch (error) {
 *   console.log(error instanceof LockBackendError); // true
 * }
 */
export class LockBackendError extends LockError {
  static {
    this.prototype.name = 'LockBackendError';
  }

  constructor(message: string, init: LockErrorInit) {
    super('ERR_LOCK_BACKEND', message, init);
  }
}
