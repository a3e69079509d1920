/**
 * Locks in etcd 3.4 and newer, by its JSON gateway: no client package. See etcd-records.ts for what lies there, and
 * etcd-txn.ts for how a record comes to be.
 *
 * A free acquire and its release are two calls: a transaction, and a delete. Whoever waits has a record in the queue, on a
 * lease that is kept alive for him. He holds when a linearizable read shows that it is his turn, or when the stream tells so
 * that has told him of everything since such a read: see etcd-place.ts. If his record is gone meanwhile, he comes last, with
 * a new one: nobody holds by a record that is not there.
 *
 * A transaction without an answer may come true later. The same id never makes two records, so asking again is safe; but
 * nobody would delete one that comes true when all is over. Therefore its lease is retired: see etcd-lease.ts. So is its
 * name, which others have after it otherwise: see etcd-slots.ts.
 */
import type { Backend, BackendRequest, Grant, StoreHolder, Supports, Watch } from '../backend.js';
import { uptime } from '../clock.js';
import { LockMisuseError } from '../errors.js';
import { EtcdClient } from './etcd-client.js';
import { closed } from './etcd-errors.js';
import { EtcdGrant } from './etcd-grant.js';
import { EtcdKeys } from './etcd-keys.js';
import type { Lease } from './etcd-lease.js';
import { Leases } from './etcd-leases.js';
import { settingsOf } from './etcd-options.js';
import type { EtcdOptions, EtcdSettings } from './etcd-options.js';
import { OwnRecords } from './etcd-own.js';
import { Place } from './etcd-place.js';
import type { Story } from './etcd-place.js';
import { fitsBehind, Layout } from './etcd-records.js';
import type { EtcdRecord } from './etcd-records.js';
import { Slots } from './etcd-slots.js';
import type { Slot } from './etcd-slots.js';
import { inTheWay } from './etcd-txn.js';
import { Watches } from './etcd-watch.js';
import { shows } from '../shown.js';

/**
 * A store of locks in etcd. Nothing is opened before its first use. By a URL, files of TLS are given by their paths:
 * `etcds://user:password@host:2379,host:2379/prefix?ca=/etc/etcd/ca.pem`.
 *
 * @example
 * import { etcd } from 'tierlock';
 *
 * await using store = etcd({ endpoints: ['etcd1:2379', 'etcd2:2379', 'etcd3:2379'], prefix: 'shop' });
 * console.log(store.name, store.supports.fifo, store.supports.token); // etcd true durable
 */
export function etcd(from: EtcdOptions | string = {}): Backend {
  return new EtcdBackend(settingsOf(from));
}

