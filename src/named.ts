/**
 * The locks of this thread that are found by name: one queue for each name in use, on the words that all threads of
 * the process share for it.
 *
 * A queue lives while somebody of this thread holds something of it, or waits, or is about to; then its name is closed
 * and it is forgotten. However many names have been used, only those in use take any room. But to open a name and to
 * close it costs more than to take a lock, so a kind may keep some: the last names that were opened stay open, for a
 * tenth of a second, whether somebody uses them or not.
 *
 * Invariants
 * - A queue is in the map if and only if it has its name open.
 * - It is kept, or it is loose, and then it closes as soon as nobody uses it.
 * - No queue is used once it has been closed: guards only give back what they hold, waiters stand in its line, a view
 *   is a user, and whoever else calls one has asked for it in the same go, since when no other name was opened.
 */
import type { Mark } from './context.js';
import { LockMisuseError } from './errors.js';
import type { SyncGuard } from './guard.js';
import type { Waiter } from './line.js';
import { nobody } from './nobody.js';
import type { Outer } from './outer.js';
import { Queue } from './queue.js';
import type { Note } from './trace.js';
import { openSlot } from './words/names.js';
import type { NamedSlot } from './words/names.js';
import type { Place } from './words/seat.js';

/** What makes one kind of lock: how its errors call it, what its queue is, and its words. */
export interface NamedKind<G extends SyncGuard, O extends Outer> {
  /** Part of what the threads agree upon: names of one kind are no names of another. Without a colon. */
  readonly kind: string;
  /** Of each; or 0 if each has its own: then `words` must see to it that all threads have the same. */
  readonly capacity: number;
  readonly Guard: new (queue: NamedQueue<G, O>, units: number) => G;
  /** Zeroes must be the words of a lock that nobody has used. */
  readonly words: (place: Place, capacity: number, key: string) => O;
  /** Whether this thread is the only one, as far as it matters: then its names need no words. Default: no. */
  readonly alone?: () => boolean;
  /** Who holds it, in an error's words. */
  readonly holders?: (words: O, queue: object) => string | undefined;
  /** What is known of the grant to a task of this thread. */
  readonly note?: (queue: object) => Note | undefined;
  /** Is told that the one who held it before that guard has died. */
  readonly recovered?: (guard: G) => void;
  /** How many names stay open although nobody may use them. Default: none. */
  readonly keep?: number;
}

const KEEP_MS = 100;

/** What a name has open. */
interface Opened {
  close(): void;
}
/** Of one that no other thread can find. */
const nothing: Opened = { close() {} };

export class Names<G extends SyncGuard, O extends Outer> {
  readonly #kind: NamedKind<G, O>;
  readonly #queues: Map<string, NamedQueue<G, O>> = new Map();
  readonly #keep: number;
  #kept: NamedQueue<G, O>[] = [];
  #oldest = 0;
  /** What was made for a slot serves all names that get it. */
  readonly #made: NamedQueue<G, O>[] = [];

  constructor(kind: NamedKind<G, O>) {
    this.#kind = kind;
    this.#keep = kind.keep ?? 0;
  }

  /** How many names of this kind this thread has open. */
  get size(): number {
    return this.#queues.size;
  }

  /** The names that are open. */
  [Symbol.iterator](): Iterator<NamedQueue<G, O>> {
    return this.#queues.values();
  }

  /** The queue of that name if it is open. */
  find(key: string): NamedQueue<G, O> | undefined {
    return this.#queues.get(key);
  }

  /** The queue of that name, to be used at once; for a kind that keeps names. */
  open(key: string): NamedQueue<G, O> {
    return this.#queues.get(key) ?? this.#open(key, this.#kind.capacity);
  }

  /** Calls `fn` with the queue of that name, which is open until `fn` has returned, and then as long as needed. */
  using<T>(key: string, fn: (queue: NamedQueue<G, O>) => T, capacity: number = this.#kind.capacity): T {
    const queue = this.#queues.get(key) ?? this.#open(key, capacity);
    if (queue.capacity !== capacity) throw otherCapacity(queue.kind, key, queue.capacity, capacity);
    queue.enter();
    try {
      return fn(queue);
    } finally {
      queue.exit();
    }
  }

