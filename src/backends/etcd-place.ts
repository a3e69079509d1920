/**
 * A request that waits with a record of its own: on which lease, and who is in its way. Nobody can come to be in its way
 * later; so deletions are all that it needs to hear of.
 *
 * Names are used again: a deletion is of a record if it came after that one's token, which is the revision of its creation.
 */
import type { BackendRequest } from '../backend.js';
import type { Lease, Waiter } from './etcd-lease.js';
import type { EtcdRecord } from './etcd-records.js';

export class Place implements Waiter {
  readonly own: EtcdRecord;
  readonly lease: Lease;
  /** Those in its way of which nobody has told that they have gone. */
  readonly #ahead: Map<string, EtcdRecord>;
  /** How many permits they may have when it has its turn. */
  readonly #room: number;
  readonly #look: () => void;

  constructor(
    { permits, units }: BackendRequest,
    own: EtcdRecord,
    inTheWay: readonly EtcdRecord[],
    lease: Lease,
    look: () => void,
  ) {
    this.own = own;
    this.lease = lease;
    this.#ahead = new Map(inTheWay.map((record) => [record.name, record]));
    this.#room = permits - units;
    this.#look = look;
    lease.join(this);
  }

  /** A record of that name was deleted at that revision. Whether it shall look: its own has gone, or it may have its turn. */
  deleted(name: string, revision: bigint): boolean {
    if (name === this.own.name) return revision > this.own.token;
    const record = this.#ahead.get(name);
    if (record === undefined || revision < record.token) return false;
    this.#ahead.delete(name);
    return [...this.#ahead.values()].reduce((sum, { units }) => sum + units, 0) <= this.#room;
  }

  look(): void {
    this.#look();
  }

  leave(): void {
    this.lease.leave(this);
  }
}
