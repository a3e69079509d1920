/**
 * Drivers with one mistake each, of the kinds that have been made in real ones: memory, and something around it. Whoever
 * changes the conformance suite sees here whether it still notices them.
 */
import { EventEmitter } from 'node:events';
import type { Backend, BackendRequest, Grant, StoreHolder, Watch } from '../../src/backend.js';
import type { Wire } from './far-memory.js';
import { LockBackendError, LockLostError } from '../../src/errors.js';

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
const granting =
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
const asking =
  (change: (request: BackendRequest) => Partial<BackendRequest>): Mistake =>
  (store) => ({ tryAcquire: (request) => store.tryAcquire({ ...request, ...change(request) }) });

/** Keys that are changed on their way. */
const naming =
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
const refusing =
  (otherwise: (request: BackendRequest, store: Store) => Promise<Grant | null> | Grant | null): Mistake =>
  (store) => ({
    tryAcquire: async (request) => (await store.tryAcquire(request)) ?? otherwise(request, store),
  });

const watching =
  (change: (watch: Watch, request: BackendRequest) => Watch | Promise<Watch>): Mistake =>
  (store) => ({ watch: async (request) => change(await store.watch(request), request) });

let count = 0;
const stranger: Grant = { token: 10n ** 9n, renew: async () => undefined, release: async () => true };
/** What the mistakes leave behind, to be ended by the test. */
export const litter: (() => void)[] = [];

const TRUTH = 'a release tells the truth: true, and false the second time, which frees nobody';
const OUT = 'who holds keeps everybody else out until the release';
const AGAIN = 'who asks again under the same id is granted the same again, and it counts once';
const GROWS = 'a token grows with every grant, whoever gets it';
const LAPSES = 'what is not renewed lapses, and not before its time';
const GONE = 'a renewal of what has lapsed is a loss, and brings nothing back';
const LINE = 'those who ask for order get it by their first try';
const TOLD = 'who has subscribed is told of a release';
const EMPTY = 'what is closed leaves no timer, no socket and no listener';
const LIST = 'a list has the keys that are held, as they are, and no others';
const LOOK = 'a look shows who holds a key, with his token and his time, to everybody';
const PERMITS = 'as many permits are given out as there are';
const ALL_OR_NONE = 'permits are taken all or none';
const BROKEN =
  'what is broken is free, and its holder is told at his next renewal; or it cannot be broken, and stays';
const CASE = 'names that differ in upper and lower case only are two';
const SEPARATORS = 'names that differ in separators only are two';
const MEANING = 'names that mean something elsewhere mean nothing here';
const SCRIPTS = 'names in any script are names, and count by their characters, not by their looks';
const LONG_NAMES = 'names of 10 kB are told apart by their first and by their last character';
const OWNER = 'who presents the same owner is let in, and others when the last of them has left';
const LEFT = 'what is over leaves nothing in the store';
const FORGOTTEN = 'a request that is forgotten has taken nothing';
const ABORT = 'an abort ends a wait in the store with its own reason, and leaves nothing there';

const one = (mistake: string, breaks: string | readonly string[], make: Mistake): Faulty => ({
  mistake,
  breaks: typeof breaks === 'string' ? [breaks] : breaks,
  make,
});

