/**
 * The names of records, used again and again. etcd keeps a trace of each name that it ever had until somebody compacts it,
 * and walks over all traces in a range that it reads: a new name for each grant made each grant dearer than the last one.
 *
 * A name ends with the random mark of its backend and a number. What keeps two acquisitions apart that have the same name
 * one after the other:
 * - A name is free for another request only when nothing that was sent under it is on its way, or may be, and there is no
 *   record: etcd has refused to put it, has deleted it, or has told that it is gone, and no other call that puts or
 *   deletes was under way meanwhile.
 * - A call whose outcome is unknown (also if the next endpoint has answered instead) retires the name. It stays the name
 *   of that request, for as long as that lasts, and is nobody else's ever after: what comes late finds a record of its own
 *   request, or none.
 * - The request that had a name before has no way to it: its slot is `over`.
 * - Everybody else says which record he means, by its create revision, the token: who moves it, breaks it, or sees that
 *   it is there. What a stream tells is of the record that it has told of before.
 *
 * Numbers are counted for each key, from 0, so as few names as possible have a trace. A retired number is replaced for all
 * keys: nothing needs to be remembered of a key that is not in use.
 */
import { randomUUID } from 'node:crypto';
import type { BackendRequest } from '../backend.js';
import { uptime } from '../clock.js';
import { nameOf } from './etcd-records.js';
import type { Layout, Names, Ranges } from './etcd-records.js';

/** How many keys that nobody uses are remembered with their names, to spare the time to make them. */
const IDLE_KEYS = 100;
/** How long after its last try nobody asks for a request any more that nobody forgot, in ms, or three ttls. */
const FORGOTTEN = 60_000;

/** Of one key, as long as it is used. */
class KeySlots {
  readonly key: string;
  /** By the ids of their requests. */
  readonly slots: Map<string, Slot> = new Map();
  readonly free: number[] = [];
  ranges: { readonly permits: number; readonly ranges: Ranges } | undefined;
  /** How many numbers were in use at a time. */
  size = 0;
  /** Whoever asked last found it so. */
  mayBeFree = true;

  constructor(key: string) {
    this.key = key;
  }
}

export class Slots {
  readonly #layout: Layout;
  readonly #mark = randomUUID().replaceAll('-', '');
  readonly #keys: Map<string, KeySlots> = new Map();
  readonly #idle: Set<KeySlots> = new Set();
  /** What stands for a number. */
  readonly #labels: string[] = [];
  #made = 0;
  /** Those whose names are retired, and whose requests may be asked for again. */
  readonly #retired: Set<Slot> = new Set();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** How many keys and requests are remembered. */
  get size(): number {
    return this.#keys.size + this.#retired.size;
  }

  find({ key, id }: BackendRequest): Slot | undefined {
    return this.#keys.get(key)?.slots.get(id);
  }

