/**
 * A block of words that several threads share, and how it is divided. It is an arena: many locks lie in one block,
 * and every thread that has joined the block (life.ts) has a row of words for each of them.
 *
 *     header | life words, 2 for each thread | locks, one slot each | rows: all of thread 0, all of thread 1, ...
 *
 * A slot and a row are one cache line each. So threads disturb each other only where they share a lock's own slot,
 * and a thread needs nothing but its number to find its row: nothing is allocated when it first waits, nothing can
 * leak when it dies. Rows that nobody has touched are pages that the system has not handed out yet.
 *
 * Rules for everybody who works on the words:
 * - they are read and written with Atomics; `put` is for a word that only its owner writes, where an atomic
 *   operation that is ordered after it publishes it
 * - a thread may be killed between any two operations, so no change may need two of them to be right
 * - a thread sleeps on a word of its own row only (but for a slice of time, with nobody to wake it)
 *
 * The block is a SharedArrayBuffer here, and Atomics sleep and wake; mapped.ts is the same on memory of the process.
 */
import { threadIsAlive } from './thread.js';

/** How a block is divided. */
export interface Layout {
  readonly locks: number;
  readonly threads: number;
  /** Words from one slot or row to the next: 16 make a cache line. */
  readonly stride: number;
}

/** A block on a SharedArrayBuffer. At most 256 threads: a lock's word has eight bits for its holder. */
export const ARENA: Layout = { locks: 32, threads: 256, stride: 16 };

export type Woken = 'ok' | 'not-equal' | 'timed-out';

// The header's words. The first four say what this is; a copy with other numbers here must not touch the rest.
export const MAGIC = 0;
export const VERSION = 1;
export const LOCKS = 2;
export const THREADS = 3;
/** A random number of 128 bits: two views are of one block if and only if it is the same. */
export const IDENTITY = 4;
/** How many slots have been given out. */
export const USED = 8;
/** How many life slots have ever been taken: nobody has to look at the rows behind. */
export const JOINED = 9;

export const MAGIC_VALUE = 0x7e1ec10c;
/** Raised with every change of the layout or of what words mean. */
export const LAYOUT_VERSION = 1;

/** What a block of this layout begins with; all other words of a new one are zeroes. */
export function header({ locks, threads }: Layout): Int32Array<ArrayBuffer> {
  const words = new Int32Array(IDENTITY);
  words[MAGIC] = MAGIC_VALUE;
  words[VERSION] = LAYOUT_VERSION;
  words[LOCKS] = locks;
  words[THREADS] = threads;
  return words;
}

export class Memory {
  readonly words: Int32Array;
  readonly layout: Layout;
  readonly life: number;
  readonly locks: number;
  readonly #rows: number;

  constructor(words: Int32Array, layout: Layout = ARENA) {
    const { locks, threads, stride } = layout;
    this.words = words;
    this.layout = layout;
    this.life = stride;
    this.locks = this.life + Math.ceil((2 * threads) / stride) * stride;
    this.#rows = this.locks + locks * stride;
  }

  /** How many words a block of this layout has. */
  static size({ locks, threads, stride }: Layout): number {
    return (1 + Math.ceil((2 * threads) / stride) + locks + threads * locks) * stride;
  }

  /** Where the words of a slot begin. */
  slot(lock: number): number {
    return this.locks + lock * this.layout.stride;
  }

  /** Where the row of a thread for a lock begins. */
  row(thread: number, lock: number): number {
    return this.#rows + (thread * this.layout.locks + lock) * this.layout.stride;
  }

  /** The thread whose row has the word. */
  threadOf(index: number): number {
    return Math.floor((index - this.#rows) / (this.layout.locks * this.layout.stride));
  }

  /** How many life slots may have somebody in them. */
  get joined(): number {
    return Math.min(Atomics.load(this.words, JOINED), this.layout.threads);
  }

  /** Writes a word that only this thread writes. Not atomic, because that would cost as much as taking a lock. */
  put(index: number, value: number): void {
    this.words[index] = value;
  }

  /** Blocks this thread while the word has the value, for at most `ms`. May end by itself. */
  wait(index: number, value: number, ms: number): Woken {
    return Atomics.wait(this.words, index, value, ms);
  }

  /** A promise of the next `wake` of the word, or undefined if it has another value. */
  waitAsync(index: number, value: number): Promise<unknown> | undefined {
    const outcome = Atomics.waitAsync(this.words, index, value);
    return outcome.async ? outcome.value : undefined;
  }

  /** Ends all waits for the word. */
  wake(index: number): void {
    Atomics.notify(this.words, index);
  }

  /** Asks the system whether a thread of this process lives. */
  threadIsAlive(id: number): boolean {
    return threadIsAlive(id);
  }

  /** The clock of deadlines, in ms; every thread has its own. */
  now(): number {
    return performance.now();
  }

  /** A clock that all threads of the process share, in quarters of a millisecond; it wraps around. */
  time(): number {
    return ((performance.now() + epoch) * 4) | 0;
  }

  /** Whether somebody who came at that time has waited so long that he must not be passed any more. */
  old(since: number): boolean {
    return ((this.time() - since) | 0) >= PATIENCE;
  }
}

const PATIENCE = 4;

// performance.now() begins at 0 in every thread; process.hrtime() is the same clock without that. A thread may lose its
// core between one look and the next, and would then be wrong for good: the closest of several pairs counts.
const epoch = epochOf(8);

function epochOf(pairs: number): number {
  let [found, closest] = [0, Infinity];
  for (let i = 0; i < pairs; i++) {
    const before = performance.now();
    const [seconds, nanoseconds] = process.hrtime();
    const apart = performance.now() - before;
    if (apart < closest) [found, closest] = [seconds * 1000 + nanoseconds / 1e6 - before, apart];
  }
  return found;
}
