/** Mistakes about time: what lapses too early, too late or never. */
import type { Grant } from '../../../src/backend.js';
import { asking, granting, one } from './driver.js';
import type { Faulty } from './driver.js';

const LAPSES = 'what is not renewed lapses, and not before its time';
const GONE = 'a renewal of what has lapsed is a loss, and brings nothing back';

export const lapseDrivers: readonly Faulty[] = [
  one('what lapses is said not to', 'where nothing lapses, what is held stays held', (store) => ({
    supports: { ...store.supports, ttl: false },
  })),
  one(
    'nothing lapses',
    LAPSES,
    asking(() => ({ ttl: 1e9 })),
  ),
  one(
    'it lapses early',
    LAPSES,
    asking(({ ttl }) => ({ ttl: ttl / 2 })),
  ),
  one(
    'it says that it lasts longer',
    LAPSES,
    granting((_grant, { ttl }) => ({ lasts: 2 * ttl })),
  ),
  one(
    'a renewal brings back what has lapsed',
    GONE,
    granting((grant, request, store) => ({
      renew: async (ttl) => {
        const known = await store.inspect(request.key);
        if (known.length === 0) await store.tryAcquire({ ...request, ttl });
        else await grant.renew?.(ttl);
      },
    })),
  ),
  one(
    'a renewal takes it from whoever has it',
    GONE,
    granting((_grant, request, store) => ({
      renew: async (ttl) => {
        await store.break(request.key);
        await store.tryAcquire({ ...request, ttl });
      },
    })),
  ),
  one(
    'a renewal in vain says nothing',
    GONE,
    granting((grant) => ({
      renew: async (ttl) => grant.renew?.(ttl).catch(() => undefined),
    })),
  ),
  one(
    'a renewal in vain is any error',
    GONE,
    granting((grant) => ({
      renew: async (ttl) =>
        grant.renew?.(ttl).catch((error: unknown) => {
          throw new Error('not found', { cause: error });
        }),
    })),
  ),
  one(
    'a renewal does nothing',
    'who renews in time is still there when his first time is over',
    granting(() => ({ renew: async () => undefined })),
  ),
  one(
    'a renewal takes less than was asked for',
    'what is renewed lasts for so long from then on, at least',
    granting((grant) => ({ renew: async (ttl) => grant.renew?.(ttl / 2) })),
  ),
  one(
    'a renewal after the release takes it again',
    'a renewal of what was given back is a loss, and brings nothing back',
    granting((_grant, request, store) => ({
      renew: async (ttl) => void (await store.tryAcquire({ ...request, ttl })),
    })),
  ),
  one(
    'what is known already does not last longer',
    'what is asked for again under the same id lasts from then on',
    (store, all) => ({
      tryAcquire: async (request) => {
        const known = all.get(request.id) as Grant | undefined;
        if (known !== undefined && (await store.inspect(request.key)).length > 0) return known;
        const grant = await store.tryAcquire(request);
        all.set(request.id, grant);
        return grant;
      },
    }),
  ),
  one(
    'it counts from the first try on',
    'who has waited for longer than his ttl is granted what lasts, not what has lapsed',
    (store, all) => ({
      tryAcquire: async (request) => {
        const since = (all.get(request.id) as number | undefined) ?? performance.now();
        all.set(request.id, since);
        return store.tryAcquire({ ...request, ttl: Math.max(1, since + request.ttl - performance.now()) });
      },
    }),
  ),
  one('one permit keeps all from lapsing', 'permits lapse each by itself', (store) => ({
    tryAcquire: (request) =>
      store.tryAcquire({ ...request, ttl: request.permits > 1 ? 60_000 : request.ttl }),
  })),
];
