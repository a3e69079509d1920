/** Ourselves in stores: `lock(name)` as users write it, with a client of their own. */
import { Redis } from 'ioredis';
import { acquire, type Wanted } from '../../src/acquire.js';
import type { Backend } from '../../src/backend.js';
import { etcd } from '../../src/backends/etcd.js';
import { redis } from '../../src/backends/redis.js';
import { lock, type LockCallOptions } from '../../src/index.js';
import { tally } from './contestant.js';
import type { Place, StoreContestant, StoreModule, StoreUse } from './stores.js';

const name = 'bench';

function useOf(options: LockCallOptions, close: () => void | Promise<void>): StoreUse {
  return {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = await lock(name, options);
        tally.entered++;
        await guard.release();
      }
    },
    async hold() {
      const guard = await lock(name, options);
      return () => guard.release();
    },
    async keep() {
      const guard = await lock(name, options);
      return { allowed: () => guard.held, release: () => guard.release() };
    },
    close,
  };
}

/**
 * The tasks of one process wait for each other there, and one of them at a time for the store. Where the store shall see
 * them all they leave out that step, and ask as the one would.
 */
function useApart(
  store: Backend,
  { ttl, strict = false }: Place,
  close: () => void | Promise<void>,
): StoreUse {
  const wanted: Wanted = {
    key: `lock:${name}`,
    shared: false,
    units: 1,
    permits: 1,
    fifo: strict,
    owner: undefined,
    ttl,
    renew: true,
    lockDelay: 0,
    minHold: 0,
  };
  return {
    async hold() {
      const lease = await acquire(store, wanted, Infinity);
      if (lease === null) throw new Error('a wait without an end has ended');
      return () => lease.release();
    },
    close,
  };
}

function open(store: Backend, place: Place, end: () => void): StoreUse {
  const close = async (): Promise<void> => {
    await store.close();
    end();
  };
  if (place.apart === true) return useApart(store, place, close);
  const { ttl, strict } = place;
  return useOf({ distributed: store, ttl, ...(strict === true && { fair: 'strict' }) }, close);
}

const inRedis: StoreContestant = {
  open(place) {
    const client = new Redis(place.urls[0] ?? '');
    return open(redis(client), place, () => client.disconnect());
  },
};

const inEtcd: StoreContestant = {
  open: (place) => open(etcd({ endpoints: place.urls }), place, () => undefined),
};

export const contestants: StoreModule['contestants'] = {
  'floor: lock(name), no store': { open: () => useOf({}, () => undefined) },
  'tierlock: redis': inRedis,
  'tierlock: etcd': inEtcd,
};
