/**
 * The locks of this thread that are found by name: one queue for each name in use, on the words that all threads of
 * the process share for it.
 *
 * A queue lives while somebody of this thread holds something of it, or waits, or is about to: then its name is closed
 * and it is forgotten. However many names have been used, only those in use take any room.
 *
 * Invariant: a queue is in the map if and only if it has its name open. No queue is used once it has been closed:
 * `using` is for everybody who calls one, guards only give back what they hold, and waiters stand in its line.
 */
import type { SyncGuard } from './guard.js';
import type { Waiter } from './line.js';
import type { Outer } from './outer.js';
import { Queue } from './queue.js';
import { openSlot } from './words/names.js';
import type { NamedSlot } from './words/names.js';
import type { Place } from './words/seat.js';

/** What makes one kind of lock: how its errors call it, what its queue is, and its words. */
export interface NamedKind<G extends SyncGuard, O extends Outer> {
  /** Part of what the threads agree upon: names of one kind are no names of another. Without a colon. */
  readonly kind: string;
  readonly capacity: number;
  readonly Guard: ConstructorParameters<typeof Queue<G, O>>[2];
  /** Zeroes must be the words of a lock that nobody has used. */
  readonly words: (place: Place) => O;
}

export class Names<G extends SyncGuard, O extends Outer> {
  readonly #kind: NamedKind<G, O>;
  readonly #queues: Map<string, NamedQueue<G, O>> = new Map();

  constructor(kind: NamedKind<G, O>) {
    this.#kind = kind;
  }

  /** How many names of this kind this thread has open. */
  get size(): number {
    return this.#queues.size;
  }

  /** Calls `fn` with the queue of that name, which is open until `fn` has returned, and then as long as needed. */
  using<T>(key: string, fn: (queue: Queue<G, O>) => T): T {
    const queue = this.#queues.get(key) ?? this.#open(key);
    queue.users++;
    try {
      return fn(queue);
    } finally {
      queue.users--;
      queue.closeIfIdle();
    }
  }

  #open(key: string): NamedQueue<G, O> {
    const queue = new NamedQueue(this.#kind, key, this.#queues);
    this.#queues.set(key, queue);
    return queue;
  }
}

class NamedQueue<G extends SyncGuard, O extends Outer> extends Queue<G, O> {
  /** Those who may still use it besides its guards and waiters. */
  users = 0;
  readonly #key: string;
  readonly #all: Map<string, NamedQueue<G, O>>;
  readonly #slot: NamedSlot;

  constructor(
    { kind, capacity, Guard, words }: NamedKind<G, O>,
    key: string,
    all: Map<string, NamedQueue<G, O>>,
  ) {
    super(`the ${kind} '${key}'`, capacity, Guard);
    this.#key = key;
    this.#all = all;
    this.#slot = openSlot(`${kind}:${key}`);
    try {
      this.open(words(this.#slot.place));
    } catch (error) {
      this.#slot.close();
      throw error;
    }
  }

  closeIfIdle(): void {
    if (this.users > 0 || this.length > 0 || this.free < this.capacity) return;
    this.#all.delete(this.#key);
    this.#slot.close();
  }

  override give(units: number): void {
    super.give(units);
    this.closeIfIdle();
  }

  override drop(waiter: Waiter, outcome: unknown): void {
    super.drop(waiter, outcome);
    this.closeIfIdle();
  }

  protected override fail(error: unknown): void {
    super.fail(error);
    this.closeIfIdle();
  }

  protected override arrive(units: number): void {
    super.arrive(units);
    this.closeIfIdle();
  }
}
