/**
 * The native addon, when it is there. Only the rooms that need the system import this (test/layers.test.ts): the
 * locks of one thread, and those on a SharedArrayBuffer, work without it.
 */
import { candidates, load, supported } from '#native';
import { LockUnsupportedError } from './errors.js';

/** What native/addon.cc exports. */
export interface Addon {
  readonly version: number;
  /** The kernel's number of this thread; unique while it lives. */
  threadId(): number;
  /** Whether a thread of this process has that number now. Throws for what is no 32-bit integer. */
  threadAlive(id: number): boolean;
  /**
   * Stores `value` into `words[index]` when this thread ends, whatever ends it, on this thread itself: the others
   * see it even while their own event loops are blocked. (The main thread may end with its process, and then
   * nobody is left to see it.) `words` must lie on a SharedArrayBuffer; nothing is converted.
   */
  onThreadEnd(words: Int32Array<SharedArrayBuffer>, index: number, value: number): number;
  /** Drops such a promise, and the memory with it. */
  forgetThreadEnd(ticket: number): void;
  /**
   * Calls back on this thread's event loop soon after another thread of the process has ended or has called
   * `ring` with this thread's id. One callback a thread; it does not keep the loop alive.
   */
  onRing(callback: () => void): void;
  ring(id: number): boolean;
}

let addon: Addon | undefined;

/** The addon, or undefined where it is missing: for what works without it, only later or slower. */
export function tryAddon(): Addon | undefined {
  try {
    return loadAddon();
  } catch {
    return undefined;
  }
}

/** The addon, or a `LockUnsupportedError` that says where it was looked for and how to get it. */
export function loadAddon(paths: string[] = candidates): Addon {
  if (addon !== undefined && paths === candidates) return addon;
  let found: Addon;
  try {
    found = load(paths) as Addon;
  } catch (error) {
    const remedy = supported
      ? "Build it with 'npm rebuild tierlock', which needs a C++17 compiler, make and Python 3."
      : 'There is none for this system yet.';
    const message =
      `the native addon of tierlock is missing on ${process.platform}-${process.arch} ` +
      `(${(error as Error).message}). ${remedy} ` +
      'Locks within one process that stay on a SharedArrayBuffer work without it.';
    throw new LockUnsupportedError(message, { lock: 'native addon', cause: error });
  }
  if (paths === candidates) addon = found;
  return found;
}
