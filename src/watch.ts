/**
 * Those of this thread who wait for other threads without blocking. While there are any, the event loop is kept
 * alive. When another thread dies all of them look around: the addon tells us at once. And they look around now and
 * then: whoever was woken in our place may be kept from acting, by a long computation, or by a wait of its own for
 * what we hold; and without the addon nobody tells us of deaths.
 *
 * The bell of this thread is not only for deaths: others ring to wake a sleeper here (words/mapped.ts), and a ring
 * does not say what it is for. One that has woken somebody is taken for that. If it was to tell of a death, too, that
 * is noticed now and then; to look around for every wake-up would be most of the work with a hundred locks in use.
 *
 * Invariant: the timer keeps the loop alive if and only if somebody watches.
 */
import { tryAddon } from './addon.js';
import { nobody } from './nobody.js';
import { SLICE } from './outer.js';

/** Somebody whom the death of a thread may concern. */
export interface Watcher {
  /** So many slices (outer.ts) have passed since the last time. */
  lookAround(slices: number): void;
}

/** In ms. */
const OFTEN = 25;
const NOW_AND_THEN = 50;

const watchers = new Set<Watcher>();
// One for ever, made when the first one watches: making one for every wait would cost as much as the wait.
let timer: NodeJS.Timeout | undefined;
let wakeSleepers = (): boolean => false;

export function watch(one: Watcher): void {
  watchers.add(one);
  if (timer === undefined) start();
  else if (watchers.size === 1) timer.ref();
}

export function unwatch(one: Watcher): void {
  if (watchers.delete(one) && watchers.size === 0) timer?.unref();
}

/** Has `wake` called for every ring, once somebody watches. It tells whether it has woken anybody. */
export function onRing(wake: () => boolean): void {
  wakeSleepers = wake;
}

function start(): void {
  const addon = tryAddon();
  addon?.onRing(() => {
    if (!wakeSleepers()) lookAround(1);
  });
  const every = addon === undefined ? OFTEN : NOW_AND_THEN;
  timer = nobody.runInAsyncScope(() => setInterval(lookAround, every, Math.floor(every / SLICE)));
}

function lookAround(slices: number): void {
  for (const one of watchers) one.lookAround(slices);
}
