/**
 * Those who wait for one thing, first come first served: an intrusive doubly linked list, so that a waiter leaves
 * in O(1) from any place, and at once, when it is granted, times out or is aborted.
 *
 * Invariants
 * - A waiter stands in at most one line, `waiter.line`; only that line changes its links.
 * - Out of a line it has no limits: no deadline, no abort listener, nothing that could find it later.
 */
import { unwatchAbort, watchAbort } from './aborts.js';
import type { Abortable } from './aborts.js';
import { addDeadline, Deadline, removeDeadline } from './deadlines.js';

/** How a wait ended that was not granted. */
export type Refusal = typeof TimedOut | typeof Aborted;
export const TimedOut: unique symbol = Symbol('timed out');
export const Aborted: unique symbol = Symbol('aborted');

// The executor is one function for all promises: a closure for each would cost as much as the waiter itself.
let resolveLast: (outcome: unknown) => void;
function capture(resolve: (outcome: unknown) => void): void {
  resolveLast = resolve;
}

/** One who waits for `units` of something, and its own link in the line. */
export class Waiter {
  readonly units: number;
  line: Line | undefined = undefined;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  limits: Limits | undefined = undefined;
  readonly promise: Promise<unknown> = new Promise(capture);
  readonly resolve: (outcome: unknown) => void = resolveLast;

  constructor(units: number) {
    this.units = units;
  }

  /** The units have been taken for it. Only now is its guard made: a thread may have very many waiters. */
  granted(source: { newGuard(units: number): unknown }): void {
    this.resolve(source.newGuard(this.units));
  }
}

/** When a waiter gives up: at a time, on a signal, or whichever comes first. */
class Limits extends Deadline implements Abortable {
  readonly #waiter: Waiter;
  readonly #signal: AbortSignal | undefined;

  constructor(waiter: Waiter, timeout: number, signal: AbortSignal | undefined) {
    super(timeout);
    this.#waiter = waiter;
    this.#signal = signal;
    if (timeout !== Infinity) addDeadline(this);
    if (signal !== undefined) watchAbort(signal, this);
  }

  lift(): void {
    removeDeadline(this);
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
  }

  /** Whether the signal is aborted, though its listeners may not have run yet. */
  get overrun(): boolean {
    return this.#signal?.aborted === true;
  }

  override expire(): void {
    this.#waiter.line?.giveUp(this.#waiter, TimedOut);
  }

  aborted(): void {
    this.#waiter.line?.giveUp(this.#waiter, Aborted);
  }
}

export class Line {
  head: Waiter | undefined = undefined;
  tail: Waiter | undefined = undefined;
  length = 0;

  /** Puts the waiter at the end. It stands in no other line. */
  append(waiter: Waiter): void {
    waiter.line = this;
    waiter.previous = this.tail;
    if (this.tail === undefined) this.head = waiter;
    else this.tail.next = waiter;
    this.tail = waiter;
    this.length++;
  }

  /** Has a waiter of this line give up after `timeout` ms, or when `signal` is aborted, which it is not yet. */
  limit(waiter: Waiter, timeout: number, signal: AbortSignal | undefined): void {
    if (timeout !== Infinity || signal !== undefined) waiter.limits = new Limits(waiter, timeout, signal);
  }

  /** Takes the waiter out, wherever it stands. */
  remove(waiter: Waiter): void {
    const { previous, next, limits } = waiter;
    if (previous === undefined) this.head = next;
    else previous.next = next;
    if (next === undefined) this.tail = previous;
    else next.previous = previous;
    this.length--;
    waiter.line = waiter.previous = waiter.next = waiter.limits = undefined;
    limits?.lift();
  }

  /** Ends a wait that got nothing. */
  drop(waiter: Waiter, outcome: unknown): void {
    this.remove(waiter);
    waiter.resolve(outcome);
  }

  /** What happens when a limit is reached. */
  giveUp(waiter: Waiter, refusal: Refusal): void {
    this.drop(waiter, refusal);
  }
}
