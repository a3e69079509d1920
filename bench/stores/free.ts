/** What a lock in a store costs while nobody else wants it. */
import { openStoreOf, serverOf, storeOrigin } from '../contestants/stores.js';
import { type Effort, loopTimes } from '../inner.js';
import { withServers } from './servers.js';

const ttl = 30_000;

/** Pairs of 50 us, and others of some ms. */
function effortOf(name: string, quick: boolean): Effort {
  if (serverOf(name) === 'etcd')
    return quick ? { count: 100, rounds: 3, budget: 250 } : { count: 500, rounds: 5, budget: 1_500 };
  return quick ? { count: 500, rounds: 3, budget: 120 } : { count: 5_000, rounds: 7, budget: 1_000 };
}

/** Microseconds of a lock and its release. */
export function free(name: string, quick: boolean, etcdNodes: 1 | 3): Promise<number[]> {
  const measure = async (urls: readonly string[]): Promise<number[]> => {
    const use = await openStoreOf(storeOrigin(name), { urls, ttl }, 'loop');
    const times = await loopTimes((n) => use.loop(n), effortOf(name, quick));
    await use.close();
    return times.map((ns) => ns / 1_000);
  };
  return withServers(name, ({ urls }) => measure(urls), etcdNodes);
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
