/**
 * Finds the schedule that breaks a lock. Unchanged synchronous lock code runs over a fake `Atomics` whose every
 * operation is a point where any other thread may come between; all schedules are tried, shortest first, with
 * time-outs and deaths as choices, so the failure reported is the shortest there is. Example:
 *
 *   verify({
 *     words: 1,
 *     threads: [0, 1].map(() => ({ words, atomics, enter, leave }) => {
 *       lock(atomics, words);
 *       enter('section');
 *       leave('section');
 *       unlock(atomics, words);
 *     }),
 *   });
 *
 * Rules for the code: it is synchronous, and threads share nothing but the words, so each makes its own lock object
 * inside its function, which is run many times. Time passes in operations only. Make spins short: they cost states.
 * Parts: `spec` (the types), `fake` (the Atomics), `history` (one thread), `sections`, `world` (one moment),
 * `states` (all that were seen), `random`, `report`. Memory is sequentially consistent, as Atomics are.
 */
import { AssertionError } from 'node:assert';
import { shorten, walk } from './interleave/random.js';
import { confirm, format } from './interleave/report.js';
import type { Failure, Flaw, Result, Search } from './interleave/spec.js';
import { States } from './interleave/states.js';
import { COME_LATE, RUN, World } from './interleave/world.js';
import { generator } from './random.js';

export type { Atoms, Memory } from './interleave/fake.js';
export type { Env, Failure, Mode, Result, Search, Spec, Step, Thread } from './interleave/spec.js';
export { format, replay } from './interleave/report.js';

/** Tries every schedule within the bound, then random ones if that was not all. */
export function explore(search: Search): Result {
  const result = exhaust(search);
  if (result.failure || result.complete || !search.random) return result;
  return stray(search, search.random, result);
}

/**
 * Tries every schedule of code over `Atomics` that must be right: throws with the shortest failing one, or if not all could be
 * tried. The code is synchronous; it gets an object in the place of `Atomics`, and each operation is a point where any other
 * thread may come between.
 *
 * @example
 * import { verify } from 'tierlock/testing';
 *
 * const result = verify({
 *   words: 1,
 *   threads: [0, 1].map(() => ({ atomics, words }) => void atomics.add(words, 0, 1)),
 *   final: ({ atomics, words }) => {
 *     if (atomics.load(words, 0) !== 2) throw new Error('an update was lost');
 *   },
 * });
 * console.log(result.complete, result.states); // true 4
 */
export function verify(search: Search): Result {
  const result = explore(search);
  if (result.failure) throw new AssertionError({ message: format(result.failure), stackStartFn: verify });
  if (!result.complete && !search.random && search.bound?.preemptions === undefined) {
    throw new AssertionError({ message: `not complete after ${result.states} states`, stackStartFn: verify });
  }
  return result;
}

/**
 * The same for code that must be wrong: returns the failure, and throws if there is none.
 *
 * @example
 * import { refute } from 'tierlock/testing';
 *
 * const failure = refute({
 *   words: 1,
 *   threads: [0, 1].map(() => ({ atomics, words }) => {
 *     atomics.store(words, 0, atomics.load(words, 0) + 1);
 *   }),
 *   final: ({ atomics, words }) => {
 *     if (atomics.load(words, 0) !== 2) throw new Error('an update was lost');
 *   },
 * });
 * console.log(failure.message, failure.choices); // an update was lost 0 1 0 1
 */
export function refute(search: Search): Failure {
  const { failure, states, runs } = explore(search);
  if (failure) return failure;
  const message = `no failure in ${states} states and ${runs} random schedules`;
  throw new AssertionError({ message, stackStartFn: refute });
}

/** Breadth first. A bound on preemptions puts the running thread and the preemptions so far into the state. */
function exhaust(search: Search): Result {
  const { states: most = 1e6, preemptions = Infinity } = search.bound ?? {};
  const bounded = preemptions < Infinity;
  const world = new World(search);
  const states = new States(world.width + 2);
  const record = new Int32Array(world.width + 2);
  const [lastAt, usedAt] = [world.width, world.width + 1];
  let steps = 0;
  let complete = true;
  const fail = (path: number[], flaw: Flaw): Result => {
    const failure = confirm(search, path, flaw);
    return { states: states.count, steps, runs: 0, complete: false, failure };
  };

  if (world.flaw) return fail([], world.flaw);
  world.save(record);
  record[lastAt] = -1;
  states.add(record, 0, 0);
  for (let state = 0; state < states.count; state++) {
    const from = states.offset(state);
    world.load(states.data, from);
    const last = states.data[from + lastAt] ?? -1;
    const used = states.data[from + usedAt] ?? 0;
    const lastReady = last >= 0 && world.ready(last);
    for (const choice of world.choices()) {
      const runs = (choice & 3) === RUN || (choice & 3) === COME_LATE;
      const preempts = bounded && runs && lastReady && choice >> 2 !== last ? 1 : 0;
      if (used + preempts > preemptions) {
        complete = false;
        continue;
      }
      world.load(states.data, from);
      world.apply(choice);
      steps++;
      if (world.flaw) return fail([...states.path(state), choice], world.flaw);
      world.save(record);
      record[lastAt] = bounded && runs ? choice >> 2 : last;
      record[usedAt] = used + preempts;
      states.add(record, state, choice);
    }
    if (states.count > most) {
      complete = false;
      break;
    }
  }
  return { states: states.count, steps, runs: 0, complete };
}

/** Random walks with the seeds `seed`, `seed + 1` and so on; the seed of the walk that failed is reported. */
function stray(
  search: Search,
  { runs, seed = Date.now() % 2 ** 31 }: { runs: number; seed?: number },
  so: Result,
): Result {
  let world = new World(search);
  let { steps } = so;
  for (let run = 0; run < runs; run++) {
    const path = walk(world, generator(seed + run), [0, 0.5, 0.9][(seed + run) % 3] ?? 0);
    steps += path.length;
    const { flaw } = world;
    if (flaw) {
      const failure = confirm(search, shorten(world, path), flaw, seed + run);
      return { ...so, steps, runs: run + 1, failure };
    }
    // Histories are kept for ever, and random ones are rarely met again.
    if (world.histories.nodes.length > 2e5) world = new World(search);
  }
  return { ...so, steps, runs };
}
