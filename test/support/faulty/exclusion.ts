/** Mistakes about who may hold at all, and beside whom. */
import { asking, counted, granting, naming, one, refusing, stranger } from './driver.js';
import type { Faulty, Store } from './driver.js';

const OUT = 'who holds keeps everybody else out until the release';
const AGAIN = 'who asks again under the same id is granted the same again, and it counts once';
const PERMITS = 'as many permits are given out as there are';
const ALL_OR_NONE = 'permits are taken all or none';
const OWNER = 'who presents the same owner is let in, and others when the last of them has left';

export const exclusionDrivers: readonly Faulty[] = [
  one(
    'it grants what is held',
    [OUT, 'of many who ask at once one is granted'],
    refusing(() => stranger),
  ),
  one('it says by an error that it is held', 'contention is an answer, no error: null', (store) => ({
    tryAcquire: async (request) => {
      const grant = await store.tryAcquire(request);
      if (grant === null) throw new Error('EEXIST');
      return grant;
    },
  })),
  one('it looks first and takes later', 'of many who ask at once one is granted', (store) => ({
    tryAcquire: async (request) => {
      const held = (await store.inspect(request.key)).length > 0;
      await new Promise(setImmediate);
      const grant = held ? null : await store.tryAcquire(request);
      return grant ?? (held ? null : stranger);
    },
  })),
  one(
    'all keys are one',
    'different keys have nothing to do with each other',
    naming(() => 'lock:one'),
  ),
  one(
    'the same id is another one the next time',
    AGAIN,
    asking(({ id }) => ({ id: `${id} ${counted()}` })),
  ),
  one(
    'the same id gets another token',
    AGAIN,
    granting(() => ({ token: BigInt(counted()) })),
  ),
  one(
    'the same id counts twice',
    'permits that are asked for again under the same id count once',
    (store) => ({
      tryAcquire: (request) =>
        store.tryAcquire(request.permits > 1 ? { ...request, id: `${request.id} ${counted()}` } : request),
    }),
  ),
  one(
    'each grant has to be given back, even of the same id',
    [
      AGAIN,
      'who asks twice at once under the same id holds once',
      'a reader who asks again under the same id counts once',
    ],
    (store, all) => {
      const times = (id: string, by: number): number => {
        const now = ((all.get(id) as number | undefined) ?? 0) + by;
        all.set(id, now);
        return now;
      };
      return granting((grant, { id }) => {
        times(id, 1);
        return { release: async () => times(id, -1) > 0 || grant.release() };
      })(store, all);
    },
  ),
  one(
    'nothing can be forgotten, and nothing lapses',
    'a store in which nothing lapses can forget',
    (store) => ({
      supports: { ...store.supports, ttl: false },
      forget: undefined as unknown as Store['forget'],
    }),
  ),
  one(
    'a try stands in the queue',
    'who asks once and is refused leaves nothing behind',
    asking(() => ({ waits: true })),
  ),

  one(
    'a writer comes in beside readers',
    'a writer comes in when the last reader has left',
    asking(() => ({ shared: true })),
  ),
  one(
    'a reader comes in beside the writer',
    'a writer keeps readers out',
    refusing(({ shared }) => (shared ? stranger : null)),
  ),
  one(
    'readers exclude each other',
    'readers come in beside readers',
    asking(() => ({ shared: false })),
  ),
  one(
    'a permit more is given out',
    PERMITS,
    asking(({ permits }) => ({ permits: permits > 1 ? permits + 1 : 1 })),
  ),
  one(
    'a permit less is given out',
    PERMITS,
    asking(({ permits }) => ({ permits: Math.max(1, permits - 1) })),
  ),
  one(
    'permits are taken in part',
    ALL_OR_NONE,
    refusing((request, store) => (request.units > 1 ? store.tryAcquire({ ...request, units: 1 }) : null)),
  ),
  one(
    'units are not counted',
    ALL_OR_NONE,
    asking(() => ({ units: 1 })),
  ),
  one(
    'other numbers of permits are not noticed',
    'who asks for another number of permits than others is told that it is a mistake',
    (store) => ({ tryAcquire: (request) => store.tryAcquire(request).catch(() => null) }),
  ),
  one(
    'a lock and a semaphore share a record',
    'a lock and a semaphore of one name have nothing to do with each other',
    naming((key) => key.replace(/^\w+:/, '')),
  ),
  one(
    'the owner is not looked at',
    OWNER,
    asking(() => ({ owner: undefined })),
  ),
  one(
    'who has no owner passes for everybody',
    OWNER,
    asking(() => ({ owner: 'everybody' })),
  ),
  one(
    'who presents the owner gets a token of his own',
    OWNER,
    granting(() => ({ token: BigInt(counted()) })),
  ),
];
