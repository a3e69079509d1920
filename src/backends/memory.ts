/**
 * Locks in the memory of this thread, behind the contract of the stores: for tests, for a first try without a server, and
 * as the template of a driver. `memory:` is one store for all who ask for it, `memory:shop` another.
 *
 * A key has its holders, by their ids, and a queue of those who wait, in order of arrival. What lapses is thrown away by
 * whoever looks next; those who watch look at the latest when something lapses.
 *
 * Invariants
 * - Holders all share, or are one, or all present one owner; or their units fit into the permits.
 * - Nobody enters past another one in the queue, unless both share.
 * - A token has been given to one grant, or to those of one owner beside each other. It does not start again when a key
 *   is forgotten.
 */
import type { Backend, BackendRequest, Grant, StoreHolder, Supports, Watch } from '../backend.js';
import { LockBackendError, LockLostError, LockMisuseError } from '../errors.js';
import { shows } from '../shown.js';

interface Holder {
  readonly request: BackendRequest;
  readonly token: bigint;
  /** By performance.now(). */
  until: number;
}

class Entry {
  readonly holders: Map<string, Holder> = new Map();
  readonly queue: Map<string, BackendRequest> = new Map();
  readonly watchers: Set<() => void> = new Set();

  get idle(): boolean {
    return this.holders.size + this.queue.size + this.watchers.size === 0;
  }

  /** Whatever happened: those who wait shall look. */
  tell(): void {
    for (const watcher of this.watchers) watcher();
  }

  /** Throws away what has lapsed. */
  sweep(now: number): void {
    for (const [id, { until }] of this.holders) if (until <= now) this.holders.delete(id);
  }

  /** Whether it may enter beside those who hold. */
  fits(request: BackendRequest): boolean {
    let units = request.units;
    for (const { request: other } of this.holders.values()) {
      if (other.permits !== request.permits) throw otherPermits(request, other);
      units += other.units;
      if (request.permits > 1) continue;
      const sameOwner = request.owner !== undefined && request.owner === other.owner;
      if (!sameOwner && !(request.shared && other.shared)) return false;
    }
    return request.permits === 1 || units <= request.permits;
  }

  /** Whether somebody is before it in the queue whom it must not pass. */
  mustWait(request: BackendRequest): boolean {
    for (const [id, other] of this.queue) {
      if (id === request.id) return false;
      if (!(request.shared && other.shared)) return true;
    }
    return false;
  }

  /** Of whoever holds it and presents the same owner. */
  tokenOf(owner: string | undefined): bigint | undefined {
    if (owner === undefined) return undefined;
    for (const { request, token } of this.holders.values()) if (request.owner === owner) return token;
    return undefined;
  }

  /** When the next one lapses. */
  get nextLapse(): number {
    let next = Infinity;
    for (const { until } of this.holders.values()) next = Math.min(next, until);
    return next;
  }
}

/** One store, whoever has it open. */
class Store {
  readonly entries: Map<string, Entry> = new Map();
  tokens = 0n;

  entry(key: string): Entry {
    let entry = this.entries.get(key);
    if (entry === undefined) this.entries.set(key, (entry = new Entry()));
    entry.sweep(performance.now());
    return entry;
  }

  /** After whatever may have been the end of it. */
  drop(key: string, entry: Entry): void {
    if (entry.idle) this.entries.delete(key);
  }
}

const stores = new Map<string, Store>();

/** What several programs of one thread share if they say the same name. */
export function memory(name: string = ''): Backend {
  let store = stores.get(name);
  if (store === undefined) stores.set(name, (store = new Store()));
  return new MemoryBackend(store);
}

/**
 * The keys of which anything is left, be it a holder, a place in the queue or a watch: for tests.
 *
 * @internal
 */
export function keysIn(name: string = ''): string[] {
  const entries = [...(stores.get(name)?.entries ?? [])];
  return entries.filter(([, entry]) => (entry.sweep(performance.now()), !entry.idle)).map(([key]) => key);
}

