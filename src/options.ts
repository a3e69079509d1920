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

/** The most permits a semaphore can have: what a 32-bit word holds beside two flags. */
export const MAX_PERMITS: number = 2 ** 30 - 1;

const checks = {
  timeout(value: unknown): void {
    if (typeof value !== 'number') throw wrongType('timeout', 'a number of milliseconds', value);
    if (!(value >= 0)) throw new RangeError(`option 'timeout' must not be negative or NaN, got ${value}`);
  },
  signal(value: unknown): void {
    if (!isAbortSignal(value)) throw wrongType('signal', 'an AbortSignal', value);
  },
};

/** Throws a TypeError or a RangeError that names what is wrong; `undefined` always stands for the default. */
export function checkWaitOptions(options: unknown): asserts options is WaitOptions | undefined {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
  // It has no keys of its own that could be unknown, and would be a wait without end.
  if (isAbortSignal(options)) throw wrongType('options', 'an object such as { signal }', options);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) {
      throw new TypeError(`unknown option '${key}'; known here: ${Object.keys(checks).join(', ')}`);
    }
    if (value !== undefined) checks[key as keyof typeof checks](value);
  }
}

/** How many of `capacity` permits somebody asks for. More than there are would wait for ever, so it throws. */
export function checkPermits(permits: unknown, capacity: number): asserts permits is number {
  checkCount('permits', permits, capacity, ': it could never be granted');
}

export function checkCount(
  name: string,
  value: unknown,
  most: number = MAX_PERMITS,
  otherwise: string = '',
): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`'${name}' must be a whole number of at least 1, got ${value}`);
  }
  if (value > most) throw new RangeError(`'${name}' must be at most ${most}, got ${value}${otherwise}`);
}

export function checkCallable(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

function wrongType(name: string, wanted: string, got: unknown): TypeError {
  const kind =
    got === null
      ? 'null'
      : Array.isArray(got)
        ? 'an array'
        : isAbortSignal(got)
          ? 'an AbortSignal'
          : typeof got;
  return new TypeError(`'${name}' must be ${wanted}, got ${kind}`);
}

// Not instanceof: a signal from another realm or from a polyfill serves as well.
function isAbortSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const signal = value as Partial<AbortSignal>;
  return typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function';
}
