/**
 * The native addon, when it is there. Only the rooms that need the system import this (test/layers.test.ts): the
 * locks of one thread, and those on a SharedArrayBuffer, work without it.
 */
import { candidates, load, supported } from '#native';
import { LockUnsupportedError } from './errors.js';

/** Memory that is never moved nor detached: a SharedArrayBuffer, or a chunk of the block. */
export type Words = Int32Array<SharedArrayBuffer> | Int32Array<ArrayBuffer>;

/**
 * What native/addon.cc exports. Every function throws a TypeError or a RangeError for what it cannot use, converts
 * nothing, and has then changed nothing.
 *
 * The rings and the block belong to the process: all its threads share them, and so do all copies of this package in
 * it. Their functions throw an Error with the code `ERR_LOCK_LAYOUT` where a copy of another release came first that
 * does not fit.
 */
export interface Addon {
  readonly version: number;
  /** The kernel's number of this thread; unique while it lives. */
  threadId(): number;
  /** Whether a thread of this process has that number now. Throws for what is no 32-bit integer. */
  threadAlive(id: number): boolean;
  /** Milliseconds by a clock that nobody sets and that runs on while the system is suspended. */
  uptime(this: void): number;

  /**
   * Stores `value` into `words[index]` when this thread ends, whatever ends it, on this thread itself: the others
   * see it even while their own event loops are blocked. (The main thread may end with its process, and then
   * nobody is left to see it.) Promises are kept in the order in which they were made, all of them before this
   * thread's names are closed and the others are rung. Returns a ticket for `forgetThreadEnd`.
   */
  onThreadEnd(words: Words, index: number, value: number): number;
  /** Drops that promise of this thread, and the memory it kept. */
  forgetThreadEnd(ticket: number): void;

  /**
   * Has `callback` run on this thread's event loop soon after another thread has ended that had loaded the addon
   * (its last words are stored by then), or after somebody has rung for this thread. Rings coalesce: one call may
   * stand for many, but at least one call begins after each. They do not keep the event loop alive. A second
   * `onRing` replaces the callback. What the callback throws is an uncaught exception.
   */
  onRing(callback: () => void): void;
  /** Rings for the thread with that number, and returns whether it has called `onRing` and not yet ended. */
  ring(id: number): boolean;

  /**
   * States how the block, the memory of this process that its threads share, is laid out: chunks of `chunkBytes`,
   * each beginning with a copy of `header`, with `slots` slots of `slotBytes` from `firstSlotByte` on, all else
   * zeroes. Whoever comes later must state the same; another layout throws an Error with `ERR_LOCK_LAYOUT`.
   */
  openBlock(
    slots: number,
    slotBytes: number,
    firstSlotByte: number,
    chunkBytes: number,
    header: Int32Array,
  ): void;
  /**
   * Counts one use more of the name by this thread, and returns its slot: number `slot % slots` of chunk
   * `Math.floor(slot / slots)`. Everybody gets the same one as long as somebody uses the name. A new name's slot
   * is all zeroes. Throws an Error with `ENOMEM` when there is no memory for one.
   */
  openName(key: string): number;
  /**
   * Counts one use less. The last one zeroes the slot and frees it, so first forget the promises made for it. But if
   * `keepHeld`, and the slot's first word is not 0, then the name keeps its slot as it is, for whoever opens it next:
   * somebody who died has left something there. When a thread ends it closes so what it has not closed.
   */
  closeName(slot: number, keepHeld?: boolean): void;
  /**
   * Chunk number `n`, mapped until the process ends; always the same object. It is an ArrayBuffer, so Atomics work
   * on it except for waiting: use `futexWait`. It cannot be transferred, and sending it would copy it.
   */
  chunk(n: number): ArrayBuffer;
  /** How many names there are now. */
  names(): number;
  /** The name that has a slot now; undefined if none has, null if there is no such slot, nor one behind it. */
  nameAt(slot: number): string | undefined | null;

  /**
   * Sleeps while `words[index]` is `expected`, for at most `timeoutMs` (0 to 1000: a thread that sleeps here cannot
   * be terminated, so sleep in slices). 0: woken, perhaps by nothing, so look at the word again. 1: it was not
   * equal. 2: the time was up. Does not hear `Atomics.notify`.
   */
  futexWait(words: Words, index: number, expected: number, timeoutMs: number): 0 | 1 | 2;
  /** Wakes up to `count` of those in `futexWait` on that word, and returns how many. */
  futexWake(words: Words, index: number, count: number): number;

