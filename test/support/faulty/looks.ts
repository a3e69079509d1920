/** Mistakes about what can be seen from outside. */
import type { StoreHolder } from '../../../src/backend.js';
import { one } from './driver.js';
import { ringing } from './wake.js';
import type { Faulty } from './driver.js';

const LIST = 'a list has the keys that are held, as they are, and no others';
const LOOK = 'a look shows who holds a key, with his token and his time, to everybody';
const BROKEN =
  'what is broken is free, and its holder is told at his next renewal; or it cannot be broken, and stays';

export const lookDrivers: readonly Faulty[] = [
  one(
    'a look shows those who wait',
    'a place in line is no hold: a look shows who holds, not who waits',
    (store, all) => ({
      tryAcquire: async (request) => {
        const grant = await store.tryAcquire(request);
        const { id, key, shared, units } = request;
        if (grant === null) all.set(key, { id, token: 0n, shared, units, left: 1 });
        return grant;
      },
      inspect: async (key) => [
        ...(await store.inspect(key)),
        ...(all.has(key) ? [all.get(key) as StoreHolder] : []),
      ],
    }),
  ),
  one('a look shows nobody', LOOK, () => ({ inspect: async () => [] })),
  one('a look has no ids', LOOK, (store) => ({
    inspect: async (key) => altered(await store.inspect(key), { id: '' }),
  })),
  one('a look shows the time at which it lapses', LOOK, (store) => ({
    inspect: async (key) => altered(await store.inspect(key), { left: Date.now() }),
  })),
  one('a look shows one of several', 'a look shows all who hold a key beside each other', (store) => ({
    inspect: async (key) => (await store.inspect(key)).slice(0, 1),
  })),
  one('a look shows one permit each', 'a look shows how many permits each has', (store) => ({
    inspect: async (key) => altered(await store.inspect(key), { units: 1 }),
  })),
  one('a look shows what has lapsed', 'a look does not show what has lapsed', (store, all) => ({
    tryAcquire: async (request) => {
      const grant = await store.tryAcquire(request);
      all.set(request.key, await store.inspect(request.key));
      return grant;
    },
    inspect: async (key) => (all.get(key) ?? []) as StoreHolder[],
  })),
  one('a list is empty', LIST, () => ({ list: async () => [] })),
  one('a list has all', LIST, (store) => ({ list: () => store.list('') })),
  one('a list takes the prefix for a pattern', LIST, (store) => ({
    list: async (prefix) => {
      const pattern = new RegExp(
        `^${prefix
          .replaceAll(/[.+^$()|[\]\\{}]/g, String.raw`\$&`)
          .replaceAll('*', '.*')
          .replaceAll('_', '.')}`,
        's',
      );
      return (await store.list('')).filter((key) => pattern.test(key));
    },
  })),
  one('a list has names without their kind', LIST, (store) => ({
    list: async (prefix) => (await store.list(prefix)).map((key) => key.replace('lock:', '')),
  })),
  one('nothing is broken', BROKEN, () => ({ break: async () => true })),
  one('whatever is broken was held', BROKEN, (store) => ({
    break: async (key) => (await store.break(key), true),
  })),
  one('who waits is not told of a break', 'who waits for what is broken is told', (store, all) =>
    ringing(store, all, { forgets: true }),
  ),
];

function altered(holders: StoreHolder[], change: Partial<StoreHolder>): StoreHolder[] {
  return Array.from(holders, (holder) => Object.assign(holder, change));
}
