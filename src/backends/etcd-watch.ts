/**
 * Who waits for a key, and what he is told. Of each one it is known whether his record is missing, waits, or has its turn
 * (`holdersOf`); he is told when it is his turn or his record is gone, and of nothing else: a release wakes one, not all.
 *
 * All who wait for one key share its stream, see etcd-stream.ts. It outlives the last one by a second, for a key that is
 * fought for; and it keeps the program alive only while somebody awaits `changed`.
 */
import type { Watch } from '../backend.js';
import { nobody } from '../nobody.js';
import type { EtcdClient } from './etcd-client.js';
import { holdersOf } from './etcd-records.js';
import type { EtcdRecord, Range } from './etcd-records.js';
import { KeyStream } from './etcd-stream.js';

const LINGER = 1000;

export class Watches {
  readonly #client: EtcdClient;
  readonly #deadline: number;
  /** Is told the names of records that are deleted. */
  readonly #onGone: (name: string) => void;
  readonly #keys: Map<string, KeyWatch> = new Map();

  constructor(client: EtcdClient, deadline: number, onGone: (name: string) => void) {
    this.#client = client;
    this.#deadline = deadline;
    this.#onGone = onGone;
  }

  /** For one who has, or will have, the record of that name. Resolves when all that happens from now on is told. */
  async open(key: string, range: Range, name: string): Promise<Watch> {
    let watch = this.#keys.get(key);
    if (watch === undefined) {
      watch = new KeyWatch(this.#onGone, () => this.#keys.delete(key));
      this.#keys.set(key, watch);
      watch.open(this.#client, range, { lock: key, deadline: this.#deadline });
    }
    return watch.add(name);
  }

  /** He shall look for himself. */
  tell(key: string, name: string): void {
    this.#keys.get(key)?.tell(name);
  }

  close(): void {
    for (const watch of this.#keys.values()) watch.close();
  }
}

class KeyWatch {
  readonly #onGone: (name: string) => void;
  readonly #onClose: () => void;
  readonly #watches: Set<OneWatch> = new Set();
  /** How many of them are awaited. */
  #awaited = 0;
  #stream: KeyStream | undefined;
  #ready: Promise<void> | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(onGone: (name: string) => void, onClose: () => void) {
    this.#onGone = onGone;
    this.#onClose = onClose;
  }

  open(
    client: EtcdClient,
    range: Range,
    options: { readonly lock: string; readonly deadline: number },
  ): void {
    const stream = new KeyStream(client, range, options, {
      changed: (records) => this.#see(records),
      gone: (name) => {
        this.#onGone(name);
        // He is told even if it is there again, at another place.
        this.tell(name);
      },
      broken: () => {
        for (const watch of this.#watches) watch.tell();
        return this.#watches.size > 0;
      },
      ended: () => this.close(),
    });
    this.#stream = stream;
    this.#ready = nobody.runInAsyncScope(() => stream.open());
    // Those who wait for it are told.
    this.#ready.catch(() => this.close());
  }

  async add(name: string): Promise<Watch> {
    const watch = new OneWatch(name, {
      awaited: (by) => this.#await(by),
      closed: () => this.#remove(watch),
    });
    this.#watches.add(watch);
    clearTimeout(this.#linger);
    try {
      await this.#ready;
    } catch (error) {
      watch.close();
      throw error;
    }
    return watch;
  }

  tell(name: string): void {
    for (const watch of this.#watches) if (watch.name === name) watch.tell();
  }

  close(): void {
    clearTimeout(this.#linger);
    this.#stream?.close();
    this.#onClose();
  }

  #see(records: ReadonlyMap<string, EtcdRecord>): void {
    if (this.#watches.size === 0) return;
    const holders = new Set(holdersOf(records.values()).map(({ name }) => name));
    for (const watch of this.#watches) {
      const isThere = records.has(watch.name);
      watch.see(isThere ? (holders.has(watch.name) ? 'turn' : 'waits') : 'missing');
    }
  }

  #remove(watch: OneWatch): void {
    if (!this.#watches.delete(watch) || this.#watches.size > 0) return;
    clearTimeout(this.#linger);
    this.#linger = nobody.runInAsyncScope(() => setTimeout(() => this.close(), LINGER)).unref();
  }

  #await(by: 1 | -1): void {
    this.#awaited += by;
    if (this.#awaited > 0) this.#stream?.ref();
    else this.#stream?.unref();
  }
}

interface OneWatchEvents {
  /** One more awaits it, or one less. */
  awaited(by: 1 | -1): void;
  closed(): void;
}

class OneWatch implements Watch {
  readonly name: string;
  readonly #events: OneWatchEvents;
  #state: 'missing' | 'waits' | 'turn' | undefined;
  #told = false;
  #wake: (() => void) | undefined;

  constructor(name: string, events: OneWatchEvents) {
    this.name = name;
    this.#events = events;
  }

  // Of what is so from the start he learns by his next try.
  see(state: 'missing' | 'waits' | 'turn'): void {
    const isNew = this.#state !== undefined && this.#state !== state;
    this.#state = state;
    if (isNew && state !== 'waits') this.tell();
  }

  tell(): void {
    this.#told = true;
    this.#wake?.();
  }

  async changed(): Promise<void> {
    if (!this.#told) {
      this.#events.awaited(1);
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
      this.#events.awaited(-1);
    }
    this.#told = false;
  }

  close(): void {
    if (this.#wake !== undefined) this.#events.awaited(-1);
    this.#wake = undefined;
    this.#events.closed();
  }
}
