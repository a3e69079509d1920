/**
 * What somebody holds in etcd: a record of his, on a lease that others share. To renew it is to renew the lease and to
 * see that the record is there; a lease that shall not be used any more, or is of another ttl, is left for another one.
 */
import type { BackendRequest, Grant, Watch } from '../backend.js';
import { LockLostError } from '../errors.js';
import { secondsOf } from './etcd-lease.js';
import type { Lease, RecordOnLease, Tenant } from './etcd-lease.js';

/** What it needs of the backend. */
export interface Holding {
  /** What was granted to the same request already: one of the two is of use, nobody knows which. */
  readonly before: EtcdGrant | undefined;
  /** A lease that lasts that long. */
  lease(ttl: number): Promise<Lease>;
  /** Hangs the record on another lease than the one of that id. Whether it is there. */
  move(from: string, to: Lease): Promise<boolean>;
  /** Deletes it. Whether it was there. */
  remove(): Promise<boolean>;
  /** It has vanished. */
  gone(): void;
}

export class EtcdGrant implements Grant, Tenant {
  readonly token: bigint;
  readonly lasts: number;
  readonly #key: string;
  readonly #record: RecordOnLease;
  readonly #holding: Holding;
  #lease: Lease;
  #watch: Watch | undefined;
  #isGone = false;
  #isLeft = false;
  #lost: AbortController | undefined;

  constructor(
    { key, ttl }: BackendRequest,
    { name, token }: RecordOnLease,
    lease: Lease,
    asked: number,
    holding: Holding,
  ) {
    this.token = token;
    // etcd may give a lease more time than it was asked for.
    this.lasts = Math.min(ttl, lease.until - asked);
    this.#key = key;
    this.#record = { name, token };
    this.#holding = holding;
    this.#lease = lease;
    lease.tenants.add(this);
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController();
    if (this.#isGone) this.#lost.abort(this.#error());
    return this.#lost.signal;
  }

  async renew(ttl: number): Promise<void> {
    this.#check();
    if (this.#lease.state === 'retired' || secondsOf(ttl) !== this.#lease.seconds) {
      const lease = await this.#holding.lease(ttl);
      if (!(await this.#holding.move(this.#lease.id, lease))) this.vanish();
      this.#check();
      this.#lease.tenants.delete(this);
      this.#lease = lease;
      if (!this.#isLeft) lease.tenants.add(this);
    }
    if (!(await this.#lease.renew(this.#record, this.#key))) this.vanish();
    this.#check();
  }

  async release(): Promise<boolean> {
    this.leave();
    return this.#holding.remove();
  }

  /** From then on it hears at once when its record is deleted. Before, and if that fails, at its next renewal. */
  async follow(opening: Promise<Watch>): Promise<void> {
    const watch = await opening;
    if (this.#isLeft) return watch.close();
    this.#watch = watch;
    // Of what happened before it stood it does not tell.
    if (!(await this.#lease.has(this.#record, this.#key))) this.vanish();
  }

  /** It does not count any more for its lease. */
  leave(): void {
    this.#isLeft = true;
    this.#watch?.close();
    this.#holding.before?.leave();
    this.#lease.tenants.delete(this);
  }

  vanish(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#holding.before?.vanish();
    this.leave();
    this.#holding.gone();
    this.#lost?.abort(this.#error());
  }

  #check(): void {
    if (this.#isGone) throw this.#error();
  }

  #error(): LockLostError {
    return new LockLostError('its record in etcd is gone', { lock: this.#key });
  }
}
