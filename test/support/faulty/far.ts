/** Mistakes about the way to the store, on which things happen. */
import { LockBackendError } from '../../../src/errors.js';
import type { Wire } from '../far-memory.js';
import { asking, counted, granting, one, stranger, watching } from './driver.js';
import type { Faulty } from './driver.js';

export const farDrivers: readonly Faulty[] = [
  one(
    'no answer is a grant, and a renewal',
    [
      'while the store is silent every call ends in its time, and nothing of it stays',
      'while the store is silent a lock is lost when its time is over, and not when an answer comes',
      'a store that refuses connections is an error that says so, after a few tries',
    ],
    (store) => {
      const hopeful = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
        const late = new Promise<T>((resolve) => setTimeout(resolve, 100, otherwise));
        return Promise.race([work, late]).catch(() => otherwise);
      };
      return {
        tryAcquire: async (request) => {
          const grant = await hopeful(store.tryAcquire(request), stranger);
          return (
            grant && { ...grant, renew: (ttl) => hopeful(grant.renew?.(ttl) ?? Promise.resolve(), undefined) }
          );
        },
      };
    },
  ),
  one(
    'no answer is an answer',
    'a store that refuses connections gives no answer, and the same clients go on when it is back',
    (store) => ({
      tryAcquire: (request) =>
        store.tryAcquire(request).catch((cause: unknown) => {
          throw new LockBackendError('it cannot be reached', { lock: request.key, cause });
        }),
    }),
  ),
  one(
    'what was broken once stays broken',
    [
      'what is asked of a silent store is answered when it is back, or nobody knows; and both go on',
      'what is held stays held when all connections break, if it is held by its record',
      'a release whose answer was lost has given it back, or the next one does',
    ],
    (store, all) => {
      const once = async <T>(work: () => Promise<T>): Promise<T> => {
        if (all.has('broken')) throw new Error('EPIPE');
        try {
          let timer: NodeJS.Timeout | undefined;
          const late = new Promise<never>(
            (_resolve, reject) => (timer = setTimeout(reject, 100, new Error('late'))),
          );
          return await Promise.race([work(), late]).finally(() => clearTimeout(timer));
        } catch (error) {
          all.set('broken', true);
          throw error;
        }
      };
      return {
        tryAcquire: async (request) => {
          const grant = await once(() => store.tryAcquire(request));
          return grant && { ...grant, release: () => once(() => grant.release()) };
        },
      };
    },
  ),
  one(
    'who asks again is another one',
    [
      'an acquisition whose answer was lost is granted again under its id, and counts once',
      'a lock() whose answer was lost holds once, and its release frees it',
    ],
    asking(({ id }) => ({ id: `${id} ${counted()}` })),
  ),
  one(
    'what was never answered is not forgotten',
    'an acquisition whose answer was lost can be forgotten',
    (store, all) => ({
      tryAcquire: async (request) => {
        const grant = await store.tryAcquire(request);
        all.set(request.id, true);
        return grant;
      },
      forget: async (request) => {
        if (all.has(request.id)) await store.forget(request);
      },
    }),
  ),
  one(
    'a watch does not notice that it was broken',
    'who has subscribed is told of what has happened while his connection was broken',
    (store, all) => {
      let broken = false;
      void (all.get('wire') as Wire).cut.then(() => (broken = true));
      return watching((watch) => ({
        changed: async () => {
          await watch.changed();
          if (broken) await new Promise(() => undefined);
        },
        close: () => watch.close(),
      }))(store, all);
    },
  ),
  one(
    'tokens begin again with the store',
    'a token grows over a restart of the store',
    granting((grant, { ttl }) => ({
      token: ttl < 60_000 ? 10n ** 6n - grant.token : grant.token,
    })),
  ),
  one(
    'who has lost it over a restart is not told',
    'what was held over a restart is still held, or its holder is told that it is lost',
    granting((grant) => ({ renew: async (ttl) => grant.renew?.(ttl).catch(() => undefined) })),
  ),
];
