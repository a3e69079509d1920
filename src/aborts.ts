/**
 * One listener for each AbortSignal, however many wait with it: taking a waiter out of a signal's own list of
 * listeners would cost a walk through all of them.
 *
 * Invariant: a signal has our listener if and only if somebody here waits for it.
 */

/** Something that ends when a signal is aborted. */
export interface Abortable {
  aborted(): void;
}

const listeners = new WeakMap<AbortSignal, AbortListener>();

/** Nobody may watch a signal that is aborted already: it would never be told. */
export function watchAbort(signal: AbortSignal, one: Abortable): void {
  let listener = listeners.get(signal);
  if (listener === undefined) {
    listener = new AbortListener();
    listeners.set(signal, listener);
    signal.addEventListener('abort', listener);
  }
  listener.waiting.add(one);
}

export function unwatchAbort(signal: AbortSignal, one: Abortable): void {
  const listener = listeners.get(signal);
  if (listener === undefined || !listener.waiting.delete(one) || listener.waiting.size > 0) return;
  listeners.delete(signal);
  signal.removeEventListener('abort', listener);
}

class AbortListener {
  readonly waiting: Set<Abortable> = new Set();

  handleEvent(): void {
    for (const one of this.waiting) one.aborted();
  }
}
