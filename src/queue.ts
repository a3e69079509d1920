/**
 * THE waiter queue of one thread: every wait for a lock of this package goes through one.
 *
 * A queue shares out `capacity` units in strict order of arrival. That is all in which the locks differ: a mutex
 * has one unit; a reader takes one unit and a writer all of them; a semaphore's permits are units.
 *
 * A queue may have an outside (outer.ts): other threads that want the same units. Then it asks the outside before it
 * hands any out, and climbs (outside.ts, climb.ts) for whoever is first in the line, and for nobody else: however many wait in
 * this thread, the others see one of them.
 *
 * Invariants
 * - `free` units are not with guards of this thread; 0 <= free <= capacity.
 * - Whoever stands at the head wants more than is free, or the outside has not got it. So nobody who comes later may
 *   enter before him, and an empty line is all that the fast path has to look for. (But for a synchronous call: it
 *   blocks the thread, so those in the line could not go on before it has what it wants.)
 * - Somebody climbs if and only if somebody waits for what only the outside has not got, and he is the head.
 * - Units change hands before anybody is woken: between `give` and the moment when the next holder's code runs,
 *   the lock is taken, and no third party slips in.
 * - Whenever the head leaves, for whatever reason, those behind it are looked at.
 * - Whoever's signal is aborted is granted nothing, even if its abort listener has not run yet.
 */
import { control } from './guard.js';
import type { Source, SyncGuard } from './guard.js';
import { limit } from './limits.js';
import { Aborted, isAborted, Line, TimedOut, unitsOf, Waiter } from './line.js';
import type { Entry, Refusal } from './line.js';
import { checkCallable, readWaitOptions } from './options.js';
import type { WaitOptions } from './options.js';
import type { Outer } from './outer.js';
import { Outside } from './outside.js';
import type { Bound } from './outside.js';
import { deadlock, timedOut } from './refusals.js';

type GuardClass<G extends SyncGuard, O extends Outer> = new (queue: Queue<G, O>, units: number) => G;

export class Queue<G extends SyncGuard = SyncGuard, O extends Outer = Outer> extends Line implements Source {
  readonly capacity: number;
  readonly #kind: string;
  // Takes a queue like this one. Said as `never`, so that who gives a narrower guard is a queue of the wider ones too.
  readonly #Guard: new (queue: never, units: number) => G;
  free: number;
  /** The name by which it was found, if it was. */
  key: string | undefined = undefined;
  outer: O | undefined = undefined;
  #outside: Outside | undefined = undefined;

  /** `kind` is what errors call the lock: "the mutex". */
  constructor(kind: string, capacity: number, Guard: GuardClass<G, O>) {
    super();
    this.#kind = kind;
    this.capacity = capacity;
    this.free = capacity;
    this.#Guard = Guard;
  }

  /** What errors call it. */
  get kind(): string {
    return this.#kind;
  }

