/**
 * The suite that every store's driver passes: the contract of backend.ts as promises, each a test of the runner that is
 * given. Only node:assert and the driver are needed, so it is for the drivers of others, too.
 *
 * What a store does not support is skipped; what the core promises instead of it, that it refuses, is tested as well.
 */
import { calls, refusals } from './conformance/calls.js';
import { ends } from './conformance/end.js';
import { exclusion } from './conformance/exclusion.js';
import { faults } from './conformance/faults.js';
import { lapses } from './conformance/lapse.js';
import { leases, outages } from './conformance/leases.js';
import { looks } from './conformance/looks.js';
import { owners, permits, readers } from './conformance/modes.js';
import { names } from './conformance/names.js';
import type { ConformanceOptions } from './conformance/options.js';
import { orders } from './conformance/order.js';
import { processes } from './conformance/processes.js';
import { within } from './conformance/proof.js';
import { forgets, releases } from './conformance/release.js';
import { semaphores } from './conformance/semaphores.js';
import { tokens } from './conformance/tokens.js';
import { queues, wakes } from './conformance/wake.js';
import { World } from './conformance/world.js';
import type { Case } from './conformance/world.js';

export type { ConformanceOptions, ConformanceTest, Faults } from './conformance/options.js';

const cases: readonly Case[] = [
  ...exclusion,
  ...readers,
  ...permits,
  ...owners,
  ...names,
  ...releases,
  ...forgets,
  ...tokens,
  ...lapses,
  ...wakes,
  ...queues,
  ...orders,
  ...looks,
  ...ends,
  ...faults,
  ...calls,
  ...refusals,
  ...semaphores,
  ...leases,
  ...outages,
  ...processes,
];

/** A runner that is told how long a test may take should not be the first to lose its patience. */
const LIMIT = 60_000;

/**
 * Tells the runner all tests of a driver.
 *
 * @example
 * import { test } from 'node:test';
 * import { connect } from 'tierlock';
 * import { conformance } from 'tierlock/conformance';
 *
 * function testMemory(): void {
 *   conformance({ test, name: 'memory', open: () => connect('memory:'), ttl: 100 });
 * }
 *
 * console.log(typeof testMemory); // function
 */
export function conformance(options: ConformanceOptions): void {
  const { test, name } = options;
  for (const each of cases) {
    // Without parameters: some runners would take one for a callback that is to be called.
    const run = async (...context: unknown[]): Promise<void> => {
      const why = await perform(each, options);
      if (why !== undefined) skip(context[0], why);
    };
    test(`${name}: ${each.promise}`, run, 2 * LIMIT);
  }
}

/** Why there was nothing to do; undefined if there was. */
async function perform(
  { promise, needs, run }: Case,
  options: ConformanceOptions,
): Promise<string | undefined> {
  const world = await World.open(options);
  const why = world.lacks(needs);
  let failure: { readonly error: unknown } | undefined;
  try {
    if (why === undefined) await within(LIMIT, promise, run(world));
  } catch (error) {
    failure = { error };
  }
  try {
    await world.end();
  } catch (error) {
    failure ??= { error };
  }
  if (failure !== undefined) throw failure.error;
  return why;
}

/** Where the runner can be told while the test runs. */
function skip(context: unknown, why: string): void {
  const { skip: tell } = (context ?? {}) as { skip?: unknown };
  if (typeof tell === 'function') tell.call(context, why);
}
