/** When a waiter gives up: at a time, on a signal, or whichever comes first. */
import { unwatchAbort, watchAbort } from './aborts.js';
import type { Abortable } from './aborts.js';
import { addDeadline, Deadline, removeDeadline } from './deadlines.js';
import { Aborted, TimedOut } from './line.js';
import type { Limits, Waiter } from './line.js';

/** Sets the limits of a waiter that stands in a line; `signal` is not aborted yet. */
export function limit(waiter: Waiter, timeout: number, signal: AbortSignal | undefined): void {
  if (timeout !== Infinity || signal !== undefined)
    waiter.limits = new DeadlineAndSignal(waiter, timeout, signal);
}

class DeadlineAndSignal extends Deadline implements Limits, Abortable {
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

  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  override expire(): void {
    this.#waiter.line?.giveUp(this.#waiter, TimedOut);
  }

  onAbort(): void {
    this.#waiter.line?.giveUp(this.#waiter, Aborted);
  }
}
