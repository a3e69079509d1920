/** Mistakes about what is over: it leaves something behind. */
import type { Grant } from '../../../src/backend.js';
import { granting, litter, one, watching } from './driver.js';
import type { Faulty } from './driver.js';

const OUT = 'who holds keeps everybody else out until the release';
const EMPTY = 'what is closed leaves no timer, no socket and no listener';
const LEFT = 'what is over leaves nothing in the store';

export const endDrivers: readonly Faulty[] = [
  one('a timer runs on', EMPTY, () => {
    const timer = setInterval(() => undefined, 100_000).unref();
    litter.push(() => clearInterval(timer));
    return {};
  }),
  one(
    'a timer keeps the program alive',
    EMPTY,
    granting(() => {
      const timer = setTimeout(() => undefined, 100_000);
      litter.push(() => clearTimeout(timer));
      return {};
    }),
  ),
  one(
    'a timer runs as long as somebody watches',
    'what is closed in the middle of waits leaves nothing, and rejects nowhere',
    watching((watch) => {
      const timer = setInterval(() => undefined, 100_000);
      litter.push(() => clearInterval(timer));
      return {
        changed: () => watch.changed(),
        close: () => {
          clearInterval(timer);
          watch.close();
        },
      };
    }),
  ),
  one('each client listens to the process', EMPTY, () => {
    const listener = (): void => undefined;
    process.on('exit', listener);
    litter.push(() => process.off('exit', listener));
    return {};
  }),
  one(
    'listeners stay on the signal',
    'no signal keeps a listener of what is over',
    granting((_grant, { signal }) => {
      signal.addEventListener('abort', () => undefined);
      return {};
    }),
  ),
  one('keys stay', LEFT, (store, all) => ({
    tryAcquire: (request) => {
      all.set(`left:${request.key}`, true);
      return store.tryAcquire(request);
    },
  })),
  one('a watch stays', LEFT, (store) => ({
    watch: async (request) => ({
      changed: () => store.watch(request).then((watch) => watch.changed()),
      close: () => undefined,
    }),
  })),
  one(
    'something rejects that nobody awaits',
    OUT,
    granting((grant) => ({
      release: () => {
        void Promise.reject(new Error('nobody awaits this'));
        return grant.release();
      },
    })),
  ),
  one('what is closed goes on', 'what is closed refuses, and says that to ask again would not help', () => ({
    close: async () => undefined,
  })),
  one(
    'what is closed says that nobody knows',
    'what is closed refuses, and says that to ask again would not help',
    (store) => ({
      tryAcquire: async (request) =>
        store.tryAcquire(request).catch((error: unknown) => {
          throw new Error('the connection is closed', { cause: error });
        }),
    }),
  ),
  one(
    'to close a client closes the store',
    'to close a client leaves other clients of the store alone',
    (store) => ({
      close: async () => {
        for (const key of await store.list('')) await store.break(key);
        await store.close();
      },
    }),
  ),
  one('to close twice is an error', 'to close twice does nothing more, and disposal closes', (store) => {
    let closed = false;
    return {
      close: async () => {
        if (closed) throw new Error('closed already');
        closed = true;
        await store.close();
      },
    };
  }),
  one(
    'what a closed client holds stays for ever',
    'what a closed client holds is free, at the latest when it lapses',
    (store) => {
      const grants: Grant[] = [];
      return {
        tryAcquire: async (request) => {
          const grant = await store.tryAcquire(request);
          if (grant !== null) grants.push(grant);
          return grant;
        },
        close: async () => {
          for (const grant of grants) await grant.renew?.(60_000).catch(() => undefined);
          await store.close();
        },
      };
    },
  ),
];
