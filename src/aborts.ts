/**
 * One listener for each AbortSignal, however many wait with it: taking a waiter out of a signal's own list of
 * listeners would cost a walk through all of them.
 *
 * Invariant: a signal has our listener if and only if somebody here waits for it.
 */
import { addAbortListener } from 'node:events';

/** Something that ends when a signal is aborted. */
export interface Abortable {
  onAbort(): void;
}

interface Watch {
  readonly waiting: Set<Abortable>;
  readonly listener: Disposable;
}

const watches = new WeakMap<AbortSignal, Watch>();

/** Nobody may watch a signal that is aborted already: it would never be told. */
export function watchAbort(signal: AbortSignal, one: Abortable): void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = newWatch(signal);
    watches.set(signal, watch);
  }
  watch.waiting.add(one);
}

export function unwatchAbort(signal: AbortSignal, one: Abortable): void {
  const watch = watches.get(signal);
  if (watch === undefined || !watch.waiting.delete(one) || watch.waiting.size > 0) return;
  watches.delete(signal);
  watch.listener[Symbol.dispose]();
}

// Node's addAbortListener, because somebody else's listener could keep an event from a plain one with
// stopImmediatePropagation(): we would wait on, and hold up whoever stands behind us.
function newWatch(signal: AbortSignal): Watch {
  const waiting = new Set<Abortable>();
  const listener = addAbortListener(signal, () => {
    for (const one of waiting) one.onAbort();
  });
  return { waiting, listener };
}
