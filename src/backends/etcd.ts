/**
 * Locks in etcd 3.4 and newer, by its JSON gateway: no client package. See etcd-records.ts for what lies there, and
 * etcd-txn.ts for how a record comes to be.
 *
 * A free acquire and its release are two calls: a transaction, and a delete. Whoever waits has a record in the queue, on a
 * lease that is kept alive for him; when the stream tells that it is his turn he looks, and only what he sees then, as a
 * linearizable read, is a grant. If his record is gone meanwhile, he comes last, with a new one: nobody holds by a record
 * that is not there.
 *
 * A transaction without an answer may come true later. The same id never makes two records, so asking again is safe; but
 * nobody would delete one that comes true when all is over. Therefore its lease is retired: see etcd-lease.ts.
 */
import type { Backend, BackendRequest, Grant, StoreHolder, Supports } from '../backend.js';
import { uptime } from '../clock.js';
import { LockMisuseError } from '../errors.js';
import { EtcdClient } from './etcd-client.js';
import { closed, EtcdError, isUnknown } from './etcd-errors.js';
import { EtcdGrant } from './etcd-grant.js';
import { EtcdKeys } from './etcd-keys.js';
import type { Lease } from './etcd-lease.js';
import { Leases } from './etcd-leases.js';
import { settingsOf } from './etcd-options.js';
import type { EtcdOptions, EtcdSettings } from './etcd-options.js';
import { fitsBehind, Layout } from './etcd-records.js';
import type { EtcdRecord, Names } from './etcd-records.js';
import { holds, looking, moving, putting, viewOf } from './etcd-txn.js';
import type { TxnAnswer, View } from './etcd-txn.js';
import { Watches } from './etcd-watch.js';
import type { RecordWatch } from './etcd-watch.js';

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

/** Those of one request that have no answer yet. */
class Tries {
  count = 0;
  end!: () => void;
  readonly over: Promise<void> = new Promise((resolve) => (this.end = resolve));
}

/** A request with a record in a queue. */
class Place {
  readonly lease: Lease;
  readonly #look: () => void;

  constructor(lease: Lease, look: () => void) {
    this.lease = lease;
    this.#look = look;
    lease.join(this);
  }

  look(): void {
    this.#look();
  }

  leave(): void {
    this.lease.leave(this);
  }
}

class EtcdBackend implements Backend {
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
  readonly #watches: Watches;
  /** By the names of their records. */
  readonly #places: Map<string, Place> = new Map();
  readonly #grants: Map<string, EtcdGrant> = new Map();
  readonly #tries: Map<string, Tries> = new Map();
  #closing: Promise<void> | undefined;

  constructor(settings: EtcdSettings) {
    this.#watchHeld = settings.watchHeld;
    this.#layout = new Layout(settings.prefix);
    this.#client = new EtcdClient(settings);
    this.#keys = new EtcdKeys(this.#client, this.#layout, settings.timeout);
    this.#leases = new Leases(this.#client, settings);
    this.#watches = new Watches(this.#client, settings.timeout, (name) => this.#grants.get(name)?.vanish());
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    this.#check(request.key);
    const asked = uptime();
    const names = this.#layout.names(request);
    const tries = this.#tries.get(names.own) ?? new Tries();
    this.#tries.set(names.own, tries);
    tries.count++;
    try {
      return await this.#try(request, names, asked);
    } finally {
      if (--tries.count === 0) {
        this.#tries.delete(names.own);
        tries.end();
      }
    }
  }

  async watch(request: BackendRequest): Promise<RecordWatch> {
    this.#check(request.key);
    return this.#watches.open(request, this.#layout.names(request));
  }

