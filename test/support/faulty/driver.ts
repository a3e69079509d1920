/**
 * How a driver with one mistake is made: memory, and something around it.
 */
import type { Backend, BackendRequest, Grant, Watch } from '../../../src/backend.js';

export type Store = Required<Omit<Backend, 'acquire'>>;
/** What is done otherwise. `all` is for what the clients of one store have in common. */
type Mistake = (store: Store, all: Map<string, unknown>) => Partial<Backend>;

export interface Faulty {
  readonly mistake: string;
  /** The promises that it breaks. */
  readonly breaks: readonly string[];
  readonly make: Mistake;
}

const around = (store: Store): Backend => ({
  name: 'faulty',
  supports: store.supports,
  tryAcquire: (request) => store.tryAcquire(request),
  watch: (request) => store.watch(request),
  forget: (request) => store.forget(request),
  inspect: (key) => store.inspect(key),
  break: (key) => store.break(key),
  list: (prefix) => store.list(prefix),
  close: () => store.close(),
  [Symbol.asyncDispose]() {
    return this.close();
  },
});

/** A client of that store that makes this mistake. */
export function faulty(store: Store, make: Mistake, all: Map<string, unknown>): Backend {
  return Object.assign(around(store), make(store, all));
}

/** A store in which those who wait stand in a queue. */
export const queueing: Mistake = (store) => {
  const waits = new Set<() => void>();
  return {
    acquire: async (request) => {
      const watch = await store.watch(request);
      let end!: () => void;
      const ended = new Promise<void>((resolve) => (end = resolve));
      waits.add(end);
      request.signal.addEventListener('abort', end, { once: true });
      try {
        for (;;) {
          request.signal.throwIfAborted();
          const grant = await store.tryAcquire(request);
          if (grant !== null) return grant;
          await Promise.race([watch.changed(), ended]);
        }
      } catch (error) {
        await store.forget(request);
        throw error;
      } finally {
        watch.close();
        waits.delete(end);
        request.signal.removeEventListener('abort', end);
      }
    },
    close: async () => {
      await store.close();
      for (const end of waits) end();
    },
  };
};

/** Another grant than that of memory. */
export const granting =
  (change: (grant: Grant, request: BackendRequest, store: Store) => Partial<Grant>): Mistake =>
  (store) => ({
    tryAcquire: async (request) => {
      const grant = await store.tryAcquire(request);
      if (grant === null) return null;
      const own: Grant = {
        token: grant.token,
        renew: async (ttl) => grant.renew?.(ttl),
        release: () => grant.release(),
      };
      return { ...own, ...change(grant, request, store) };
    },
  });

/** Another request than that which was made. */
export const asking =
  (change: (request: BackendRequest) => Partial<BackendRequest>): Mistake =>
  (store) => ({ tryAcquire: (request) => store.tryAcquire({ ...request, ...change(request) }) });

/** Keys that are changed on their way. */
export const naming =
  (change: (key: string) => string): Mistake =>
  (store) => {
    const changed = (request: BackendRequest) => ({ ...request, key: change(request.key) });
    return {
      tryAcquire: (request) => store.tryAcquire(changed(request)),
      watch: (request) => store.watch(changed(request)),
      forget: (request) => store.forget(changed(request)),
    };
  };

/** Instead of null. */
export const refusing =
  (otherwise: (request: BackendRequest, store: Store) => Promise<Grant | null> | Grant | null): Mistake =>
  (store) => ({
    tryAcquire: async (request) => (await store.tryAcquire(request)) ?? otherwise(request, store),
  });

export const watching =
  (change: (watch: Watch, request: BackendRequest) => Watch | Promise<Watch>): Mistake =>
  (store) => ({ watch: async (request) => change(await store.watch(request), request) });

let count = 0;
/** Another number each time. */
export const counted = (): number => ++count;

export const stranger: Grant = { token: 10n ** 9n, renew: async () => undefined, release: async () => true };
/** What the mistakes leave behind, to be ended by the test. */
export const litter: (() => void)[] = [];

export const one = (mistake: string, breaks: string | readonly string[], make: Mistake): Faulty => ({
  mistake,
  breaks: typeof breaks === 'string' ? [breaks] : breaks,
  make,
});
