/**
 * Who waits for a key, and what he is told:
 *
 *     his record    told
 *     waits         no
 *     has its turn  yes: the others are not, a release wakes one
 *     was deleted   yes: he comes last
 *     was never     when it would have its turn at once, after each deletion that leaves it so
 *
 * All who wait for one key share its stream, see etcd-stream.ts. It outlives the last one by a second, for a key that is
 * fought for; and it keeps the program alive only while somebody awaits `changed`.
 */
import type { BackendRequest, Watch } from '../backend.js';
import { nobody } from '../nobody.js';
import type { EtcdClient } from './etcd-client.js';
import { fitsBehind, holdersOf } from './etcd-records.js';
import type { EtcdRecord, Names, Range } from './etcd-records.js';
import { KeyStream } from './etcd-stream.js';

export interface RecordWatch extends Watch {
  /** Whether his record is there, as far as the stream has told. */
  readonly isThere: boolean;
}

/** Of his record; `free`: it is missing, and would have its turn. */
type State = 'missing' | 'free' | 'waits' | 'turn';

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

  /** For one who has, or will have, a record. Resolves when all that happens from now on is told. */
  async open(request: BackendRequest, { all, own }: Names): Promise<RecordWatch> {
    const { key } = request;
    let watch = this.#keys.get(key);
    if (watch === undefined) {
      watch = new KeyWatch(this.#onGone, () => this.#keys.delete(key));
      this.#keys.set(key, watch);
      watch.open(this.#client, all, { lock: key, deadline: this.#deadline });
    }
    return watch.add(request, own);
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
  #records: ReadonlyMap<string, EtcdRecord> = new Map();
  #stream: KeyStream | undefined;
  #ready: Promise<void> | undefined;
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

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
      changed: (records) => {
        this.#records = records;
        if (this.#watches.size > 0) this.#see();
      },
      gone: (name) => {
        this.#onGone(name);
        // He is told even if it is there again, at another place, or free again.
        for (const watch of this.#watches) watch.seeGone(name);
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

  async add(request: BackendRequest, name: string): Promise<RecordWatch> {
    const watch = new OneWatch(request, name, {
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
    // Of what is so already he learns by his next try.
    watch.state = this.#stateOf(watch, this.#holders());
    return watch;
  }

  tell(name: string): void {
    for (const watch of this.#watches) if (watch.name === name) watch.tell();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#stream?.close();
    this.#onClose();
    for (const watch of this.#watches) watch.tell();
  }

  #see(): void {
    const holders = this.#holders();
    for (const watch of this.#watches) watch.see(this.#stateOf(watch, holders));
  }

  #holders(): Set<string> {
    return new Set(holdersOf(this.#records.values()).map(({ name }) => name));
  }

  #stateOf({ name, request }: OneWatch, holders: ReadonlySet<string>): State {
    if (this.#records.has(name)) return holders.has(name) ? 'turn' : 'waits';
    return fitsBehind(request, this.#records.values()) ? 'free' : 'missing';
  }

  #remove(watch: OneWatch): void {
    if (!this.#watches.delete(watch) || this.#watches.size > 0 || this.#closed) return;
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

class OneWatch implements RecordWatch {
  readonly request: BackendRequest;
  readonly name: string;
  readonly #events: OneWatchEvents;
  /** What he knows by his last try, or was told. */
  state: State | undefined;
  #told = false;
  #wake: (() => void) | undefined;

  constructor(request: BackendRequest, name: string, events: OneWatchEvents) {
    this.request = request;
    this.name = name;
    this.#events = events;
  }

  get isThere(): boolean {
    return this.state === 'waits' || this.state === 'turn';
  }

  see(state: State): void {
    if (state === this.state) return;
    this.state = state;
    if (state === 'turn' || state === 'free') this.tell();
  }

  seeGone(name: string): void {
    if (name === this.name) this.tell();
    else if (this.state === 'free') this.state = 'missing';
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