  /**
   * Locks the open file if that is possible now: `Locked.Yes`, `.Taken`, or `.Removed` (nobody can find the file by its
   * name any more; then it is not locked). `how` is the kind times two (0 ofd, 1 flock, 2 posix), plus one if
   * exclusive. Without a range it is the whole file; a length of 0 is up to the end, however long the file gets. All
   * ranges end below 2 ** 52. Throws an Error with the system's code for all else.
   */
  tryLockFile(this: void, fd: number, how: number, start?: number, length?: number): number;
  /** This description holds the range: gets it in the other mode without letting go, if that is possible now. */
  convertLockFile(fd: number, how: number, start?: number, length?: number): number;
  /** Whether somebody waits whom a reader should let in first. The kernel only knows for ofd and posix. */
  isGateClosed(fd: number, how: number, start?: number, length?: number): boolean;
  /** Whether to close it would take away a posix lock that another descriptor in this process holds. */
  mustStayOpen(fd: number): boolean;
  /**
   * The same as `tryLockFile`, but if it is taken, blocks this thread for at most `timeoutMs`: then it is `.Interrupted`.
   * 0 to 1000; or Infinity, with which no worker can be terminated.
   */
  waitLockFile(
    this: void,
    fd: number,
    how: number,
    timeoutMs: number,
    start?: number,
    length?: number,
  ): number;
  unlockFile(this: void, fd: number, how: number, start?: number, length?: number): void;
  /** The process that is in the way, 0 if none is, -1 if the kernel does not say. Not while this description holds. */
  whoLocksFile(fd: number, how: number, start?: number, length?: number): number;

  /**
   * Begins to wait for the lock on a thread of its own, and returns a ticket for `endWait`; 0 if as many threads wait
   * as may. The callback of `onWaitDone` (called once, before) is told the ticket when it is time for that. All waits
   * end with this thread. They do not keep its event loop alive.
   */
  beginWait(fd: number, how: number, start?: number, length?: number): number;
  onWaitDone(callback: (ticket: number) => void): void;
  /**
   * Ends the wait at once, however far it is: `.Yes` (it is locked), `.Removed`, `.Interrupted`, or `.Left`: the system
   * did not answer, and the descriptor is the waiting thread's now, which closes it.
   */
  endWait(ticket: number): number;
  /** How many threads may wait at a time in this process; 64 if not set. */
  limitWaits(count: number): void;
  /** How many threads wait. */
  waits(): number;

  /**
   * The first `bytes` of the open file as memory that all processes share which map it, mapped until this one ends;
   * always the same object, whatever becomes of the descriptor. The file must have that many already, and keep them: who
   * reads what has been cut off is killed by SIGBUS. An ArrayBuffer as `chunk` gives it, but not for `futexWait`.
   */
  mapFile(fd: number, bytes: number): ArrayBuffer;
}

/** How an attempt to lock a file ends. */
export const Locked = { Yes: 0, Taken: 1, Removed: 2, Interrupted: 3, Left: 4 } as const;

let addon: Addon | undefined;
let missing = false;

/** The addon, or undefined where it is missing: for what works without it, only later or slower. */
export function tryAddon(): Addon | undefined {
  if (missing) return undefined;
  try {
    return loadAddon();
  } catch {
    missing = true;
    return undefined;
  }
}

/** The addon, or a `LockUnsupportedError` that says where it was looked for and how to get it. */
export function loadAddon(paths: string[] = candidates): Addon {
  if (addon !== undefined && paths === candidates) return addon;
  let found: Addon;
  try {
    // For those who want to see how it goes without: tests, and users in search of a fault.
    if (process.env['TIERLOCK_ADDON'] === 'off') throw new Error('TIERLOCK_ADDON=off');
    found = load(paths) as Addon;
  } catch (error) {
    const remedy = supported
      ? "Build it with 'npm rebuild tierlock', which needs a C++17 compiler, make and Python 3."
      : 'There is none for this system yet.';
    const message =
      `the native addon of tierlock is missing on ${process.platform}-${process.arch} ` +
      `(${(error as Error).message}). ${remedy} ` +
      'Locks within one process that stay on a SharedArrayBuffer work without it; and so do those with a name, in a ' +
      'program without worker threads, after configure({ threads: false }).';
    throw new LockUnsupportedError(message, { lock: 'native addon', cause: error });
  }
  if (paths === candidates) addon = found;
  return found;
}
