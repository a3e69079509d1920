/**
 * Those who wait for one thing, first come first served.
 *
 * A line is a chain of chunks with room for some entries each. A waiter knows its chunk and its slot, so it leaves
 * from any place in O(1), and at once: its slot is emptied, and an empty chunk is taken out of the chain. (An
 * intrusive linked list would be simpler, but the garbage collector walks ten thousand links two to three times as
 * slowly as the slots of arrays: docs/internals.md.)
 *
 * Invariants
 * - Entries stand in order of arrival, from the first chunk to the last and within each by slot.
 * - In every chunk of the chain `live` > 0 slots are taken, and `first` is the lowest of them. So the head of the
 *   line is found in one step, and a line that nobody stands in has no chunk.
 * - A waiter stands in at most one line, `waiter.line`; outside of it, it has no limits: no deadline, no abort
 *   listener, nothing that could find it later.
 */

/** How a wait ended that was not granted. */
export type Refusal = typeof TimedOut | typeof Aborted;
export const TimedOut: unique symbol = Symbol('timed out');
export const Aborted: unique symbol = Symbol('aborted');

type Resolve = (outcome: unknown) => void;

/** Who stands in a line. The commonest wait, for one unit and without limits, is only its promise's resolver. */
export type Entry = Resolve | Waiter;

// The executor is one function for all promises: a closure for each would cost as much as the wait itself.
let resolveLast: Resolve;
function capture(resolve: Resolve): void {
  resolveLast = resolve;
}

/** When a waiter gives up; see limits.ts. */
export interface Limits {
  /** Whether the signal is aborted, although nobody may have told the waiter yet. */
  readonly aborted: boolean;
  lift(): void;
}

/** One who waits for several units, or not for ever, or who could use what goes with them. */
export class Waiter {
  readonly units: number;
  /** What it will climb to once it has the units: whoever has climbed there may leave that to it. */
  readonly tier: object | undefined;
  readonly promise: Promise<unknown> = new Promise(capture);
  readonly resolve: Resolve = resolveLast;
  limits: Limits | undefined = undefined;
  line: Line | undefined = undefined;
  chunk: Chunk | undefined = undefined;
  slot = 0;

  constructor(units: number, tier?: object) {
    this.units = units;
    this.tier = tier;
  }

  /** The units have been taken for it. Only now is its guard made: a thread may have very many waiters. */
  granted(source: { newGuard(units: number): unknown }): void {
    this.resolve(source.newGuard(this.units));
  }
}

const ROOM = 64;

class Chunk {
  readonly entries: (Entry | undefined)[] = [];
  /** How many slots have been given out since the chunk was empty. */
  used = 0;
  live = 0;
  first = 0;
  previous: Chunk | undefined = undefined;
  next: Chunk | undefined = undefined;
}

// One empty chunk for the next line that needs one: few locks have waiters all the time, many now and then.
let spare: Chunk | undefined = new Chunk();

export class Line {
  length = 0;
  #head: Chunk | undefined = undefined;
  #tail: Chunk | undefined = undefined;

  /** Who came first. */
  get first(): Entry | undefined {
    const head = this.#head;
    return head === undefined ? undefined : head.entries[head.first];
  }

  /** Waits at the end of the line, for one unit and without limits. */
  wait(): Promise<unknown> {
    const promise = new Promise<unknown>(capture);
    this.#add(resolveLast);
    return promise;
  }

  /** Puts the waiter at the end. It stands in no other line. */
  append(waiter: Waiter): void {
    const chunk = this.#add(waiter);
    waiter.line = this;
    waiter.chunk = chunk;
    waiter.slot = chunk.used - 1;
  }

  /** Takes the first out. */
  shift(): void {
    const head = this.#head as Chunk;
    const first = head.entries[head.first];
    if (first instanceof Waiter) this.remove(first);
    else this.#vacate(head, head.first);
  }

  /** Takes the waiter out, wherever it stands. */
  remove(waiter: Waiter): void {
    this.#vacate(waiter.chunk as Chunk, waiter.slot);
    waiter.line = waiter.chunk = undefined;
    const { limits } = waiter;
    if (limits === undefined) return;
    waiter.limits = undefined;
    limits.lift();
  }

  /** Ends a wait that got nothing. */
  drop(waiter: Waiter, outcome: unknown): void {
    this.remove(waiter);
    waiter.resolve(outcome);
  }

  /** Ends the wait of the first, who cannot get what he wants: it rejects. */
  failFirst(why: unknown): void {
    const { first } = this;
    if (first === undefined) return;
    this.shift();
    const failure = Promise.reject(why);
    if (typeof first === 'function') first(failure);
    else first.resolve(failure);
  }

  /** What happens when a limit is reached. */
  giveUp(waiter: Waiter, refusal: Refusal): void {
    this.drop(waiter, refusal);
  }

  /** Everybody, in order. */
  *[Symbol.iterator](): Generator<Entry> {
    for (let chunk = this.#head; chunk !== undefined; chunk = chunk.next) {
      for (const entry of chunk.entries) if (entry !== undefined) yield entry;
    }
  }

  #add(entry: Entry): Chunk {
    let chunk = this.#tail;
    if (chunk === undefined || chunk.used === ROOM) chunk = this.#extend();
    if (chunk.used < chunk.entries.length) chunk.entries[chunk.used] = entry;
    else chunk.entries.push(entry);
    chunk.used++;
    chunk.live++;
    this.length++;
    return chunk;
  }

  #extend(): Chunk {
    const chunk = spare ?? new Chunk();
    spare = undefined;
    chunk.previous = this.#tail;
    if (this.#tail === undefined) this.#head = chunk;
    else this.#tail.next = chunk;
    return (this.#tail = chunk);
  }

  #vacate(chunk: Chunk, slot: number): void {
    chunk.entries[slot] = undefined;
    this.length--;
    if (--chunk.live === 0) this.#unlink(chunk);
    else while (chunk.entries[chunk.first] === undefined) chunk.first++;
  }

  #unlink(chunk: Chunk): void {
    const { previous, next } = chunk;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next === undefined) this.#tail = previous;
    else next.previous = previous;
    chunk.previous = chunk.next = undefined;
    chunk.used = chunk.first = 0;
    spare = chunk;
  }
}

/** How many units somebody wants. */
export function unitsOf(entry: Entry): number {
  return typeof entry === 'function' ? 1 : entry.units;
}

/** Whether he has been told to give up, even if he has not yet been taken out of the line. */
export function isAborted(entry: Entry): boolean {
  return typeof entry !== 'function' && entry.limits?.aborted === true;
}
