/**
 * One lease that many records hang on.
 *
 *     alive -> retired   A transaction may still come true later, when nobody waits for it any more; what it puts must not
 *                        live on with the rest. Nobody new comes; who holds or waits moves to another lease, by and by;
 *                        nobody renews it, so it lapses with whatever is still on it.
 *     alive -> gone      etcd does not know it, or it was given back: all its records are gone.
 *
 * etcd counts its time from the last keepalive that it got; we count from when we sent that, which is earlier, and by a
 * clock that does not stand still when the system does.
 *
 * Keepalives are sent by grants that are renewed, by whoever asks for a lease that is older than a third of its ttl, and
 * by a timer as long as somebody waits in a queue with a record of his. What is not used lapses.
 */
import { uptime } from '../clock.js';
import { nobody } from '../nobody.js';
import type { EtcdClient } from './etcd-client.js';
import type { KeyValue } from './etcd-records.js';
import { BATCH } from './etcd-txn.js';

/** A grant, by its record on the lease. */
export interface Tenant {
  /** The record is gone. */
  vanish(): void;
}

/** A request that waits in a queue, by its record on the lease. */
export interface Waiter {
  /** It shall see whether the record is still there. */
  look(): void;
}

/** The names are used again, the token tells which one it is. */
export interface RecordOnLease {
  readonly name: string;
  readonly token: bigint;
}

interface Batch {
  readonly records: RecordOnLease[];
  readonly missing: Promise<Set<RecordOnLease>>;
}

/** What etcd counts in. */
export const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

export interface Granted {
  readonly id: string;
  /** In ms. */
  readonly ttl: number;
  /** What it was asked for. */
  readonly seconds: number;
  /** When it was asked for. */
  readonly sent: number;
  /** How long an endpoint may take to answer, in ms. */
  readonly deadline: number;
}

export class Lease {
  readonly id: string;
  /** In ms. */
  readonly ttl: number;
  /** Whoever asks for so many gets it; etcd may have given it more. */
  readonly seconds: number;
  readonly tenants: Set<Tenant> = new Set();
  readonly #waiters: Set<Waiter> = new Set();
  readonly #client: EtcdClient;
  readonly #deadline: number;
  readonly #onGone: (lease: Lease) => void;
  #state: 'alive' | 'retired' | 'gone' = 'alive';
  /** When the last keepalive was sent that was answered. */
  #confirmed: number;
  #freshening: Promise<void> | undefined;
  #batch: Batch | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    client: EtcdClient,
    { id, ttl, seconds, sent, deadline }: Granted,
    onGone: (lease: Lease) => void,
  ) {
    this.#client = client;
    this.id = id;
    this.ttl = ttl;
    this.seconds = seconds;
    this.#confirmed = sent;
    this.#deadline = deadline;
    this.#onGone = onGone;
  }

  get state(): 'alive' | 'retired' | 'gone' {
    return this.#state;
  }

  /** Until when it surely lasts, by `uptime`. */
  get until(): number {
    return this.#confirmed + this.ttl;
  }

  /** For whoever will have a record on it: most of its time shall be left. */
  async freshen(lock: string): Promise<void> {
    if (this.#state !== 'alive' || uptime() - this.#confirmed < this.ttl / 3) return;
    this.#freshening ??= this.#keepAlive(lock).finally(() => (this.#freshening = undefined));
    await this.#freshening;
  }

  /** A keepalive, and whether that record is there. All who ask within one turn of the loop are asked for together. */
  async renew(record: RecordOnLease, lock: string): Promise<boolean> {
    this.#batch ??= this.#nextBatch(lock);
    const { records, missing } = this.#batch;
    records.push(record);
    return !(await missing).has(record);
  }

  /** Whether the record is there. */
  async has(record: RecordOnLease, lock: string): Promise<boolean> {
    return (await this.#missing([record], lock)).size === 0;
  }

  /** From now on it is kept alive for that one. */
  join(waiter: Waiter): void {
    this.#waiters.add(waiter);
    if (this.#state === 'alive') this.#timer ??= this.#nextLook();
    else queueMicrotask(() => waiter.look());
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0) this.#stop();
  }

  retire(): void {
    if (this.#state === 'alive') this.#state = 'retired';
    this.#stop();
    this.#lookAll();
  }

  gone(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#stop();
    this.#onGone(this);
    for (const tenant of this.tenants) tenant.vanish();
    this.#lookAll();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#waiters.clear();
    if (this.#state === 'alive') this.#state = 'retired';
    this.#stop();
  }

  async #keepAlive(lock: string): Promise<void> {
    const sent = uptime();
    const { TTL = '0' } = await this.#client.call<{ readonly TTL?: string }>(
      '/v3/lease/keepalive',
      { ID: this.id },
      { lock, deadline: this.#deadline, again: true },
    );
    if (Number(TTL) > 0) this.#confirmed = Math.max(this.#confirmed, sent);
    else this.gone();
  }

  #nextBatch(lock: string): Batch {
    const records: RecordOnLease[] = [];
    const missing = new Promise((resolve) => setImmediate(resolve)).then(async () => {
      this.#batch = undefined;
      const [found] = await Promise.all([this.#missing(records, lock), this.#keepAlive(lock)]);
      return this.#state === 'gone' ? new Set(records) : found;
    });
    return { records, missing };
  }

  /** Those of the records that are not there. */
  async #missing(records: readonly RecordOnLease[], lock: string): Promise<Set<RecordOnLease>> {
    const missing = new Set<RecordOnLease>();
    for (let start = 0; start < records.length; start += BATCH) {
      const part = records.slice(start, start + BATCH);
      const { responses = [] } = await this.#client.call<{
        readonly responses?: readonly { readonly response_range: { readonly kvs?: readonly KeyValue[] } }[];
      }>(
        '/v3/kv/txn',
        { success: part.map(({ name }) => ({ request_range: { key: name, keys_only: true } })) },
        { lock, deadline: this.#deadline, again: true },
      );
      part.forEach((record, i) => {
        const [kv] = responses[i]?.response_range.kvs ?? [];
        if (kv?.create_revision !== String(record.token)) missing.add(record);
      });
    }
    return missing;
  }

  // It does not keep the program alive: who waits does.
  #nextLook(): NodeJS.Timeout {
    const timer = nobody.runInAsyncScope(() => setTimeout(() => void look(), this.ttl / 3)).unref();
    const look = async (): Promise<void> => {
      // Whatever is wrong, those who wait find out, and can tell it.
      await this.#keepAlive('etcd').catch(() => {});
      // Meanwhile the last one may have left, and another one may have come.
      if (this.#timer === timer) this.#timer = this.#nextLook();
      this.#lookAll();
    };
    return timer;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAll(): void {
    for (const waiter of this.#waiters) waiter.look();
  }
}
