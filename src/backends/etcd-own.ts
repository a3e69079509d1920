/** What is asked of etcd about the record of one request: it is put, looked at, moved to another lease, and removed. */
import type { BackendRequest } from '../backend.js';
import type { CallOptions, EtcdClient } from './etcd-client.js';
import { EtcdError, isUnknown } from './etcd-errors.js';
import type { Lease } from './etcd-lease.js';
import type { Leases } from './etcd-leases.js';
import type { EtcdRecord } from './etcd-records.js';
import type { Slot } from './etcd-slots.js';
import { looking, moving, putting, taking, viewAfter, viewOf, viewOfLook } from './etcd-txn.js';
import type { TxnAnswer, View } from './etcd-txn.js';

export class OwnRecords {
  readonly #client: EtcdClient;
  readonly #leases: Leases;

  constructor(client: EtcdClient, leases: Leases) {
    this.#client = client;
    this.#leases = leases;
  }

  /** Puts it, if it will hold, or to wait. Undefined if the lease is gone. */
  async put(
    request: BackendRequest,
    slot: Slot,
    lease: Lease,
    counted: bigint | undefined,
  ): Promise<View | undefined> {
    const { retire: unsure } = slot;
    const ask = (body: object): Promise<TxnAnswer> => this.#txn(body, request, { again: false, unsure });
    try {
      return await slot.putting(
        async () => {
          // The gateway takes as long to read the longer question as etcd takes to do what it asks for.
          let answer = slot.mayBeFree ? await ask(taking(request, slot, lease.id, counted)) : undefined;
          if (answer?.succeeded !== true) answer = await ask(putting(request, slot, lease.id, counted));
          slot.mayBeFree = answer.succeeded === true;
          return viewAfter(answer, request, slot.own, lease.id);
        },
        ({ own }) => own !== undefined,
      );
    } catch (error) {
      if (error instanceof EtcdError && error.leaseIsGone) {
        lease.gone();
        return undefined;
      }
      if (isUnknown(error)) lease.retire();
      throw error;
    }
  }

  /** Looks at the one that has that token, and at who is before it. */
  async look(request: BackendRequest, slot: Slot, token: bigint): Promise<View> {
    return viewOfLook(await this.#txn(looking(request, slot, token), request, { again: true }), request);
  }

  /** Hangs it on another lease. Whether it is there, and on that lease now. */
  async move(
    request: BackendRequest,
    record: Pick<EtcdRecord, 'name' | 'token' | 'lease'>,
    to: Lease,
  ): Promise<boolean> {
    let at = record.lease;
    while (at !== to.id) {
      if (to.state !== 'alive') throw new Error('a lease of etcd was given up before anything hung on it');
      // It asks for the lease, too: one that comes late, when it was moved to another one, does nothing.
      const answer = await this.#txn(moving(request, { ...record, lease: at }, to.id), request, {
        again: true,
      });
      if (answer.succeeded === true) break;
      const { own } = viewOf(answer);
      if (own?.token !== record.token) return false;
      at = own.lease;
    }
    return true;
  }

  /** Whether it was there. */
  async remove(slot: Slot, { key, ttl }: BackendRequest, again: boolean): Promise<boolean> {
    const options = { lock: key, deadline: this.#leases.patience(ttl), again, unsure: slot.retire };
    const body = { key: slot.own };
    return slot.deleting(async () => {
      const { deleted } = await this.#client.call<{ deleted?: string }>('/v3/kv/deleterange', body, options);
      return deleted !== undefined;
    });
  }

  #txn(
    body: object,
    { key, ttl }: BackendRequest,
    how: Pick<CallOptions, 'again' | 'unsure'>,
  ): Promise<TxnAnswer> {
    return this.#client.call('/v3/kv/txn', body, {
      ...how,
      lock: key,
      deadline: this.#leases.patience(ttl),
    });
  }
}
