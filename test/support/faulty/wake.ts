/** Mistakes about those who wait: not woken, out of turn, not let go. */
import { EventEmitter } from 'node:events';
import type { Backend, Watch } from '../../../src/backend.js';
import { LockLostError } from '../../../src/errors.js';
import { asking, granting, one, queueing, stranger, watching } from './driver.js';
import type { Faulty, Store } from './driver.js';

const LINE = 'those who ask for order get it by their first try';
const TOLD = 'who has subscribed is told of a release';
const ABORT = 'an abort ends a wait in the store with its own reason, and leaves nothing there';

export const wakeDrivers: readonly Faulty[] = [
  one(
    'what happens before the look is missed',
    'what has happened before the first look is not missed',
    watching((watch) => ({
      changed: async () => {
        // What has been told already is thrown away.
        await Promise.race([watch.changed(), new Promise(setImmediate)]);
        await watch.changed();
      },
      close: () => watch.close(),
    })),
  ),
  one('it resolves before it has subscribed', TOLD, (store) => ({
    watch: async (request) => {
      const subscribed = new Promise((resolve) => setTimeout(resolve, 20)).then(() => store.watch(request));
      return {
        changed: async () => (await subscribed).changed(),
        close: () => void subscribed.then((watch) => watch.close()),
      };
    },
  })),
  one(
    'it tells once',
    'all who wait have their turn',
    watching((watch) => {
      let told = false;
      return {
        changed: async () => {
          if (told) await new Promise(() => undefined);
          await watch.changed();
          told = true;
        },
        close: () => watch.close(),
      };
    }),
  ),
  one('it tells of releases only, not of lapses', 'who has subscribed is told of a lapse', (store, all) =>
    ringing(store, all, { forgets: true }),
  ),
  one(
    'it does not tell of what is forgotten',
    'who has subscribed is told when a holder is forgotten',
    (store, all) => ringing(store, all, { forgets: false }),
  ),
  one(
    'one of those who watch is told',
    'readers who wait for a writer are all told when he leaves',
    (store, all) => ringing(store, all, { forgets: true, one: 'first' }),
  ),
  one('the last of those who watch is told', 'all who wait have their turn', (store, all) =>
    ringing(store, all, { forgets: true, one: 'last' }),
  ),
  one(
    'a watch that is closed rejects',
    'a watch that is closed leaves others alone, and never rejects',
    (store) => ({
      watch: async (request) => {
        const watch = await store.watch(request);
        let reject!: (error: Error) => void;
        const closed = new Promise<never>((_resolve, no) => (reject = no));
        closed.catch(() => undefined);
        return {
          changed: () => Promise.race([watch.changed(), closed]),
          close: () => {
            watch.close();
            reject(new Error('closed'));
          },
        };
      },
    }),
  ),
  one(
    'a watch that is closed closes all',
    'a watch that is closed leaves others alone, and never rejects',
    (store, all) => ({
      watch: async (request) => {
        const watch = await store.watch(request);
        const watches = (all.get('watches') ?? []) as Watch[];
        all.set('watches', [...watches, watch]);
        return {
          changed: () => watch.changed(),
          close: () => (all.get('watches') as Watch[]).forEach((each) => each.close()),
        };
      },
    }),
  ),

  one(
    'nobody has a place in a queue',
    LINE,
    asking(() => ({ waits: false })),
  ),
  one('every try is a new place', LINE, (store) => ({
    tryAcquire: async (request) => {
      const grant = await store.tryAcquire(request);
      if (grant !== null || !request.waits) return grant;
      await store.forget(request);
      return store.tryAcquire(request);
    },
  })),
  one(
    'who has gone keeps his place',
    'who is forgotten loses his place, and those behind him are told',
    (store) => ({
      forget: async (request) => {
        const holders = await store.inspect(request.key);
        if (holders.some(({ id }) => id === request.id)) await store.forget(request);
      },
    }),
  ),
  one('readers pass writers', 'a reader does not pass a writer who waits in line', (store) => ({
    tryAcquire: (request) => store.tryAcquire({ ...request, waits: request.shared }),
  })),
  one(
    'few permits pass many',
    'who wants few permits does not pass one in line who wants many',
    asking(({ units, waits }) => ({ waits: waits && units === 1 })),
  ),

  one(
    'who is closed keeps his place',
    'whose client is closed while he waits in line holds up nobody, at the latest when his time is over',
    () => ({ close: async () => undefined }),
  ),

  one('an abort is not heard', ABORT, (store, all) => {
    const { acquire } = queueing(store, all);
    return {
      acquire: (request) => acquire?.({ ...request, signal: new AbortController().signal }) ?? never(),
    };
  }),
  one('an abort has another reason', ABORT, (store, all) => {
    const { acquire } = queueing(store, all);
    return {
      acquire: async (request) => {
        try {
          return (await acquire?.(request)) ?? (await never());
        } catch {
          throw new Error('aborted');
        }
      },
    };
  }),
  one(
    'a grant that comes after the abort is kept',
    'an abort at the tick of the grant leaves it granted or free: abort first',
    (store, all) => {
      const { acquire } = queueing(store, all);
      return {
        acquire: async (request) => {
          const { signal } = request;
          const waits = acquire?.({
            ...request,
            id: `${request.id} in the queue`,
            signal: new AbortController().signal,
          });
          return new Promise((resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
            waits?.then(resolve, reject);
          });
        },
      };
    },
  ),
  one(
    'it grants before the release',
    'who waits in the store gets it when it is released, and not before',
    () => ({
      acquire: async () => stranger,
    }),
  ),
];

/** Tells those who watch of releases, and of what is forgotten if that is wanted; of nothing else. */
export function ringing(
  store: Store,
  all: Map<string, unknown>,
  { forgets, one: only }: { forgets: boolean; one?: 'first' | 'last' },
): Partial<Backend> {
  const bell = (all.get('bell') ?? new EventEmitter()) as EventEmitter;
  bell.setMaxListeners(0);
  all.set('bell', bell);
  const ring = (key: string): void => {
    const listeners = bell.listeners(key) as (() => void)[];
    const some = only === 'first' ? listeners.slice(0, 1) : only === 'last' ? listeners.slice(-1) : listeners;
    for (const listener of some) listener();
  };
  return {
    ...granting((grant, { key }) => ({
      release: async () => {
        const was = await grant.release();
        ring(key);
        return was;
      },
    }))(store, all),
    forget: async (request) => {
      await store.forget(request);
      if (forgets) ring(request.key);
    },
    watch: async ({ key }) => {
      let told = false;
      let wake: (() => void) | undefined;
      const listener = (): void => {
        told = true;
        wake?.();
      };
      bell.on(key, listener);
      return {
        changed: async () => {
          if (!told) await new Promise<void>((resolve) => (wake = resolve));
          told = false;
        },
        close: () => void bell.off(key, listener),
      };
    },
  };
}

function never(): Promise<never> {
  return Promise.reject(new LockLostError('no such thing', { lock: '' }));
}