  /** From now on others may want the units, too. They have been told of those that are with guards already. */
  open(outer: O): void {
    this.outer = outer;
    this.#outside = new Outside(
      outer,
      (units) => this.arrive(units),
      (error) => this.fail(error),
    );
  }

  /** A guard of the units, if they are free and nobody is waiting. */
  tryAcquire(units: number): G | null {
    if (this.length > 0 || this.free < units) return null;
    if (this.outer !== undefined && !this.outer.tryTake(units) && this.#outside?.tryTakeAgain(units) !== true)
      return null;
    this.free -= units;
    return this.newGuard(units);
  }

  /** Takes more for somebody who holds some and whom the line waits for anyway. */
  takePastLine(units: number): boolean {
    if (this.free < units) return false;
    if (this.outer !== undefined && !this.#takeAlone(this.outer, units)) return false;
    this.free -= units;
    return true;
  }

  // Whoever climbs comes down: he must not take, beside us, a part of what becomes ours alone.
  #takeAlone(outer: O, units: number): boolean {
    this.#outside?.stop();
    let taken = false;
    try {
      return (taken = outer.tryTake(units));
    } finally {
      if (!taken && this.length > 0) this.#handOver();
    }
  }

  /** A guard of units that have been taken. */
  newGuard(units: number): G {
    const guard = new this.#Guard(this as never, units);
    if (this.outer?.recovered === true) this.tell(this.outer, guard);
    return guard;
  }

  /** Makes a suspended guard one of units that have been taken for it. */
  resume(guard: G): void {
    control.resume(guard);
    if (this.outer?.recovered === true) this.tell(this.outer, guard);
  }

  /** The one who held it before has died holding it. */
  protected tell(outer: O, guard: G): void {
    outer.recovered = false;
    control.recover(guard);
  }

  /** Releases a guard that nobody has seen: what it would have told is still to be told. */
  takeBack(guard: G): void {
    if (guard.recovered && this.outer !== undefined) this.outer.recovered = true;
    guard.release();
  }

  /** Takes the units, or waits for them. Whatever goes wrong is a rejection. `tier`: see `Waiter`. */
  acquire(units: number, options?: WaitOptions, tier?: object): Promise<G> {
    if (options !== undefined) return this.#acquireWithin(units, options, tier);
    const guard = this.tryAcquire(units);
    if (guard !== null) return granted(guard);
    if (units === 1 && tier === undefined) {
      const promise = this.wait() as Promise<G>;
      if (this.outer !== undefined) this.#handOver();
      return promise;
    }
    const waiter = new Waiter(units, tier);
    this.join(waiter);
    return waiter.promise as Promise<G>;
  }

  // An async function, although that costs a promise more than a plain wait: the error is then made on the
  // caller's asynchronous stack and shows who waited, not a timer's innards.
  async #acquireWithin(units: number, options: WaitOptions, tier?: object): Promise<G> {
    const { timeout, signal } = readWaitOptions(options);
    if (signal?.aborted) throw signal.reason;
    const guard = this.tryAcquire(units);
    if (guard !== null) return guard;
    if (timeout === 0) throw timedOut(this, timeout);
    const { key } = this;
    const waiter = new Waiter(units, tier);
    this.append(waiter);
    limit(waiter, timeout, signal);
    if (this.outer !== undefined) this.#handOver();
    const outcome = (await waiter.promise) as G | Refusal;
    if (outcome === TimedOut) throw timedOut(this, timeout, key);
    if (outcome === Aborted) throw signal?.reason;
    if (signal?.aborted) {
      // Aborted after the grant and before anybody could see it: the grant is passed on.
      this.takeBack(outcome);
      throw signal.reason;
    }
    return outcome;
  }

  /** Takes the units, blocking the thread until they come. */
  acquireSync(units: number, options?: WaitOptions): G {
    if (options !== undefined || this.length > 0 || this.free < units) this.#takeSync(units, options);
    else this.outer?.take(units, Infinity);
    this.free -= units;
    return this.newGuard(units);
  }

  #takeSync(units: number, options: WaitOptions = {}): void {
    const { timeout, signal } = readWaitOptions(options);
    if (signal?.aborted) throw signal.reason;
    if (this.free < units) throw deadlock(this);
    if (!this.#takeSyncWithin(units, timeout)) throw timedOut(this, timeout);
  }

  /** Gives units back and leaves those in the line where they are: the thread is about to be blocked. */
  giveSync(units: number): void {
    this.free += units;
    this.#outside?.stop();
    this.outer?.give(units);
  }

  /** Takes them again, however long it takes. */
  retakeSync(units: number): void {
    this.outer?.take(units, Infinity);
    this.free -= units;
  }

  // Whoever climbs for this thread comes down, because a blocked thread has one place to stand at. He goes on as soon
  // as units are given back, or now if none have come.
  #takeSyncWithin(units: number, timeout: number): boolean {
    const { outer } = this;
    if (outer === undefined) return true;
    this.#outside?.stop();
    if (outer.take(units, timeout) || this.#outside?.tryTakeAgain(units) === true) return true;
    if (this.length > 0) this.#handOver();
    return false;
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
    if (signal?.aborted) {
      this.takeBack(guard);
      throw signal.reason;
    }
    try {
      return await fn(guard);
    } finally {
      guard.release();
    }
  }

  /** The same for a function that is done when it returns. */
  runSync<T>(units: number, fn: (guard: G) => T, options: WaitOptions | undefined): T {
    if (typeof fn !== 'function') checkCallable('fn', fn); // a call less where every nanosecond shows
    const guard = this.acquireSync(units, options);
    try {
      return fn(guard);
    } finally {
      guard.release();
    }
  }

  /** Gives units back, to whoever is first in the line. */
  give(units: number): void {
    this.free += units;
    if (this.length > 0) {
      if (this.#outside === undefined) this.#handOver();
      else this.#giveOut(this.#outside, units);
    } else {
      this.outer?.give(units);
    }
  }

  /**
   * Who of this thread may have what was taken outside without any way round: the next one, if it is just what he
   * wants, and others do not wait for too long. Each answer counts as one pass.
   */
  heir(units: number, bound?: Bound): Entry | undefined {
    const { first } = this;
    if (first === undefined || unitsOf(first) !== units || isAborted(first)) return undefined;
    return this.#outside?.mayPass(units === this.capacity, bound) === false ? undefined : first;
  }

  /** Gives him the units of a guard that has left. */
  passTo(heir: Entry, units: number): void {
    this.free += units;
    this.#grant(heir, units);
  }

  /** Gives units back that are not for the next one of this thread: others have waited for long. */
  giveAway(units: number): void {
    this.free += units;
    if (this.length === 0) this.outer?.give(units);
    else if (this.#outside === undefined) this.#handOver();
    else this.#giveOutside(this.#outside, units);
  }

  #giveOut(outside: Outside, units: number): void {
    const heir = this.heir(units);
    if (heir !== undefined) this.#grant(heir, units);
    else this.#giveOutside(outside, units);
  }

  #giveOutside(outside: Outside, units: number): void {
    try {
      outside.give(units);
    } finally {
      // Even if the words outside turn out to be overwritten: the others wait, or are told so, on their own.
      if (this.length > 0) this.#handOver();
    }
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
      const units = unitsOf(first);
      if (isAborted(first)) super.drop(first as Waiter, Aborted);
      else if (units > this.free || this.#outside?.get(units, first) === false) break;
      else this.#grant(first, units);
    }
    const first = this.first;
    if (first === undefined || unitsOf(first) > this.free) this.#outside?.stop();
  }

  /** Units have come that somebody has climbed for; perhaps he has gone meanwhile. */
  protected arrive(units: number): void {
    const { first } = this;
    if (first !== undefined && unitsOf(first) === units && units <= this.free && !isAborted(first)) {
      this.#grant(first, units);
    } else {
      this.outer?.give(units);
    }
    this.#handOver();
  }

  /** What the first one wants cannot be had at all. */
  protected fail(error: unknown): void {
    this.failFirst(error);
    this.#handOver();
  }

  #grant(first: Entry, units: number): void {
    this.free -= units;
    this.shift();
    if (typeof first === 'function') first(this.newGuard(units));
    else first.granted(this);
  }
}

/** A promise of the guard. An async function makes it a few nanoseconds faster than Promise.resolve does. */
async function granted<G extends SyncGuard>(guard: G): Promise<G> {
  return guard;
}
