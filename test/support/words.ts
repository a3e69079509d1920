/**
 * The words of shared locks under the schedule checker: a small block, every thread joined from the start, and a
 * death that is told as the addon tells it. The clock is the checker's; who counts as old is the test's choice.
 */
import { DEAD } from '../../src/words/life.js';
import { Memory } from '../../src/words/memory.js';
import type { Layout, Woken } from '../../src/words/memory.js';
import { HANDED } from '../../src/words/ownership.js';
import { SEEKING } from '../../src/words/seat.js';
import type { Place } from '../../src/words/seat.js';
import { GENERATION, SEAT_STATE, SINCE } from '../../src/words/row.js';
import { verify } from '../../src/testing/interleave.js';
import type { Memory as Words, Search } from '../../src/testing/interleave.js';

export const layoutOf = (threads: number, locks: number = 1): Layout => ({ locks, threads, stride: 7 });

const FIRST = 100;

export class CheckedMemory extends Memory {
  readonly #now: () => number;
  readonly #old: boolean;

  constructor(words: Int32Array, layout: Layout, now: () => number = () => 0, old: boolean = false) {
    super(words, layout);
    this.#now = now;
    this.#old = old;
  }

  /** What is not atomic in truth, because nobody else writes the word, is a step here: one may be killed before it. */
  override put(index: number, value: number): void {
    const at = (index - this.row(0, 0)) % this.layout.stride;
    if (at !== SINCE && at !== HANDED - this.layout.stride) Atomics.store(this.words, index, value);
  }

  /** Everybody, and no step: it does not change. */
  override get joined(): number {
    return this.layout.threads;
  }

  override threadIsAlive(id: number): boolean {
    return Atomics.load(this.words, Memory.size(this.layout) + id - FIRST) === 0;
  }

  /** A nap always ends. */
  override wait(index: number, value: number, ms: number): Woken {
    const seat = (index - this.row(0, 0)) % this.layout.stride === SEAT_STATE;
    return seat && value === SEEKING ? 'timed-out' : super.wait(index, value, ms);
  }

  override now(): number {
    return this.#now();
  }

  /** Never that of the last hand-over, which is not written down: it happens whenever it can. */
  override time(): number {
    return 1;
  }

  override old(): boolean {
    return this.#old;
  }
}

/** What `join` leaves behind when all threads have come. */
export const allJoined =
  (layout: Layout) =>
  ({ words, atomics }: Words): void => {
    const memory = new Memory(words, layout);
    for (let thread = 0; thread < layout.threads; thread++) {
      atomics.store(words, memory.life + 2 * thread, FIRST + thread);
      atomics.store(words, memory.life + 2 * thread + 1, 1);
    }
  };

export const placeOf = (memory: Memory, thread: number, lock: number = 0): Place => ({
  memory,
  lock,
  slot: thread,
  name: (1 << 10) | (thread << 2),
});

/** What the addon does when a thread ends. */
export const die =
  (layout: Layout) =>
  ({ words, atomics }: Words, thread: number): void =>
    void atomics.store(words, new Memory(words, layout).life + 2 * thread, DEAD);

/** A death that only the system knows of, until somebody asks it. */
export const dieUntold =
  (layout: Layout) =>
  ({ words, atomics }: Words, thread: number): void =>
    void atomics.store(words, Memory.size(layout) + thread, 1);

/** How many words a program takes. */
export const wordsFor = (layout: Layout): number => Memory.size(layout) + layout.threads;

/** A program for the checker: every thread has joined, and has used the locks before. `spare` words are the test's. */
export function program(
  functions: Search['threads'],
  more: Partial<Search> = {},
  { locks = 1, spare = 0 }: { readonly locks?: number; readonly spare?: number } = {},
): Search {
  const layout = layoutOf(functions.length, locks);
  const join = allJoined(layout);
  const memory = new Memory(new Int32Array(0), layout);
  const { init, ...rest } = more;
  return {
    words: wordsFor(layout) + spare,
    threads: functions,
    init(fake) {
      join(fake);
      for (let thread = 0; thread < layout.threads; thread++) {
        for (let lock = 0; lock < locks; lock++)
          fake.atomics.store(fake.words, memory.row(thread, lock) + GENERATION, 1);
      }
      init?.(fake);
    },
    onKill: die(layout),
    steps: 400,
    ...rest,
  };
}

const REPORT = process.env['TIERLOCK_STATES'] === '1';

/** Nothing goes wrong on any schedule within the bound. */
export function holds(search: Search): void {
  const result = verify(search);
  if (REPORT) console.log(result.states, result.steps, result.complete);
}