  async forget(request: BackendRequest): Promise<void> {
    this.#check(request.key);
    const { own } = this.#layout.names(request);
    // What is still on its way could put the record behind our back.
    await this.#tries.get(own)?.over;
    this.#leaveQueue(own);
    this.#drop(own);
    await this.#remove(own, request, true);
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

  async #try(request: BackendRequest, names: Names, asked: number): Promise<Grant | null> {
    let counted: bigint | undefined;
    for (;;) {
      const lease = await this.#leases.of(request.ttl, request.key);
      const isKnown = this.#places.get(names.own)?.lease === lease;
      const view = isKnown
        ? viewOf(await this.#txn(looking(request, names), request, true))
        : await this.#put(request, names, lease, counted);
      if (view === undefined) continue;
      const { own, queue, revision } = view;
      if (own !== undefined) {
        if (own.lease !== lease.id && !(await this.#move(request, own.name, own.token, lease))) continue;
        this.#leaveQueue(own.name);
        if (holds(request, own, queue)) return this.#grant(request, own, lease, asked);
        if (request.waits) this.#enqueue(request, own.name, lease);
        else await this.#remove(own.name, request, true);
        return null;
      }
      this.#leaveQueue(names.own);
      // Its record is gone: once more, with a new one.
      if (isKnown) continue;
      const first = queue[0] ?? (await this.#keys.first(request.key));
      if (first !== undefined && first.permits !== request.permits) throw otherPermits(request, first);
      if (request.waits || queue.length === 0) continue;
      if (!fitsBehind(request, queue)) return null;
      counted = revision;
    }
  }

  /** Undefined if the lease is gone. */
  async #put(
    request: BackendRequest,
    names: Names,
    lease: Lease,
    counted: bigint | undefined,
  ): Promise<View | undefined> {
    try {
      return viewOf(await this.#txn(putting(request, names, lease.id, counted), request, false));
    } catch (error) {
      if (error instanceof EtcdError && error.leaseIsGone) {
        lease.gone();
        return undefined;
      }
      if (isUnknown(error)) lease.retire();
      throw error;
    }
  }

  /** Whether it is there. */
  async #move(request: BackendRequest, name: string, token: bigint, lease: Lease): Promise<boolean> {
    const { succeeded = false } = await this.#txn(moving(request, name, token, lease.id), request, true);
    return succeeded;
  }

  #grant(request: BackendRequest, own: EtcdRecord, lease: Lease, asked: number): Grant {
    const { key } = request;
    const before = this.#grants.get(own.name);
    const grant = new EtcdGrant(request, own, lease, asked, {
      before,
      lease: (ttl) => this.#leases.of(ttl, key),
      move: (token, other) => this.#move(request, own.name, token, other),
      remove: () => {
        this.#drop(own.name);
        // One more try that the grant came before: it may still put the record anew.
        if (this.#tries.has(own.name)) void this.forget(request).catch(() => {});
        return this.#remove(own.name, request, false);
      },
    });
    this.#grants.set(own.name, grant);
    if (this.#watchHeld) grant.follow(this.watch(request)).catch(() => {});
    return grant;
  }

  /** Forgets the grant. */
  #drop(name: string): void {
    this.#grants.get(name)?.leave();
    this.#grants.delete(name);
  }

  #enqueue({ key }: BackendRequest, name: string, lease: Lease): void {
    this.#places.set(name, new Place(lease, () => this.#watches.tell(key, name)));
  }

  #leaveQueue(name: string): void {
    this.#places.get(name)?.leave();
    this.#places.delete(name);
  }

  /** Whether the record was there. */
  async #remove(name: string, { key, ttl }: BackendRequest, again: boolean): Promise<boolean> {
    this.#check(key);
    const options = { lock: key, deadline: this.#leases.patience(ttl), again };
    const body = { key: name };
    const { deleted } = await this.#client.call<{ deleted?: string }>('/v3/kv/deleterange', body, options);
    return deleted !== undefined;
  }

  #txn(body: object, { key, ttl }: Pick<BackendRequest, 'key' | 'ttl'>, again: boolean): Promise<TxnAnswer> {
    return this.#client.call('/v3/kv/txn', body, { lock: key, deadline: this.#leases.patience(ttl), again });
  }
}

function otherPermits({ key, permits }: BackendRequest, other: EtcdRecord): LockMisuseError {
  const message =
    `'${key}' is in use with ${other.permits} permits, and was asked for with ${permits}: use the same number ` +
    'everywhere, or another name';
  return new LockMisuseError(message, { lock: key });
}
