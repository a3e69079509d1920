/**
 * THE waiter queue of one thread: every asynchronous wait for a lock of this package stands in one.
 *
 * A queue shares out `capacity` units in strict order of arrival. That is all in which the locks differ: a mutex
 * has one unit; a reader takes one unit and a writer all of them; a semaphore's permits are units.
 *
 * Invariants
 * - `free` units are with the queue, the others with guards; 0 <= free <= capacity.
 * - Whoever stands at the head wants more than is free. So nobody who comes later may enter before him, and an
 *   empty line is all that the fast path has to look for.
 * - Units change hands before anybody is woken: between `give` and the moment when the next holder's code runs,
 *   the lock is taken, and no third party slips in.
 * - Whenever the head leaves, for whatever reason, those behind it are looked at.
 * - Whoever's signal is aborted is granted nothing, even if its abort listener has not run yet.
 */
import { LockTimeoutError } from './errors.js';
import type { Source, SyncGuard } from './guard.js';
import { limit } from './limits.js';
import { Aborted, Line, TimedOut, Waiter } from './line.js';
import type { Refusal } from './line.js';
import { checkCallable, readWaitOptions } from './options.js';
import type { WaitOptions } from './options.js';

type GuardClass<G extends SyncGuard> = new (queue: Queue<G>, units: number) => G;

export class Queue<G extends SyncGuard = SyncGuard> extends Line implements Source {
  readonly kind: string;
  readonly capacity: number;
  readonly #Guard: GuardClass<G>;
  free: number;

  /** `kind` is what errors call the lock: "the mutex". */
  constructor(kind: string, capacity: number, Guard: GuardClass<G>) {
    super();
    this.kind = kind;
    this.capacity = capacity;
    this.free = capacity;
    this.#Guard = Guard;
  }

  /** A guard of the units, if they are free and nobody is waiting. */
  tryAcquire(units: number): G | null {
    if (this.length > 0 || this.free < units) return null;
    this.free -= units;
    return this.newGuard(units);
  }

  /** Takes more for somebody who holds some and whom the line waits for anyway. */
  takePastLine(units: number): boolean {
    if (this.free < units) return false;
    this.free -= units;
    return true;
  }

  /** A guard of units that have been taken. */
  newGuard(units: number): G {
    return new this.#Guard(this, units);
  }

  /** Takes the units, or waits for them. Whatever goes wrong is a rejection. */
  acquire(units: number, options?: WaitOptions): Promise<G> {
    if (options !== undefined) return this.#acquireWithin(units, options);
    const guard = this.tryAcquire(units);
    if (guard !== null) return granted(guard);
    if (units === 1) return this.wait() as Promise<G>;
    const waiter = new Waiter(units);
    this.append(waiter);
    return waiter.promise as Promise<G>;
  }

  // An async function, although that costs a promise more than a plain wait: the error is then made on the
  // caller's asynchronous stack and shows who waited, not a timer's innards.
  async #acquireWithin(units: number, options: WaitOptions): Promise<G> {
    const { timeout, signal } = readWaitOptions(options);
    if (signal?.aborted) throw signal.reason;
    const guard = this.tryAcquire(units);
    if (guard !== null) return guard;
    if (timeout === 0) throw this.#timeoutError(timeout);
    const waiter = new Waiter(units);
    this.append(waiter);
    limit(waiter, timeout, signal);
    const outcome = (await waiter.promise) as G | Refusal;
    if (outcome === TimedOut) throw this.#timeoutError(timeout);
    if (outcome === Aborted) throw signal?.reason;
    if (signal?.aborted) {
      // Aborted after the grant and before anybody could see it: the grant is passed on.
      outcome.release();
      throw signal.reason;
    }
    return outcome;
  }

  /** Takes the units for the time that `fn` takes, until what it returns has settled. */
  async run<T>(
    units: number,
    fn: (guard: G) => T | PromiseLike<T>,
    options: WaitOptions | undefined,
  ): Promise<T> {
    checkCallable('fn', fn);
    const signal = options?.signal; // now: the caller may use the object for something else meanwhile
    const guard = await this.acquire(units, options);
    try {
      if (signal?.aborted) throw signal.reason;
      return await fn(guard);
    } finally {
      guard.release();
    }
  }

  /** Gives units back, to whoever is first in the line. */
  give(units: number): void {
    this.free += units;
    if (this.length > 0) this.#handOver();
  }

  /** Takes in a waiter that comes from another line. */
  join(waiter: Waiter): void {
    this.append(waiter);
    if (this.length === 1) this.#handOver();
  }

  override drop(waiter: Waiter, outcome: unknown): void {
    const wasFirst = waiter === this.first;
    super.drop(waiter, outcome);
    if (wasFirst) this.#handOver();
  }

  #handOver(): void {
    for (let first = this.first; first !== undefined; first = this.first) {
      const units = typeof first === 'function' ? 1 : first.units;
      if (units > this.free) return;
      if (typeof first === 'function') {
        this.free -= units;
        this.shift();
        first(this.newGuard(units));
      } else if (first.limits?.aborted) {
        super.drop(first, Aborted);
      } else {
        this.free -= units;
        this.shift();
        first.granted(this);
      }
    }
  }

  #timeoutError(timeout: number): LockTimeoutError {
    const state = this.free === 0 ? 'held' : `${this.capacity - this.free} held`;
    const message = `timed out after ${timeout} ms waiting for ${this.kind} (${state}; others waiting: ${this.length})`;
    return new LockTimeoutError(message, { lock: this.kind });
  }
}

/** A promise of the guard. An async function makes it a few nanoseconds faster than Promise.resolve does. */
async function granted<G extends SyncGuard>(guard: G): Promise<G> {
  return guard;
}
