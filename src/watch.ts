/**
 * Those of this thread who wait for other threads without blocking. While there are any, the event loop is kept
 * alive, and when another thread dies all of them look around: the addon tells us at once. Without it they look
 * around every 25 ms.
 *
 * Invariant: the timer keeps the loop alive if and only if somebody watches.
 */
import { tryAddon } from './addon.js';
import { nobody } from './nobody.js';

/** Somebody whom the death of a thread may concern. */
export interface Watcher {
  lookAround(): void;
}

const OFTEN = 25;
const NEVER = 2 ** 31 - 1;

const watchers = new Set<Watcher>();
// One for ever, made when the first one watches: making one for every wait would cost as much as the wait.
let timer: NodeJS.Timeout | undefined;

export function watch(one: Watcher): void {
  watchers.add(one);
  if (timer === undefined) start();
  else if (watchers.size === 1) timer.ref();
}

export function unwatch(one: Watcher): void {
  if (watchers.delete(one) && watchers.size === 0) timer?.unref();
}

function start(): void {
  const addon = tryAddon();
  addon?.onRing(lookAround);
  timer = nobody.runInAsyncScope(() => setInterval(lookAround, addon === undefined ? OFTEN : NEVER));
}

function lookAround(): void {
  for (const one of watchers) one.lookAround();
}
