/**
 * What is deleted of the records of a key, as it happens: who waits needs to hear of nothing else, see etcd-place.ts.
 *
 * The stream starts now: whoever looks after it has begun misses nothing, and etcd tells at once (a watch from a past
 * revision is served by a loop of 100 ms). When it breaks it is opened anew, elsewhere if need be, and all have to look.
 *
 *     opening -> following <-> broken -> closed
 */
import type { EtcdClient } from './etcd-client.js';
import { EtcdError } from './etcd-errors.js';
import type { Exchange } from './etcd-exchange.js';
import type { KeyValue, Range } from './etcd-records.js';

interface WatchAnswer {
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly events?: readonly { readonly kv: KeyValue }[];
}

export interface KeyEvents {
  /** A record of that name was deleted. Maybe there is another one of its name. */
  deleted(name: string, revision: bigint): void;
  /** It stands no more: what happens now is not told. */
  interrupted(): void;
  /** It stands again: what happened meanwhile was not told. */
  reopened(): void;
  /** Nothing is told for now. Called again and again, until it is. Whether to go on. */
  broken(): boolean;
  /** Nobody goes on. */
  ended(): void;
}

const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

export class KeyStream {
  readonly #client: EtcdClient;
  readonly #range: Range;
  readonly #options: { readonly lock: string; readonly deadline: number };
  readonly #events: KeyEvents;
  #exchange: Exchange | undefined;
  /** When it began to stand. */
  #since = 0;
  #pause: NodeJS.Timeout | undefined;
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

  /** Resolves when all that is deleted from now on is told. */
  async open(): Promise<void> {
    const body = { create_request: { ...this.#range, filters: ['NOPUT'] } };
    let isOpen = false;
    let hasEnded = false;
    const exchange = await this.#client.stream<WatchAnswer>('/v3/watch', body, this.#options, {
      first: ({ canceled, cancel_reason }, url) => {
        if (canceled) throw new EtcdError(url, 200, 0, cancel_reason ?? 'the watch was cancelled');
      },
      next: (answer) => this.#follow(answer),
      ended: () => {
        hasEnded = true;
        if (isOpen) void this.#reopen();
      },
    });
    if (hasEnded || this.#closed) {
      exchange.close();
      throw new Error('the watch of etcd has ended');
    }
    isOpen = true;
    this.#since = performance.now();
    this.#exchange = exchange;
    if (!this.#isAwaited) exchange.unref();
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
    clearTimeout(this.#pause);
    this.#exchange?.close();
  }

  #follow({ canceled, events = [] }: WatchAnswer): void {
    if (canceled) return this.#exchange?.close();
    for (const { kv } of events) this.#events.deleted(kv.key, BigInt(kv.mod_revision ?? 0));
  }

  async #reopen(): Promise<void> {
    this.#exchange = undefined;
    this.#events.interrupted();
    // One that ends as soon as it stands is opened with pauses, too.
    let pause = performance.now() - this.#since < LONGEST_PAUSE ? FIRST_PAUSE : 0;
    for (; !this.#closed; pause = Math.min(LONGEST_PAUSE, 2 * pause || FIRST_PAUSE)) {
      if (pause > 0) {
        if (!this.#events.broken()) return this.#events.ended();
        const ms = pause * (0.5 + Math.random());
        // Not all at the same moment.
        await new Promise((resolve) => (this.#pause = setTimeout(resolve, ms)));
      }
      try {
        await this.open();
        return this.#events.reopened();
      } catch {
        // Whoever waits looks for himself, and finds out why.
      }
    }
  }
}
