/** Every option: what it means, its check and its default, once. Checked before anything is taken. */

/**
 * How long to wait for a lock.
 *
 * @example
 * import { Mutex } from 'tierlock';
 * import type { WaitOptions } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const patience: WaitOptions = { timeout: 500, signal: AbortSignal.timeout(1000) };
 * await using guard = await mutex.lock(patience);
 * console.log(guard.held); // true
 */
export interface WaitOptions {
  /** Milliseconds after which the wait rejects with a `LockTimeoutError`; 0 tries once. Default: wait. */
  readonly timeout?: number;
  /** Ends the wait: it rejects with `signal.reason`, untouched. Has no effect once the lock is granted. */
  readonly signal?: AbortSignal;
}

/**
 * How a lock is made.
 *
 * @example
 * import { Mutex } from 'tierlock';
 * import type { LockOptions } from 'tierlock';
 *
 * const options: LockOptions = { fair: true };
 * console.log(new Mutex(options).locked); // false
 */
export interface LockOptions {
  /** Strict order of arrival among all who wait. Tasks of one thread have it in any case. Default: false. */
  readonly fair?: boolean;
}

/**
 * How a reader-writer lock is made.
 *
 * @example
 * import { RWLock } from 'tierlock';
 * import type { RWLockOptions } from 'tierlock';
 *
 * const options: RWLockOptions = { readMostly: true };
 * console.log(new RWLock(options).readers); // 0
 */
export interface RWLockOptions extends LockOptions {
  /**
   * That there are many more reads than writes, and that readers of several threads must not slow each other down.
   * Every lock of today is made so: its readers share no memory that they write to. Default: false.
   */
  readonly readMostly?: boolean;
}

/**
 * What of a file a `FileLock` locks, and how.
 *
 * @example
 * import { FileLock } from 'tierlock';
 * import type { FileLockOptions } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const firstPage: FileLockOptions = { start: 0, length: 4096 };
 * using guard = new FileLock(join(tmpdir(), 'tierlock-example.lock'), firstPage).tryLock();
 * console.log(guard?.held); // true
 */
export interface FileLockOptions {
  /**
   * Which of the kernel's locks. They do not see each other, but for `ofd` and `posix`.
   * - `ofd`: of the open file. Excludes everybody but those who share this very lock; conflicts with `lockf()` and
   *   `fcntl()` of other programs. Linux.
   * - `flock`: as flock(1) and flock(2) take it; always the whole file.
   * - `posix`: of the process, and lost as soon as any other code in it closes the same file. Handles and threads that
   *   use this package exclude each other all the same. For programs that look for their holder's process.
   *
   * Default: `ofd`.
   */
  readonly kind?: 'ofd' | 'flock' | 'posix';
  /** The first byte of the range. Default: 0. */
  readonly start?: number;
  /** How many bytes; 0 is up to the end, however long the file gets. Default: 0. */
  readonly length?: number;
}

/**
 * How to wait for a `FileLock`.
 *
 * @example
 * import { FileLock } from 'tierlock';
 * import type { FileWaitOptions } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const options: FileWaitOptions = { shared: true, timeout: 100 };
 * await using guard = await new FileLock(join(tmpdir(), 'tierlock-example.lock')).lock(options);
 * console.log(guard.mode); // shared
 */
export interface FileWaitOptions extends WaitOptions {
  /** Beside others who share it. Default: alone. */
  readonly shared?: boolean;
}

/** What lies behind is where those who wait for a range queue. */
const MAX_RANGE = 2 ** 52;

/** The most permits a semaphore can have: what a 32-bit word holds beside three flags. */
export const MAX_PERMITS: number = 2 ** 29 - 1;

/** The options of a wait, each read once, so that what was checked is what counts. `undefined` is the default. */
export function readWaitOptions(options: WaitOptions): ReadWaitOptions {
  checkKeys(options, ['timeout', 'signal']);
  return readWait(options);
}

export interface ReadWaitOptions {
  timeout: number;
  signal: AbortSignal | undefined;
}

export function readWait(options: WaitOptions): ReadWaitOptions {
  const { timeout = Infinity, signal } = options;
  if (typeof timeout !== 'number') throw wrongType('timeout', 'a number of milliseconds', timeout);
  if (!(timeout >= 0)) throw new RangeError(`'timeout' must not be negative or NaN, got ${timeout}`);
  if (signal !== undefined && !isAbortSignal(signal)) throw wrongType('signal', 'an AbortSignal', signal);
  return { timeout, signal };
}