  #open(key: string, capacity: number): NamedQueue<G, O> {
    let queue: NamedQueue<G, O>;
    if (this.#kind.alone?.() === true) {
      queue = this.#bare(capacity);
      queue.reopen(key, nothing);
      this.#add(queue);
      return queue;
    }
    const slot = openSlot(keyOf(this.#kind.kind, key));
    try {
      queue = this.#make(slot, key, capacity);
    } catch (error) {
      slot.close();
      throw error;
    }
    this.#add(queue);
    return queue;
  }

  #add(queue: NamedQueue<G, O>): void {
    this.#queues.set(queue.key, queue);
    if (this.#keep > 0) this.#keepOpen(queue);
  }

  #make(slot: NamedSlot, key: string, capacity: number): NamedQueue<G, O> {
    const { number, place } = slot;
    if (number < this.#keep) {
      const made = (this.#made[number] ??= this.#new(place, key, capacity));
      made.reopen(key, slot);
      return made;
    }
    const made = this.#new(place, key, capacity);
    made.reopen(key, slot);
    return made;
  }

  #new(place: Place, key: string, capacity: number): NamedQueue<G, O> {
    const queue = this.#bare(capacity);
    queue.open(this.#kind.words(place, capacity, key));
    return queue;
  }

  #bare(capacity: number): NamedQueue<G, O> {
    return new NamedQueue<G, O>(this.#kind, capacity, this.#queues);
  }

  #keepOpen(queue: NamedQueue<G, O>): void {
    if (this.#kept.length === 0) {
      nobody.runInAsyncScope(() => setTimeout(() => this.#letGo(), KEEP_MS).unref());
    }
    queue.loose = false;
    const at = this.#oldest;
    this.#oldest = (at + 1) % this.#keep;
    const oldest = this.#kept[at];
    this.#kept[at] = queue;
    oldest?.loosen();
  }

  /** Keeps none any more. */
  #letGo(): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#oldest = 0;
    for (const queue of kept) queue.loosen();
  }
}

export class NamedQueue<G extends SyncGuard = SyncGuard, O extends Outer = Outer> extends Queue<G, O> {
  override key: string = '';
  /** What whoever held it last has left to whoever has got it now: see hold.ts. */
  legacy: { release(): unknown } | undefined = undefined;
  /** Who runs inside of it: see context.ts. */
  marks: Mark | undefined = undefined;
  /** What those climb to who hold it: see ladder.ts. */
  tier: object | undefined = undefined;
  loose = true;
  /** Those who may still use it besides its guards and waiters. */
  #users = 0;
  readonly noun: string;
  readonly #all: Map<string, NamedQueue<G, O>>;
  readonly #of: NamedKind<G, O>;
  #slot: Opened | undefined = undefined;

  constructor(of: NamedKind<G, O>, capacity: number, all: Map<string, NamedQueue<G, O>>) {
    super(of.kind, capacity, of.Guard as ConstructorParameters<typeof Queue<G, O>>[2]);
    this.noun = of.kind;
    this.#all = all;
    this.#of = of;
  }

  /** For errors: see refusals.ts. */
  get holders(): string | undefined {
    return this.outer === undefined ? undefined : this.#of.holders?.(this.outer, this);
  }

  /** Likewise. */
  get note(): Note | undefined {
    return this.#of.note?.(this);
  }

  protected override tell(outer: O, guard: G): void {
    super.tell(outer, guard);
    this.#of.recovered?.(guard);
  }

  override get kind(): string {
    return `the ${this.noun} '${this.key}'`;
  }

  /** It is the queue of that name now. */
  reopen(key: string, slot: Opened): void {
    this.key = key;
    this.#slot = slot;
    this.loose = true;
    this.tier = this.marks = undefined;
  }

  /** Somebody uses it until he leaves. */
  enter(): void {
    this.#users++;
  }

  exit(): void {
    this.#users--;
    if (this.loose) this.#closeIfIdle();
  }

  /** From now on it closes when nobody uses it. */
  loosen(): void {
    this.loose = true;
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    const slot = this.#slot;
    if (slot === undefined || this.#users > 0 || this.length > 0 || this.free < this.capacity) return;
    this.#slot = undefined;
    this.#all.delete(this.key);
    slot.close();
  }

  override give(units: number): void {
    if (this.legacy !== undefined) this.#renounce(this.legacy);
    super.give(units);
    if (this.loose) this.#closeIfIdle();
  }

  override giveAway(units: number): void {
    super.giveAway(units);
    if (this.loose) this.#closeIfIdle();
  }

  /** Whether it goes round in order of arrival, in all threads. */
  get fair(): boolean {
    return this.outer?.fair === true;
  }

  // It was left to somebody who has not taken it.
  #renounce(legacy: { release(): unknown }): void {
    this.legacy = undefined;
    legacy.release();
  }

  override drop(waiter: Waiter, outcome: unknown): void {
    super.drop(waiter, outcome);
    if (this.loose) this.#closeIfIdle();
  }

  protected override fail(error: unknown): void {
    super.fail(error);
    if (this.loose) this.#closeIfIdle();
  }

  protected override arrive(units: number): void {
    super.arrive(units);
    if (this.loose) this.#closeIfIdle();
  }
}

/** What the threads agree upon: kind and key. Most names are those of locks, so these have it as short as can be. */
export function keyOf(kind: string, key: string): string {
  return kind === 'lock' && key.charCodeAt(0) !== 0 ? key : `\0${kind}:${key}`;
}

/** The way back. */
export function ofKey(whole: string): { kind: string; key: string } {
  if (whole.charCodeAt(0) !== 0) return { kind: 'lock', key: whole };
  const at = whole.indexOf(':');
  return { kind: whole.slice(1, at), key: whole.slice(at + 1) };
}

/** One name, and two opinions of how much there is of it. */
export function otherCapacity(kind: string, lock: string, known: number, asked: number): LockMisuseError {
  const message =
    `${kind} is in use with ${known} permits, and was asked for with ${asked}: use the same number everywhere, or ` +
    'another name';
  return new LockMisuseError(message, { lock });
}