class MemoryBackend implements Backend {
  static {
    shows(this, (store) => ({ closed: store.#closed, waiting: store.#waiting.size }));
  }

  readonly name = 'memory';
  readonly supports: Supports = {
    shared: true,
    permits: true,
    fifo: true,
    owner: true,
    ttl: true,
    token: 'volatile',
  };
  readonly #store: Store;
  readonly #watches: Set<MemoryWatch> = new Set();
  /** Who has asked here, and has a place in a queue. */
  readonly #waiting: Map<string, BackendRequest> = new Map();
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    if (this.#closed) {
      throw new LockBackendError('the store was closed: connect again', { lock: request.key });
    }
    const { key, id, ttl } = request;
    const store = this.#store;
    const entry = store.entry(key);
    try {
      const known = entry.holders.get(id);
      if (known !== undefined) {
        known.until = performance.now() + ttl;
        return new MemoryGrant(store, request, known.token);
      }
      const beside = entry.tokenOf(request.owner);
      if (!entry.fits(request) || (beside === undefined && entry.mustWait(request))) {
        if (request.waits) {
          entry.queue.set(id, request);
          this.#waiting.set(id, request);
        }
        return null;
      }
      const token = beside ?? ++store.tokens;
      entry.queue.delete(id);
      this.#waiting.delete(id);
      entry.holders.set(id, { request, token, until: performance.now() + ttl });
      // The next one in the queue may share with us.
      if (request.shared || request.permits > 1) entry.tell();
      return new MemoryGrant(store, request, token);
    } finally {
      store.drop(key, entry);
    }
  }

  async watch({ key }: BackendRequest): Promise<Watch> {
    const watch = new MemoryWatch(this.#store, key, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  async forget({ key, id }: BackendRequest): Promise<void> {
    this.#waiting.delete(id);
    const entry = this.#store.entry(key);
    const gone = [entry.holders.delete(id), entry.queue.delete(id)].some(Boolean);
    if (gone) entry.tell();
    this.#store.drop(key, entry);
  }

  async inspect(key: string): Promise<StoreHolder[]> {
    const entry = this.#store.entry(key);
    const holders = Array.from(entry.holders.values(), ({ request, token, until }) => {
      const { id, shared, units } = request;
      return { id, token, shared, units, left: until - performance.now() };
    });
    this.#store.drop(key, entry);
    return holders;
  }

  async break(key: string): Promise<boolean> {
    const entry = this.#store.entry(key);
    const held = entry.holders.size > 0;
    entry.holders.clear();
    if (held) entry.tell();
    this.#store.drop(key, entry);
    return held;
  }

  async list(prefix: string): Promise<string[]> {
    const keys = [...this.#store.entries.keys()].filter((key) => key.startsWith(prefix));
    return keys.filter((key) => this.#store.entry(key).holders.size > 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
    // Nobody will ask for them again.
    for (const { key, id } of this.#waiting.values()) {
      const entry = this.#store.entry(key);
      if (entry.queue.delete(id)) entry.tell();
      this.#store.drop(key, entry);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class MemoryGrant implements Grant {
  readonly token: bigint;
  readonly #store: Store;
  readonly #request: BackendRequest;

  constructor(store: Store, request: BackendRequest, token: bigint) {
    this.#store = store;
    this.#request = request;
    this.token = token;
  }

  async renew(ttl: number): Promise<void> {
    const { key, id } = this.#request;
    const holder = this.#store.entry(key).holders.get(id);
    if (holder === undefined) throw new LockLostError('its record is gone', { lock: key });
    holder.until = performance.now() + ttl;
  }

  async release(): Promise<boolean> {
    const { key, id } = this.#request;
    const entry = this.#store.entry(key);
    const held = entry.holders.delete(id);
    if (held) entry.tell();
    this.#store.drop(key, entry);
    return held;
  }
}

class MemoryWatch implements Watch {
  readonly #store: Store;
  readonly #key: string;
  readonly #entry: Entry;
  readonly #closed: () => void;
  #told = false;
  #wake: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  readonly #tell = (): void => {
    this.#told = true;
    this.#wake?.();
  };

  constructor(store: Store, key: string, closed: () => void) {
    this.#store = store;
    this.#key = key;
    this.#entry = store.entry(key);
    this.#entry.watchers.add(this.#tell);
    this.#closed = closed;
  }

  async changed(): Promise<void> {
    if (!this.#told) {
      const ms = this.#entry.nextLapse - performance.now();
      if (ms < Infinity) this.#timer = setTimeout(this.#tell, Math.max(0, ms) + 1);
      await new Promise<void>((resolve) => (this.#wake = resolve));
      clearTimeout(this.#timer);
    }
    this.#told = false;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#entry.watchers.delete(this.#tell);
    this.#store.drop(this.#key, this.#entry);
    this.#closed();
  }
}

function otherPermits({ key, permits }: BackendRequest, other: BackendRequest): LockMisuseError {
  const message =
    `'${key}' is in use with ${other.permits} permits, and was asked for with ${permits}: use the same number ` +
    'everywhere, or another name';
  return new LockMisuseError(message, { lock: key });
}
