/**
 * Who waits for a key, and when he is told to look:
 *
 *     has a place   when his record was deleted (he comes last), or nobody is in his way any more: see etcd-place.ts
 *     has none yet  whenever a record was deleted
 *     is far off    when he comes near: see etcd-far.ts
 *     is looking    what is deleted meanwhile is kept, for the place that he gets; and for another one after it, from
 *                   an answer that was older, and late
 *
 * The others are not told: a release wakes one, and readers together. Who was told of everything since he looked knows
 * that it is his turn, and does not look again: for each of them it is known since when he has missed nothing (`Story`).
 *
 * All who wait for one key share its stream, see etcd-stream.ts; one who is far off, and alone, has none. It outlives the
 * last one by a second, for a key that is fought for; and it keeps the program alive only while somebody awaits `changed`.
 */
import type { Watch } from '../backend.js';
import { nobody } from '../nobody.js';
import type { EtcdClient } from './etcd-client.js';
import { FarWatch } from './etcd-far.js';
import type { Story, Watcher } from './etcd-place.js';
import type { Range } from './etcd-records.js';
import { KeyStream } from './etcd-stream.js';

/** Is told of each record that is deleted. */
type OnDeleted = (name: string, revision: bigint) => void;

const LINGER = 1000;

export class Watches {
  readonly #client: EtcdClient;
  readonly #deadline: number;
  readonly #onDeleted: OnDeleted;
  readonly #keys: Map<string, KeyWatch> = new Map();
  /** One for each key at most: two would cost as much as a stream of the key. */
  readonly #far: Map<string, FarWatch> = new Map();

  constructor(client: EtcdClient, deadline: number, onDeleted: OnDeleted) {
    this.#client = client;
    this.#deadline = deadline;
    this.#onDeleted = onDeleted;
  }

  /** Resolves when all that happens from now on, and is of use to him, is told. */
  open(key: string, all: Range, watcher: Watcher): Promise<Watch> {
    const scout = watcher.place()?.scout;
    const other = this.#far.get(key);
    other?.come();
    const shared = this.#keys.get(key);
    if (scout === undefined || other !== undefined || shared?.isUsed === true)
      return this.#openNear(key, all, watcher);
    shared?.close();
    return this.#openFar(key, all, watcher, scout);
  }

  async #openFar(key: string, all: Range, watcher: Watcher, scout: string): Promise<Watch> {
    const far = new FarWatch(
      watcher,
      scout,
      this.#client,
      { lock: key, deadline: this.#deadline },
      {
        near: () => this.#openNear(key, all, watcher),
        closed: () => this.#far.delete(key),
      },
    );
    this.#far.set(key, far);
    await far.open();
    return far;
  }

  async #openNear(key: string, all: Range, watcher: Watcher): Promise<Watch> {
    let watch = this.#keys.get(key);
    if (watch === undefined) {
      watch = new KeyWatch(this.#onDeleted, () => this.#keys.delete(key));
      this.#keys.set(key, watch);
      watch.open(this.#client, all, { lock: key, deadline: this.#deadline });
    }
    return watch.add(watcher);
  }

  /** He shall look for himself. */
  tell(key: string, id: string): void {
    this.#farOf(key, id)?.tell();
    for (const watch of this.#keys.get(key)?.of(id) ?? []) watch.tell();
  }

  /** He has looked, and has a place. */
  placed(key: string, id: string): void {
    this.#farOf(key, id)?.placed();
    for (const watch of this.#keys.get(key)?.of(id) ?? []) watch.placed();
  }

  /** What he has been told without a gap, until now. */
  story(key: string, id: string): Story | undefined {
    return this.#keys.get(key)?.of(id)[0]?.story;
  }

  close(): void {
    // Those first: who is near is told by them.
    for (const watch of this.#keys.values()) watch.close();
    for (const far of this.#far.values()) {
      far.close();
      far.tell();
    }
  }

  #farOf(key: string, id: string): FarWatch | undefined {
    const far = this.#far.get(key);
    return far?.id === id ? far : undefined;
  }
}

class KeyWatch {
  readonly #onDeleted: OnDeleted;
  readonly #onClose: () => void;
  readonly #watches: Set<OneWatch> = new Set();
  /** How many of them are awaited. */
  #awaited = 0;
  #stream: KeyStream | undefined;
  #ready: Promise<void> | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** All that is deleted is told. */
  #stands = false;
  #closed = false;

  constructor(onDeleted: OnDeleted, onClose: () => void) {
    this.#onDeleted = onDeleted;
    this.#onClose = onClose;
  }

  open(
    client: EtcdClient,
    range: Range,
    options: { readonly lock: string; readonly deadline: number },
  ): void {
    const stream = new KeyStream(client, range, options, {
      deleted: (name, revision) => {
        this.#onDeleted(name, revision);
        for (const watch of this.#watches) watch.deleted(name, revision);
      },
      interrupted: () => {
        this.#stands = false;
        for (const watch of this.#watches) watch.story = undefined;
      },
      reopened: () => {
        this.#stand();
        this.#tellAll();
      },
      broken: () => {
        this.#tellAll();
        return this.#watches.size > 0;
      },
      ended: () => this.close(),
    });
    this.#stream = stream;
    this.#ready = nobody.runInAsyncScope(() => stream.open()).then(() => this.#stand());
    // Those who wait for it are told.
    this.#ready.catch(() => this.close());
  }

  async add(watcher: Watcher): Promise<Watch> {
    const watch = new OneWatch(watcher, {
      awaited: (by) => this.#await(by),
      closed: () => this.#remove(watch),
    });
    this.#watches.add(watch);
    if (this.#stands) watch.story = {};
    clearTimeout(this.#linger);
    try {
      await this.#ready;
    } catch (error) {
      watch.close();
      throw error;
    }
    return watch;
  }

  get isUsed(): boolean {
    return this.#watches.size > 0;
  }

  /** Those of a request. */
  of(id: string): OneWatch[] {
    return [...this.#watches].filter((watch) => watch.id === id);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#stream?.close();
    this.#onClose();
    this.#tellAll();
  }

  #stand(): void {
    this.#stands = true;
    for (const watch of this.#watches) watch.story = {};
  }

  #tellAll(): void {
    for (const watch of this.#watches) watch.tell();
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

class OneWatch implements Watch {
  story: Story | undefined = undefined;
  readonly #watcher: Watcher;
  readonly #events: OneWatchEvents;
  /** What was deleted since he began to look, maybe twice at a time: the places that he gets will not know of it. */
  #meanwhile: [name: string, revision: bigint][] = [];
  #told = false;
  #wake: (() => void) | undefined;

  constructor(watcher: Watcher, events: OneWatchEvents) {
    this.#watcher = watcher;
    this.#events = events;
  }

  get id(): string {
    return this.#watcher.id;
  }

  deleted(name: string, revision: bigint): void {
    if (this.#watcher.isTried()) this.#meanwhile.push([name, revision]);
    else this.#meanwhile = [];
    if (this.#watcher.place()?.deleted(name, revision) !== false) this.tell();
  }

  placed(): void {
    const place = this.#watcher.place();
    const told = this.#meanwhile.filter(([name, revision]) => place?.deleted(name, revision) !== false);
    if (told.length > 0) this.tell();
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
