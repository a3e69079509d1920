/** Who holds what in etcd, for those who ask from outside. */
import type { StoreHolder } from '../backend.js';
import type { CallOptions, EtcdClient } from './etcd-client.js';
import { holdersOf, recordOf } from './etcd-records.js';
import type { EtcdRecord, KeyValue, Layout, Range } from './etcd-records.js';
import { BATCH, deleting } from './etcd-txn.js';

interface Query extends Range {
  readonly keys_only?: boolean;
  readonly limit?: string;
  readonly sort_target?: 'CREATE';
  readonly sort_order?: 'ASCEND';
}

export class EtcdKeys {
  readonly #client: EtcdClient;
  readonly #layout: Layout;
  readonly #deadline: number;

  constructor(client: EtcdClient, layout: Layout, deadline: number) {
    this.#client = client;
    this.#layout = layout;
    this.#deadline = deadline;
  }

  /** Any record of the key. */
  async first(key: string): Promise<EtcdRecord | undefined> {
    const [kv] = await this.#read({ ...this.#layout.all(key), limit: '1' }, key);
    return kv && recordOf(kv);
  }

  async inspect(key: string): Promise<StoreHolder[]> {
    const holders = await this.#holders(key);
    const leases = [...new Set(holders.map(({ lease }) => lease))];
    const left = new Map(
      await Promise.all(leases.map(async (id) => [id, await this.#left(id, key)] as const)),
    );
    return holders.map(({ id, token, shared, units, lease }) => {
      return { id, token, shared, units, left: left.get(lease) };
    });
  }

  async break(key: string): Promise<boolean> {
    const holders = await this.#holders(key);
    for (let start = 0; start < holders.length; start += BATCH) {
      const part = holders.slice(start, start + BATCH);
      await this.#client.call('/v3/kv/txn', deleting(part), this.#about(key));
    }
    return holders.length > 0;
  }

  /** Whatever has a record has a holder. */
  async list(prefix: string): Promise<string[]> {
    const kvs = await this.#read({ ...this.#layout.beginning(prefix), keys_only: true }, prefix);
    const keys = new Set(kvs.map(({ key }) => this.#layout.keyOf(key)));
    return [...keys].filter((key) => key !== undefined).filter((key) => key.startsWith(prefix));
  }

  async #holders(key: string): Promise<EtcdRecord[]> {
    const all = this.#layout.all(key);
    const kvs = await this.#read({ ...all, sort_target: 'CREATE', sort_order: 'ASCEND' }, key);
    return holdersOf(kvs.map(recordOf));
  }

  /** How long the lease lasts, in ms; to the second. */
  async #left(ID: string, lock: string): Promise<number | undefined> {
    if (ID === '0') return undefined;
    const about = this.#about(lock);
    const { TTL = '0' } = await this.#client.call<{ TTL?: string }>('/v3/lease/timetolive', { ID }, about);
    return Math.max(0, Number(TTL)) * 1000;
  }

  async #read(query: Query, lock: string): Promise<readonly KeyValue[]> {
    const about = this.#about(lock);
    const { kvs } = await this.#client.call<{ kvs?: KeyValue[] }>('/v3/kv/range', query, about);
    return kvs ?? [];
  }

  #about(lock: string): CallOptions {
    return { lock, deadline: this.#deadline, again: true };
  }
}
