/**
 * The records of a key, kept true by a stream of what happens to them.
 *
 * The stream starts now, and the records are read after it has begun: so nothing is missed, and etcd tells at once (a watch
 * from a past revision is served by a loop of 100 ms). When it breaks it is opened anew, elsewhere if need be, and they
 * are read anew.
 *
 *     opening -> following <-> broken -> closed
 */
import type { EtcdClient } from './etcd-client.js';
import { EtcdError } from './etcd-errors.js';
import type { Exchange } from './etcd-exchange.js';
import { recordOf } from './etcd-records.js';
import type { EtcdRecord, KeyValue, Range } from './etcd-records.js';

interface WatchAnswer {
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly events?: readonly { readonly type?: 'DELETE'; readonly kv: KeyValue }[];
}

interface RangeAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly KeyValue[];
}

export interface KeyEvents {
  /** In the order of their tokens. Also after each opening. */
  changed(records: ReadonlyMap<string, EtcdRecord>): void;
  /** The record was deleted. Maybe there is another one of its name. */
  gone(record: EtcdRecord): void;
  /** Nothing is known for now. Called again and again, until it is. Whether to go on. */
  broken(): boolean;
  /** Nobody goes on. */
  ended(): void;
}

const LONGEST_PAUSE = 2000;

export class KeyStream {
  readonly #client: EtcdClient;
  readonly #range: Range;
  readonly #options: { readonly lock: string; readonly deadline: number };
  readonly #events: KeyEvents;
  #records: Map<string, EtcdRecord> = new Map();
  #exchange: Exchange | undefined;
  #isAwaited = false;
  #closed = false;

  constructor(
    client: EtcdClient,
    range: Range,
    options: { readonly lock: string; readonly deadline: number },
    events: KeyEvents,
  ) {
    this.#client = client;
    this.#range = range;
    this.#options = options;
    this.#events = events;
  }

  /** Resolves when the records are true, and follow. */
  async open(): Promise<void> {
    let early: WatchAnswer[] | undefined = [];
    let revision = 0n;
    let hasEnded = false;
    const body = { create_request: this.#range };
    const exchange = await this.#client.stream<WatchAnswer>('/v3/watch', body, this.#options, {
      first: ({ canceled, cancel_reason }, url) => {
        if (canceled) throw new EtcdError(url, 200, 0, cancel_reason ?? 'the watch was cancelled');
      },
      next: (answer) => {
        if (early === undefined) this.#follow(answer, revision);
        else early.push(answer);
      },
      ended: () => {
        hasEnded = true;
        if (early === undefined) void this.#reopen();
      },
    });
    try {
      revision = await this.#read();
      if (hasEnded || this.#closed) throw new Error('the watch of etcd has ended');
    } catch (error) {
      exchange.close();
      throw error;
    }
    this.#exchange = exchange;
    if (!this.#isAwaited) exchange.unref();
    const missed = early;
    early = undefined;
    this.#events.changed(this.#records);
    for (const answer of missed) this.#follow(answer, revision);
  }

  /** While somebody awaits what happens, it keeps the program alive. */
  ref(): void {
    this.#isAwaited = true;
    this.#exchange?.ref();
  }

  unref(): void {
    this.#isAwaited = false;
    this.#exchange?.unref();
  }

  close(): void {
    this.#closed = true;
    this.#exchange?.close();
  }

  /** Reads the records. Returns as of which revision. */
  async #read(): Promise<bigint> {
    const { header, kvs = [] } = await this.#client.call<RangeAnswer>(
      '/v3/kv/range',
      { ...this.#range, sort_target: 'CREATE', sort_order: 'ASCEND' },
      { ...this.#options, again: true },
    );
    const before = this.#records;
    this.#records = new Map(kvs.map((kv) => [kv.key, recordOf(kv)]));
    for (const record of before.values()) {
      if (this.#records.get(record.name)?.token !== record.token) this.#events.gone(record);
    }
    return BigInt(header.revision);
  }

  #follow({ canceled, events = [] }: WatchAnswer, after: bigint): void {
    if (canceled) return this.#exchange?.close();
    for (const { type, kv } of events) {
      // What was read is newer.
      if (BigInt(kv.mod_revision ?? 0) <= after) continue;
      if (type !== 'DELETE') {
        this.#records.set(kv.key, recordOf(kv));
        continue;
      }
      const record = this.#records.get(kv.key);
      this.#records.delete(kv.key);
      if (record !== undefined) this.#events.gone(record);
    }
    this.#events.changed(this.#records);
  }

  async #reopen(): Promise<void> {
    this.#exchange = undefined;
    for (let pause = 0; !this.#closed; pause = Math.min(LONGEST_PAUSE, 2 * pause || 50)) {
      if (pause > 0) {
        if (!this.#events.broken()) return this.#events.ended();
        // Not all at the same moment.
        await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
      }
      try {
        return await this.open();
      } catch {
        // Whoever waits looks for himself, and finds out why.
      }
    }
  }
}
