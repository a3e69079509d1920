/** Mistakes about the end of a hold, and about its number. */
import { granting, one } from './driver.js';
import type { Faulty } from './driver.js';

const TRUTH = 'a release tells the truth: true, and false the second time, which frees nobody';
const OUT = 'who holds keeps everybody else out until the release';
const GROWS = 'a token grows with every grant, whoever gets it';
const FORGOTTEN = 'a request that is forgotten has taken nothing';

export const releaseDrivers: readonly Faulty[] = [
  one(
    'anybody frees it',
    TRUTH,
    granting((_grant, { key }, store) => ({ release: () => store.break(key) })),
  ),
  one(
    'every release says yes',
    TRUTH,
    granting((grant) => ({ release: async () => (await grant.release(), true) })),
  ),
  one(
    'every release says no',
    TRUTH,
    granting((grant) => ({ release: async () => (await grant.release(), false) })),
  ),
  one(
    'a release does nothing',
    OUT,
    granting(() => ({ release: async () => true })),
  ),
  one(
    'a release frees what the client holds now',
    'a second release frees nobody of the same client',
    granting((_grant, { key }, store) => ({
      release: async () => {
        const [holder] = await store.inspect(key);
        if (holder === undefined) return false;
        return store.break(key);
      },
    })),
  ),
  one(
    'a release is done later',
    'what a release has given back is free at once for whoever asks then',
    granting((grant) => ({
      release: async () => {
        setImmediate(() => void grant.release());
        return true;
      },
    })),
  ),
  one(
    'whose time is over says that it was still his',
    'a late release frees nobody',
    granting((grant) => {
      let told = false;
      return { release: async () => (await grant.release()) || (!told && (told = true)) };
    }),
  ),
  one(
    'a wipe is not noticed',
    [
      'whose record was wiped is told so by his release, and frees nobody',
      'whose record was wiped is told so by his next renewal',
    ],
    granting((grant) => ({
      release: async () => (await grant.release(), true),
      renew: async () => undefined,
    })),
  ),
  one('it forgets nothing', FORGOTTEN, () => ({ forget: async () => undefined })),
  one('it forgets whoever holds', 'to forget what has taken nothing does nothing', (store) => ({
    forget: async ({ key }) => void (await store.break(key)),
  })),
  one(
    'it forgets one permit of several',
    'permits that are forgotten are free again, all of them',
    (store) => ({
      forget: async (request) => {
        if (request.units === 1) return store.forget(request);
        const units = request.units - 1;
        await store.forget(request);
        await store.tryAcquire({ ...request, units });
      },
    }),
  ),
  one(
    'it cannot forget what nothing has taken',
    'to forget what has taken nothing does nothing',
    (store) => ({
      forget: async (request) => {
        const found = await store.inspect(request.key);
        if (!found.some(({ id }) => id === request.id)) throw new Error('not found');
        await store.forget(request);
      },
    }),
  ),

  one(
    'there is no token',
    GROWS,
    granting(() => ({ token: 0n })),
  ),
  one(
    'a token is given although there is none',
    'a store without tokens says 0n, so that nobody relies on one',
    (store) => ({
      supports: { ...store.supports, token: 'none' },
    }),
  ),
  one(
    'all have one token',
    GROWS,
    granting(() => ({ token: 7n })),
  ),
  one('each client counts its own tokens', GROWS, (store) => {
    let token = 0n;
    return granting(() => ({ token: ++token }))(store, new Map());
  }),
  one(
    'tokens begin again when a key lapses',
    'a token grows over a lapse',
    granting((_grant, { ttl }) => ({ token: ttl < 60_000 ? 10n ** 6n : 5n })),
  ),
  one(
    'readers have one token',
    'those who hold beside each other have different tokens, and later ones have greater ones',
    granting((grant, { shared }) => ({ token: shared ? 1n : grant.token })),
  ),
];
