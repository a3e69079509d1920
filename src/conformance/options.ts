/** What the conformance suite has to be given. */
import type { Backend } from '../backend.js';

/**
 * How a test is told to its runner: `test` of node:test, vitest or jest. What a driver does not support is skipped by the
 * runner's own way, if it has one (`skip` of what the function gets).
 *
 * @example
 * import type { ConformanceTest } from 'tierlock/conformance';
 *
 * const titles: string[] = [];
 * const collect: ConformanceTest = (title) => titles.push(title);
 * console.log(typeof collect); // function
 */
export interface ConformanceTest {
  (title: string, run: (...context: unknown[]) => Promise<void>, timeout: number): unknown;
}

/**
 * What can happen to a store. Each resolves when it has happened. What a test cannot do, it leaves out.
 *
 * @example
 * import type { Faults } from 'tierlock/conformance';
 *
 * const faults: Faults = { silence: async () => {}, heal: async () => {} };
 * console.log(Object.keys(faults).join(' ')); // silence heal
 */
export interface Faults {
  /** The store answers nothing any more, and no connection breaks: SIGSTOP, or a network that swallows all. */
  silence?(): Promise<void>;
  /** New connections are refused, and those that are there break. */
  refuse?(): Promise<void>;
  /** The end of `silence` or `refuse`. */
  heal?(): Promise<void>;
  /** All connections break, once. */
  cut?(): Promise<void>;
  /** Of the next request everything arrives but the answer: the connection breaks in its place. */
  loseReply?(): Promise<void>;
  /** The store is killed and started again, with what it has kept. */
  restart?(): Promise<void>;
}

/**
 * What the conformance suite has to be given.
 *
 * @example
 * import { connect } from 'tierlock';
 * import { conformance } from 'tierlock/conformance';
 * import type { ConformanceOptions } from 'tierlock/conformance';
 *
 * const titles: string[] = [];
 * const options: ConformanceOptions = {
 *   test: (title) => titles.push(title), // of a runner: test
 *   name: 'memory',
 *   open: () => connect('memory:'),
 *   ttl: 100,
 * };
 * conformance(options);
 * console.log(titles.includes('memory: a late release frees nobody')); // true
 */
export interface ConformanceOptions {
  readonly test: ConformanceTest;
  /** Goes before every title. */
  readonly name: string;
  /** A new client of the store, which is always the same store: two of them are two hosts. The suite closes them. */
  open(): Backend | Promise<Backend>;
  /**
   * A module that exports `open`, for cases with real processes, which import it. What it has to know, it can be told in
   * the URL: `new URL('./store.js?port=1234', import.meta.url)`.
   */
  readonly module?: URL | undefined;
  /** Removes all records of locks from the store, behind the driver's back. */
  wipe?(): Promise<void>;
  /** What is in the store, or in the driver, that should not be there as nobody holds or waits for anything. */
  leftovers?(): readonly string[] | Promise<readonly string[]>;
  readonly faults?: Faults;
  /** The shortest time to live that makes sense there, in ms. Default: 1000. */
  readonly ttl?: number;
  /** How long an answer may take before its case has failed, in ms. Default: 10,000. */
  readonly patience?: number;
}