/** The options of a wait for a file's lock. */
export function readFileWaitOptions(options: FileWaitOptions): ReadWaitOptions & { shared: boolean } {
  checkKeys(options, ['timeout', 'signal', 'shared']);
  const { shared = false } = options;
  if (typeof shared !== 'boolean') throw wrongType('shared', 'true or false', shared);
  return { shared, ...readWait(options) };
}

/** What of a file is to be locked, and how. */
export function checkFileOptions(options: FileLockOptions): Required<FileLockOptions> {
  checkKeys(options, ['kind', 'start', 'length']);
  const { kind = 'ofd', start = 0, length = 0 } = options;
  if (kind !== 'ofd' && kind !== 'flock' && kind !== 'posix')
    throw new TypeError(`'kind' must be 'ofd', 'flock' or 'posix', got ${JSON.stringify(kind)}`);
  for (const [name, value] of Object.entries({ start, length })) {
    if (typeof value !== 'number') throw wrongType(name, 'a number of bytes', value);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`'${name}' must be a whole number of bytes, not negative, got ${value}`);
  }
  if (start + length >= MAX_RANGE) throw new RangeError('the range must end below byte 2 ** 52');
  if (kind === 'flock' && (start !== 0 || length !== 0))
    throw new RangeError(
      "a lock of kind 'flock' is always one of the whole file: leave out 'start' and 'length'",
    );
  return { kind, start, length };
}

/** Whether the lock is to be fair. */
export function checkLockOptions(options: LockOptions): boolean {
  checkKeys(options, ['fair']);
  return checkFair(options);
}

/** The same for a reader-writer lock. */
export function checkRWLockOptions(options: RWLockOptions): boolean {
  checkKeys(options, ['fair', 'readMostly']);
  const { readMostly = false } = options;
  if (typeof readMostly !== 'boolean') throw wrongType('readMostly', 'true or false', readMostly);
  return checkFair(options);
}

function checkFair({ fair = false }: LockOptions): boolean {
  if (typeof fair !== 'boolean') throw wrongType('fair', 'true or false', fair);
  return fair;
}

// Inherited keys too: what was not looked at here must not be read later.
export function checkKeys(options: unknown, known: readonly string[], more: readonly string[] = []): void {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
  // It has no keys of its own that could be unknown, and would be a wait without an end.
  if (isAbortSignal(options)) throw wrongType('options', 'an object such as { signal }', options);
  for (const key in options) {
    if (!known.includes(key) && !more.includes(key))
      throw new TypeError(`unknown option '${key}'; known here: ${known.join(', ')}`);
  }
}

/** How many of `capacity` permits somebody asks for. More than there are would wait for ever, so it throws. */
export function checkPermits(permits: unknown, capacity: number): asserts permits is number {
  checkCount('permits', permits);
  if (permits > capacity) {
    throw new RangeError(`'permits' must be at most ${capacity}, got ${permits}: it could never be granted`);
  }
}

/** How many permits a semaphore is made with. */
export function checkCapacity(permits: unknown): asserts permits is number {
  checkCount('permits', permits);
  if (permits > MAX_PERMITS) throw new RangeError(`'permits' must be at most ${MAX_PERMITS}, got ${permits}`);
}

export function checkCount(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`'${name}' must be a whole number of at least 1, got ${value}`);
  }
}

export function checkCallable(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

export function wrongType(name: string, wanted: string, got: unknown): TypeError {
  let kind: string = typeof got;
  if (got === null) kind = 'null';
  else if (Array.isArray(got)) kind = 'an array';
  else if (isAbortSignal(got)) kind = 'an AbortSignal';
  return new TypeError(`'${name}' must be ${wanted}, got ${kind}`);
}

// Not instanceof: a signal from another realm or from a polyfill serves as well.
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const signal = value as Partial<AbortSignal>;
  return (
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  );
}

/** A lease is lost a quarter of a second before it lapses, so a shorter one would be lost at once. */
const SHORTEST_TTL = 500;

export function checkTtl(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value);
  if (value >= SHORTEST_TTL && value < Infinity) return value;
  throw new RangeError(`'${name}' must be a number of milliseconds from ${SHORTEST_TTL} on, got ${value}`);
}
