/** What a lock in a store costs while nobody else wants it. */
import { openStoreOf, serverOf, storeOrigin } from '../contestants/stores.js';
import { median } from '../harness.js';
import { type Effort, loopTimes } from '../inner.js';
import { stayOnOneCore, withServers } from './servers.js';

const ttl = 30_000;

/** Pairs of 50 us, and others of some ms. */
function effortOf(name: string, quick: boolean): Effort {
  if (serverOf(name) === 'etcd')
    return quick ? { count: 100, rounds: 3, budget: 250 } : { count: 500, rounds: 5, budget: 1_500 };
  return quick ? { count: 2_000, rounds: 3, budget: 400 } : { count: 5_000, rounds: 15, budget: 2_000 };
}

/** Until all code is compiled for it: on one core, compiling takes longer than all else in the first seconds. */
function warmUpOf(name: string, quick: boolean): number {
  if (quick) return 200;
  return serverOf(name) === 'etcd' ? 2_000 : 20_000;
}

/** Redis has one thread; etcd has many, and three nodes would not fit. */
function settle(name: string): void {
  if (serverOf(name) === 'redis') stayOnOneCore();
}

/** Microseconds of a lock and its release. */
export function free(name: string, quick: boolean, etcdNodes: 1 | 3): Promise<number[]> {
  const measure = async (urls: readonly string[]): Promise<number[]> => {
    const use = await openStoreOf(storeOrigin(name), { urls, ttl }, 'loop');
    await use.loop(warmUpOf(name, quick));
    const times = await loopTimes((n) => use.loop(n), effortOf(name, quick));
    await use.close();
    return times.map((ns) => ns / 1_000);
  };
  settle(name);
  return withServers(name, ({ urls }) => measure(urls), etcdNodes);
}

/** What it costs after so many others, per what it did at first: what a store keeps of them must not matter. */
export function aged(name: string, others: number): Promise<number[]> {
  const work: Effort = { count: 200, rounds: 3, budget: 2_000 };
  settle(name);
  return withServers(name, async ({ urls }) => {
    const use = await openStoreOf(storeOrigin(name), { urls, ttl }, 'loop');
    // Until all code is as fast as it gets.
    await use.loop(1_000);
    const early = median(await loopTimes((n) => use.loop(n), work));
    await use.loop(others);
    const late = median(await loopTimes((n) => use.loop(n), work));
    await use.close();
    return [late / early];
  });
}

/** How many commands a lock and its release are, from the second time on. */
export function commandsOfCycle(name: string): Promise<number[]> {
  const cycles = 200;
  return withServers(name, async ({ urls, commands }) => {
    const use = await openStoreOf(storeOrigin(name), { urls, ttl }, 'loop');
    await use.loop(5);
    const before = await commands();
    await use.loop(cycles);
    const after = await commands();
    await use.close();
    return [(after - before) / cycles];
  });
}
