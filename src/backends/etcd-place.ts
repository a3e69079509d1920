/**
 * A request that waits with a record of its own: on which lease, and who is in its way. Nobody can come to be in its way
 * later; so deletions are all that it needs to hear of:
 *
 *     waits -> may hold   so many have gone that it has room, of those that it knows of: it is told to look
 *           -> holds      the same, if it knew of all, and has heard of every deletion since: there is nothing to look for
 *           -> gone       its own record was deleted
 *
 * What a stream tells is as good as a look: etcd tells in the order of its revisions, so if the last one in the way has
 * gone and the own record has not been told to be gone before, then it held at that revision. Both may be late, and after
 * both the lease decides how long it lasts.
 *
 * Names are used again: a deletion is of a record if it came after that one's token, which is the revision of its creation.
 */
import type { BackendRequest } from '../backend.js';
import type { Lease, Waiter } from './etcd-lease.js';
import type { EtcdRecord } from './etcd-records.js';
import { FAR } from './etcd-txn.js';

/** All that one who waits is told, without a gap: another one when there was a gap. Compared, never read. */
export type Story = object;

/** One who waits, or will, as the backend knows him. */
export interface Watcher {
  readonly id: string;
  /** His place, if he has one. */
  place(): Place | undefined;
  /** Whether he is looking for it. */
  isTried(): boolean;
}

export class Place implements Waiter {
  readonly own: EtcdRecord;
  readonly lease: Lease;
  /** Those in its way of which nobody has told that they have gone. */
  readonly #ahead: Map<string, EtcdRecord>;
  /** How many permits they may have when it has its turn. */
  readonly #room: number;
  readonly #look: () => void;
  readonly #story: Story | undefined;
  #isGone = false;

  /** `story`: what has been told since before it was known who is in the way; undefined if those are not all. */
  constructor(
    { permits, units }: BackendRequest,
    own: EtcdRecord,
    inTheWay: readonly EtcdRecord[],
    lease: Lease,
    look: () => void,
    story?: Story,
  ) {
    this.own = own;
    this.lease = lease;
    this.#ahead = new Map(inTheWay.map((record) => [record.name, record]));
    this.#room = permits - units;
    this.#look = look;
    this.#story = story;
    lease.join(this);
  }

  /** A record of that name was deleted at that revision. Whether it shall look: its own has gone, or it may have its turn. */
  deleted(name: string, revision: bigint): boolean {
    if (name === this.own.name) {
      if (revision < this.own.token) return false;
      this.#isGone = true;
      return true;
    }
    const record = this.#ahead.get(name);
    if (record === undefined || revision < record.token) return false;
    this.#ahead.delete(name);
    return this.#hasRoom;
  }

  /** Whether its record holds, without a look. */
  holdsBy(story: Story | undefined): boolean {
    return this.#story !== undefined && this.#story === story && !this.#isGone && this.#hasRoom;
  }

  /** The name of the one so many places before it that it is far off until that has gone; where all before it must go. */
  get scout(): string | undefined {
    if (this.own.permits > 1 || this.#ahead.size < FAR) return undefined;
    const nearest = [...this.#ahead.values()].toSorted((a, b) => (a.token < b.token ? 1 : -1));
    return nearest[FAR - 1]?.name;
  }

  /** Whether one of that name is in its way, as far as anyone here knows. */
  waitsFor(name: string): boolean {
    return this.#ahead.has(name);
  }

  get #hasRoom(): boolean {
    return [...this.#ahead.values()].reduce((sum, { units }) => sum + units, 0) <= this.#room;
  }

  look(): void {
    this.#look();
  }

  leave(): void {
    this.lease.leave(this);
  }
}
