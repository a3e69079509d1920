/**
 * What a test says to the checker, and what the checker says to the test.
 */
import type { Memory } from './fake.js';
import type { Flaw, Mode } from './sections.js';

export type { Flaw, Kind, Mode } from './sections.js';

/** What a thread is given. It must be synchronous and share nothing with other threads but the words. */
export interface Env extends Memory {
  /** Its number, from 0. */
  readonly thread: number;
  /**
   * The clock in ms, as this thread reads it: 0 at the start, and it moves when a wait of this thread times out
   * or comes back late, or when it was held up after another operation: then past every deadline, and only once.
   * Good for deadlines; times of two threads must not be compared.
   */
  readonly now: () => number;
  /**
   * Marks that the thread is inside from here on; broken exclusion is found by it. It takes effect together
   * with the operation before it, and `leave` with the operation after it: as wide as the code allows.
   */
  readonly enter: (name: string, mode?: Mode) => void;
  readonly leave: (name: string) => void;
}

export type Thread = (env: Env) => void;

/** A small concurrent program. */
export interface Spec {
  /** How many Int32 words there are, all 0 at first. */
  readonly words: number;
  /**
   * The threads. One that is a list runs its functions one after another and forgets its history in between,
   * which saves most of the states: write rounds that share nothing but the words like this.
   */
  readonly threads: readonly (Thread | readonly Thread[])[];
  readonly init?: (memory: Memory) => void;
  /** Asserts on the memory when every thread has finished or was killed. */
  readonly final?: (memory: Memory) => void;
  /**
   * How many timed waits may time out (or threads come late) in one run. Beyond that number a timed wait is endless,
   * so that time-outs cannot hide a lost wake-up: 'never', the default, is 0, and 'choice' is no limit.
   */
  readonly timeouts?: 'never' | 'choice' | number;
  /**
   * What sleeping in slices is for: when a thread has been killed and all others are parked, a timed wait may time
   * out in spite of `timeouts`, so many times for each thread. Default 0: a death must not cost anybody a slice.
   */
  readonly rescues?: number;
  /** How many threads may be killed, anywhere. Default 0. */
  readonly kills?: number;
  /** Which threads may be killed. Default all. */
  readonly victims?: readonly number[];
  /** What the reaper does to the memory at once when that thread dies. For a reaper in steps make it a thread. */
  readonly onKill?: (memory: Memory, thread: number) => void;
  /** Whether one who is killed inside a section counts as having left it (the default) or stays inside for ever. */
  readonly killedInside?: 'leaves' | 'stays';
  /** A thread that asks for more operations than this in one function is in a livelock. Default 100. */
  readonly steps?: number;
}

/**
 * A small concurrent program, and how far it is searched.
 *
 * @example
 * import { verify } from 'tierlock/testing';
 * import type { Search } from 'tierlock/testing';
 *
 * const search: Search = { words: 1, threads: [({ atomics, words }) => void atomics.add(words, 0, 1)] };
 * console.log(verify(search).complete); // true
 */
export interface Search extends Spec {
  /** Where the exhaustive search ends. States: 1 million by default. Preemptions: no limit by default. */
  readonly bound?: { readonly states?: number; readonly preemptions?: number };
  /** Random schedules, if the exhaustive search had to stop at its bound. */
  readonly random?: { readonly runs: number; readonly seed?: number };
}

/** One step of a schedule, as it went. */
export interface Step {
  readonly thread: number;
  readonly action: 'run' | 'time-out' | 'late' | 'kill';
  /** The operation with its arguments and its result; empty for the other actions. */
  readonly operation: string;
  /** What it brought about: parked, woken threads, marks, the end. */
  readonly events: readonly string[];
  readonly memory: readonly number[];
}

export interface Failure extends Flaw {
  readonly schedule: readonly Step[];
  /** The same for `replay`: thread numbers, with a letter for time-out, late and kill. */
  readonly choices: string;
  /** The seed, if it was found by chance. */
  readonly seed?: number;
}

export interface Result {
  /** Different states seen, and steps tried. */
  readonly states: number;
  readonly steps: number;
  /** Random schedules tried. */
  readonly runs: number;
  /** Whether every schedule was covered and none failed. */
  readonly complete: boolean;
  readonly failure?: Failure;
}