  /** That of the request. */
  take(request: BackendRequest): Slot {
    const { key, id, permits, shared } = request;
    let of = this.#keys.get(key);
    if (of === undefined) this.#keys.set(key, (of = new KeySlots(key)));
    else this.#idle.delete(of);
    const known = of.slots.get(id);
    if (known !== undefined) {
      known.asked = uptime();
      return known;
    }
    if (this.#retired.size > 0) this.#sweep();
    if (of.ranges?.permits !== permits) of.ranges = { permits, ranges: this.#layout.ranges(key, permits) };
    const { ranges } = of.ranges;
    const number = of.free.pop() ?? of.size++;
    const label = (this.#labels[number] ??= this.#nextLabel());
    const slot = new Slot(request, of, { own: nameOf(ranges, shared, label), ranges }, (how) => {
      if (how === 'retired') {
        if (this.#labels[number] === label) this.#labels[number] = this.#nextLabel();
        this.#retired.add(slot);
      } else {
        of.slots.delete(id);
        this.#retired.delete(slot);
      }
      // A retired one has given its number back.
      if (how !== 'retired over') of.free.push(number);
      if (of.slots.size === 0) this.#rest(of);
    });
    of.slots.set(id, slot);
    return slot;
  }

  #nextLabel(): string {
    return `${this.#mark}-${this.#made++}`;
  }

  #rest(of: KeySlots): void {
    if (this.#keys.get(of.key) !== of) return;
    this.#idle.add(of);
    if (this.#idle.size <= IDLE_KEYS) return;
    const [oldest] = this.#idle;
    if (oldest === undefined) return;
    this.#idle.delete(oldest);
    this.#keys.delete(oldest.key);
  }

  /** One at a time: more do not come. */
  #sweep(): void {
    const [slot] = this.#retired;
    if (slot === undefined) return;
    this.#retired.delete(slot);
    if (slot.isAbandoned) slot.abandon();
    else this.#retired.add(slot);
  }
}

/** A name, and the request that has it. */
export class Slot implements Names {
  readonly own: string;
  readonly ranges: Ranges;
  /** When it was last asked for. */
  asked: number = uptime();
  /** Somebody holds or waits by its record. */
  isUsed = false;
  readonly #of: KeySlots;
  readonly #ttl: number;
  readonly #tell: (how: 'free' | 'retired' | 'retired over') => void;
  #tries = 0;
  #calls = 0;
  /** Counts the calls. */
  #serial = 0;
  #mayBeThere = false;
  #isRetired = false;
  #isOver = false;
  #quiet: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(
    { ttl }: BackendRequest,
    of: KeySlots,
    { own, ranges }: Names,
    tell: (how: 'free' | 'retired' | 'retired over') => void,
  ) {
    this.own = own;
    this.ranges = ranges;
    this.#of = of;
    this.#ttl = ttl;
    this.#tell = tell;
  }

  /** Its key, as far as anyone here knows. */
  get mayBeFree(): boolean {
    return this.#of.mayBeFree;
  }

  set mayBeFree(free: boolean) {
    this.#of.mayBeFree = free;
  }

  /** The request has given its name away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isTried(): boolean {
    return this.#tries > 0;
  }

  get isAbandoned(): boolean {
    const idle = uptime() - this.asked;
    return !this.isUsed && this.#tries + this.#calls === 0 && idle > Math.max(FORGOTTEN, 3 * this.#ttl);
  }

  /** Resolves when no try is under way. */
  async untilQuiet(): Promise<void> {
    if (this.#tries === 0) return;
    if (this.#quiet === undefined) {
      let resolve!: () => void;
      const promise = new Promise<void>((done) => (resolve = done));
      this.#quiet = { promise, resolve };
    }
    await this.#quiet.promise;
  }

  /** A try, which may be several calls. */
  begin(): void {
    this.#tries++;
  }

  end(): void {
    if (--this.#tries > 0) return;
    this.#quiet?.resolve();
    this.#quiet = undefined;
    this.#settle();
  }

  /** A call that puts the record. The result says whether it is there. */
  async putting<T>(call: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> {
    const before = this.#mayBeThere;
    // If its outcome is unknown, the name is retired by now.
    return this.#write(call, isThere, () => before || this.#isRetired);
  }

  /** A call that deletes it. */
  async deleting<T>(call: () => Promise<T>): Promise<T> {
    return this.#write(
      call,
      () => false,
      () => true,
    ).finally(() => this.#settle());
  }

  /** The record that was there is gone. */
  vanished(): void {
    this.isUsed = false;
    if (this.#tries + this.#calls > 0) this.retire();
    else this.#mayBeThere = false;
    this.#settle();
  }

  /** Nobody else may have the name ever. */
  readonly retire = (): void => {
    if (this.#isRetired || this.#isOver) return;
    this.#isRetired = true;
    this.#tell('retired');
  };

  abandon(): void {
    this.#isOver = true;
    this.#tell('retired over');
  }

  async #write<T>(call: () => Promise<T>, after: (answer: T) => boolean, refused: () => boolean): Promise<T> {
    const serial = ++this.#serial;
    const isAlone = this.#calls++ === 0;
    this.#mayBeThere = true;
    let isThere = true;
    try {
      const answer = await call();
      isThere = after(answer);
      return answer;
    } catch (error) {
      isThere = refused();
      throw error;
    } finally {
      this.#calls--;
      // Of two at a time nobody knows which one was the last.
      if (isAlone && this.#serial === serial) this.#mayBeThere = isThere;
      else this.retire();
    }
  }

  #settle(): void {
    if (this.#isOver || this.#tries + this.#calls > 0 || this.#mayBeThere || this.isUsed) return;
    this.#isOver = true;
    this.#tell(this.#isRetired ? 'retired over' : 'free');
  }
}