export const drivers: readonly Faulty[] = [
  // Exclusion
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
    asking(({ id }) => ({ id: `${id} ${count++}` })),
  ),
  one(
    'the same id gets another token',
    AGAIN,
    granting(() => ({ token: BigInt(++count) })),
  ),
  one(
    'the same id counts twice',
    'permits that are asked for again under the same id count once',
    (store) => ({
      tryAcquire: (request) =>
        store.tryAcquire(request.permits > 1 ? { ...request, id: `${request.id} ${count++}` } : request),
    }),
  ),
  one(
    'a try stands in the queue',
    'who asks once and is refused leaves nothing behind',
    asking(() => ({ waits: true })),
  ),

  // Modes
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
    granting(() => ({ token: BigInt(++count) })),
  ),

  // Names
  one(
    'names are cut off',
    LONG_NAMES,
    naming((key) => key.slice(0, 255)),
  ),
  one(
    'names keep their end only',
    LONG_NAMES,
    naming((key) => key.slice(-255)),
  ),
  one(
    'names are folded',
    CASE,
    naming((key) => key.toLowerCase()),
  ),
  one(
    'names are normalised',
    SCRIPTS,
    naming((key) => key.normalize('NFC')),
  ),
  one(
    'separators are all the same',
    SEPARATORS,
    naming((key) => key.replaceAll(/[/\\]/g, '_')),
  ),
  one(
    'separators are decoded',
    SEPARATORS,
    naming((key) => key.replaceAll('%2F', '/')),
  ),
  one(
    'white space counts once',
    SEPARATORS,
    naming((key) => key.replaceAll(/\s+/g, ' ')),
  ),
  one(
    'names end at a NUL',
    MEANING,
    naming((key) => key.split('\0')[0] ?? ''),
  ),
  one(
    'names are paths',
    MEANING,
    naming((key) => key.replaceAll(/\.\.(\/\.\.)*$/g, '')),
  ),
  one(
    'names are trimmed',
    MEANING,
    naming((key) => key.trimEnd()),
  ),
  one(
    'what is no text is replaced',
    'names that are no well-formed text are names, too',
    naming((key) => Buffer.from(key).toString()),
  ),
  one(
    'a part of the record is found under a name of its own',
    'a name that begins with another one is another one',
    naming((key) => key.replace(/:token$/, '')),
  ),

  // Release
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

  // Tokens
  one(
    'there is no token',
    GROWS,
    granting(() => ({ token: 0n })),
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

  // Lapse
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
    'a renewal goes on from the end, not from now',
    'what is renewed lasts, and a renewal counts from now on',
    granting((grant, request, store) => ({
      renew: async (ttl) => {
        const [holder] = await store.inspect(request.key);
        await grant.renew?.((holder?.left ?? 0) + ttl);
      },
    })),
  ),
  one(
    'a renewal takes less than was asked for',
    'what is renewed lasts, and a renewal counts from now on',
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

  // Watch
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
    'what has happened between two looks is not missed',
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
    (store, all) => ringing(store, all, { forgets: true, one: true }),
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

  // Order
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

  // Looks
  one('a look shows nobody', LOOK, () => ({ inspect: async () => [] })),
  one('a look has no ids', LOOK, (store) => ({
    inspect: async (key) => (await store.inspect(key)).map((holder) => ({ ...holder, id: '' })),
  })),
  one('a look shows the time at which it lapses', LOOK, (store) => ({
    inspect: async (key) => (await store.inspect(key)).map((holder) => ({ ...holder, left: Date.now() })),
  })),
  one('a look shows one of several', 'a look shows all who hold a key beside each other', (store) => ({
    inspect: async (key) => (await store.inspect(key)).slice(0, 1),
  })),
  one('a look shows one permit each', 'a look shows how many permits each has', (store) => ({
    inspect: async (key) => (await store.inspect(key)).map((holder) => ({ ...holder, units: 1 })),
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

  // The end
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

  // Those who wait in the store
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

/** Of a driver that has a way to its store, on which things happen. */
export const farDrivers: readonly Faulty[] = [
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
      return { tryAcquire: (request) => once(() => store.tryAcquire(request)) };
    },
  ),
  one(
    'who asks again is another one',
    'an acquisition whose answer was lost is granted again under its id, and counts once',
    asking(({ id }) => ({ id: `${id} ${count++}` })),
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

/** Tells those who watch of releases, and of what is forgotten if that is wanted; of nothing else. */
function ringing(
  store: Store,
  all: Map<string, unknown>,
  { forgets, one: onlyOne = false }: { forgets: boolean; one?: boolean },
): Partial<Backend> {
  const bell = (all.get('bell') ?? new EventEmitter()) as EventEmitter;
  bell.setMaxListeners(0);
  all.set('bell', bell);
  const ring = (key: string): void => {
    const listeners = bell.listeners(key) as (() => void)[];
    for (const listener of onlyOne ? listeners.slice(0, 1) : listeners) listener();
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