class EtcdBackend implements Backend {
  static {
    shows(this, (store) => ({ closed: store.#closing !== undefined, held: store.#grants.size }));
  }

  readonly name = 'etcd';
  readonly supports: Supports = {
    shared: true,
    permits: true,
    fifo: true,
    owner: false,
    ttl: true,
    token: 'durable',
  };
  readonly #watchHeld: boolean;
  readonly #layout: Layout;
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #leases: Leases;
  readonly #own: OwnRecords;
  readonly #watches: Watches;
  readonly #slots: Slots;
  readonly #places: Map<Slot, Place> = new Map();
  /** By the names of their records. */
  readonly #grants: Map<string, EtcdGrant> = new Map();
  #closing: Promise<void> | undefined;

  constructor(settings: EtcdSettings) {
    this.#watchHeld = settings.watchHeld;
    this.#layout = new Layout(settings.prefix);
    this.#client = new EtcdClient(settings);
    this.#keys = new EtcdKeys(this.#client, this.#layout, settings.timeout);
    this.#leases = new Leases(this.#client, settings);
    this.#own = new OwnRecords(this.#client, this.#leases);
    this.#slots = new Slots(this.#layout);
    this.#watches = new Watches(this.#client, settings.timeout, (name, revision) => {
      const grant = this.#grants.get(name);
      // The name may be another one's by now.
      if (grant !== undefined && grant.token < revision) grant.vanish();
    });
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    this.#check(request.key);
    const asked = uptime();
    const slot = this.#slots.take(request);
    slot.begin();
    try {
      return await this.#try(request, slot, asked);
    } finally {
      slot.end();
    }
  }

  async watch(request: BackendRequest): Promise<Watch> {
    const { key, id } = request;
    this.#check(key);
    return this.#watches.open(key, this.#layout.all(key), {
      id,
      place: () => {
        const slot = this.#slots.find(request);
        return slot && this.#places.get(slot);
      },
      isTried: () => this.#slots.find(request)?.isTried === true,
    });
  }

  async forget(request: BackendRequest): Promise<void> {
    this.#check(request.key);
    // What is still on its way could put the record behind our back.
    await this.#slots.find(request)?.untilQuiet();
    const slot = this.#slots.find(request);
    if (slot === undefined) return;
    this.#drop(slot);
    await this.#own.remove(slot, request, true);
  }

  async inspect(key: string): Promise<StoreHolder[]> {
    this.#check(key);
    return this.#keys.inspect(key);
  }

  async break(key: string): Promise<boolean> {
    this.#check(key);
    return this.#keys.break(key);
  }

  async list(prefix: string): Promise<string[]> {
    this.#check(prefix);
    return this.#keys.list(prefix);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#watches.close();
    await this.#leases.close();
    this.#client.close();
  }

  #check(lock: string): void {
    if (this.#closing !== undefined) throw closed(lock);
  }

  async #try(request: BackendRequest, slot: Slot, asked: number): Promise<Grant | null> {
    let counted: bigint | undefined;
    for (;;) {
      const lease = await this.#leases.of(request.ttl, request.key);
      const known = this.#places.get(slot);
      const token = known?.lease === lease ? known.own.token : undefined;
      const story = this.#watches.story(request.key, request.id);
      if (known !== undefined && token !== undefined && known.holdsBy(story)) {
        this.#leaveQueue(slot);
        return this.#grant(request, slot, known.own, lease, asked);
      }
      const view =
        token === undefined
          ? await this.#own.put(request, slot, lease, counted)
          : await this.#own.look(request, slot, token);
      if (view === undefined) continue;
      const { own, queue, revision, isWhole } = view;
      if (own !== undefined) {
        if (own.lease !== lease.id && !(await this.#own.move(request, own, lease))) continue;
        this.#leaveQueue(slot);
        // A new one of the same name: who is before it was not asked.
        if (token !== undefined && own.token !== token) continue;
        const before = inTheWay(request, own, queue);
        if (before.length === 0) return this.#grant(request, slot, own, lease, asked);
        if (request.waits) this.#enqueue(request, slot, own, before, lease, isWhole ? story : undefined);
        else await this.#own.remove(slot, request, true);
        return null;
      }
      this.#leaveQueue(slot);
      // Its record is gone: once more, with a new one.
      if (token !== undefined) continue;
      const first = queue[0] ?? (await this.#keys.first(request.key));
      if (first !== undefined && first.permits !== request.permits) throw otherPermits(request, first);
      if (request.waits || queue.length === 0) continue;
      if (!fitsBehind(request, queue)) return null;
      counted = revision;
    }
  }

  #grant(request: BackendRequest, slot: Slot, own: EtcdRecord, lease: Lease, asked: number): Grant {
    const { key } = request;
    const { name } = own;
    const grant = new EtcdGrant(request, own, lease, asked, {
      before: this.#grants.get(name),
      lease: (ttl) => this.#leases.of(ttl, key),
      move: (from, to) => this.#own.move(request, { name, token: own.token, lease: from }, to),
      remove: async () => {
        this.#check(key);
        // The name may be another one's by now.
        if (slot.isOver) return false;
        this.#drop(slot);
        // One more try that the grant came before: it may still put the record anew.
        if (slot.isTried) void this.forget(request).catch(() => {});
        return this.#own.remove(slot, request, false);
      },
      gone: () => {
        if (this.#grants.get(name) !== grant) return;
        this.#grants.delete(name);
        slot.vanished();
      },
    });
    slot.isUsed = true;
    this.#grants.set(name, grant);
    if (this.#watchHeld) grant.follow(this.watch(request)).catch(() => {});
    return grant;
  }

  /** Forgets the grant; and its place: one that it waits may have been told late, after the grant. */
  #drop(slot: Slot): void {
    this.#leaveQueue(slot);
    slot.isUsed = false;
    this.#grants.get(slot.own)?.leave();
    this.#grants.delete(slot.own);
  }

  #enqueue(
    request: BackendRequest,
    slot: Slot,
    own: EtcdRecord,
    before: readonly EtcdRecord[],
    lease: Lease,
    story: Story | undefined,
  ): void {
    const { key, id } = request;
    slot.isUsed = true;
    const look = (): void => this.#watches.tell(key, id);
    this.#places.set(slot, new Place(request, own, before, lease, look, story));
    this.#watches.placed(key, id);
  }

  #leaveQueue(slot: Slot): void {
    const place = this.#places.get(slot);
    if (place === undefined) return;
    place.leave();
    this.#places.delete(slot);
    slot.isUsed = false;
  }
}

function otherPermits({ key, permits }: BackendRequest, other: EtcdRecord): LockMisuseError {
  const message =
    `'${key}' is in use with ${other.permits} permits, and was asked for with ${permits}: use the same number ` +
    'everywhere, or another name';
  return new LockMisuseError(message, { lock: key });
}
