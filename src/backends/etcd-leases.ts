/**
 * A lease for each ttl in whole seconds, shared by all who ask for that ttl: so a cycle of acquire and release costs two
 * calls, and not four.
 */
import { uptime } from '../clock.js';
import type { EtcdClient } from './etcd-client.js';
import { Lease, secondsOf } from './etcd-lease.js';
import type { EtcdSettings } from './etcd-options.js';

export class Leases {
  readonly #client: EtcdClient;
  readonly #timeout: number;
  readonly #hasMore: boolean;
  /** By their seconds: those for whoever comes. */
  readonly #current: Map<number, Promise<Lease>> = new Map();
  /** Those that may still be there, the retired ones too. */
  readonly #all: Set<Lease> = new Set();

  constructor(client: EtcdClient, { timeout, endpoints }: EtcdSettings) {
    this.#client = client;
    this.#timeout = timeout;
    this.#hasMore = endpoints.length > 1;
  }

  /** How long to wait for one endpoint, in ms: the next one shall have its chance within the ttl. */
  patience(ttl: number): number {
    return this.#hasMore ? Math.min(this.#timeout, Math.max(500, ttl / 4)) : this.#timeout;
  }

  /** One that lasts that many ms, and has most of its time before it. */
  async of(ttl: number, lock: string): Promise<Lease> {
    const seconds = secondsOf(ttl);
    for (;;) {
      let coming = this.#current.get(seconds);
      if (coming === undefined) {
        this.#current.set(seconds, (coming = this.#grant(seconds, lock)));
        coming.catch(() => this.#current.delete(seconds));
      }
      const lease = await coming;
      await lease.freshen(lock);
      if (lease.state === 'alive') return lease;
      if (this.#current.get(seconds) === coming) this.#current.delete(seconds);
    }
  }

  /** Gives back those that nobody holds anything by. */
  async close(): Promise<void> {
    const options = { lock: 'etcd', deadline: Math.min(this.#timeout, 1000), again: true };
    for (const lease of this.#all) lease.close();
    const unused = [...this.#all].filter(({ tenants }) => tenants.size === 0);
    await Promise.allSettled(
      unused.map(({ id }) => this.#client.call('/v3/lease/revoke', { ID: id }, options)),
    );
  }

  async #grant(seconds: number, lock: string): Promise<Lease> {
    const now = uptime();
    for (const lease of this.#all) {
      if (lease.tenants.size === 0 && lease.state === 'retired' && lease.until < now) this.#all.delete(lease);
    }
    const deadline = this.patience(seconds * 1000);
    const { ID, TTL } = await this.#client.call<{ readonly ID: string; readonly TTL: string }>(
      '/v3/lease/grant',
      { TTL: String(seconds) },
      { lock, deadline, again: true },
    );
    const granted = { id: ID, ttl: Number(TTL) * 1000, seconds, sent: now, deadline };
    const lease = new Lease(this.#client, granted, () => this.#all.delete(lease));
    this.#all.add(lease);
    return lease;
  }
}
