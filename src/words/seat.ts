/**
 * Waiting for a shared lock. A thread waits in its own row, so a wake-up reaches exactly the one who is meant, and an
 * asynchronous wait can be ended by waking oneself. One waiter of a thread stands here at most; those behind it
 * stand in the thread's queue.
 *
 *   state      who may change it
 *   Idle       -> Spinning, Parked: its owner, before it marks the lock's word with WAIT
 *   Spinning   -> Parked, Idle: its owner   -> Woken: whoever passes the lock on; both by compareExchange
 *   Parked     -> Idle: its owner           -> Woken: whoever passes the lock on, and then wakes it; likewise
 *   Woken      -> any: its owner, who must take the lock, or wait again, or pass the wake-up on
 *   Seeking    -> Idle, Woken: its owner, likewise; from Woken only (waiting.ts)
 *   Granted    -> Idle: its owner; from Spinning, Parked by whoever lets it in (rwlock.ts)
 *
 * Everybody waits in slices. A slice that ends without news is the time to ask whether those who should have acted
 * still live: no wake-up is lost for longer than that, whoever dies, and wherever.
 */
import { LockMisuseError } from '../errors.js';
import type { Turn } from '../outer.js';
import { slotLives, suspect } from './life.js';
import type { Memory, Woken } from './memory.js';
import { SEAT_STATE, SINCE, TICKET, WANT } from './row.js';

export const IDLE = 0;
export const SPINNING = 1;
export const PARKED = 2;
export const WOKEN = 3;
/** It has been woken, is awake now and then, and answers for those who sleep. */
export const SEEKING = 5;
/** Of a reader: it has been let in while it slept, and counts as reading from then on. */
export const GRANTED = 4;

// The words of a lock's slot.
/** What the lock is about; see each lock. */
export const WORD = 0;
/** Counts those who came to wait. */
export const TICKETS = 1;
/** What the lock was made with: of a mutex or a reader-writer lock whether it is fair (1), of a semaphore its permits. */
export const CONFIG = 3;

/** This thread's place at a lock of a block. */
export interface Place {
  readonly memory: Memory;
  /** The number of the lock in the block. */
  readonly lock: number;
  /** The name of this thread in the block. */
  readonly name: number;
  /** The number of this thread in the block. */
  readonly slot: number;
  /** What must be alive for the name to be. */
  readonly member?: object;
}

export class Seat {
  readonly place: Place;
  readonly memory: Memory;
  protected readonly words: Int32Array;
  /** The index of this thread's row. */
  protected readonly row: number;
  /** The index of the lock's slot. */
  protected readonly at: number;

  constructor(place: Place) {
    this.place = place;
    this.memory = place.memory;
    this.words = place.memory.words;
    this.row = place.memory.row(place.slot, place.lock);
    this.at = place.memory.slot(place.lock);
  }

  /** Takes a place in the order of arrival: a new one, or the one that we had. */
  protected arrive(had?: Turn): Turn {
    const { memory, row } = this;
    const turn = had ?? { ticket: Atomics.add(this.words, this.at + TICKETS, 1), since: memory.time() };
    memory.put(row + TICKET, turn.ticket);
    memory.put(row + SINCE, turn.since);
    return turn;
  }

  protected get state(): number {
    return Atomics.load(this.words, this.row + SEAT_STATE);
  }

  protected set state(state: number) {
    Atomics.store(this.words, this.row + SEAT_STATE, state);
  }

  /** Leaves the seat if nobody has woken us yet. */
  protected stand(): boolean {
    const at = this.row + SEAT_STATE;
    const state = this.state;
    return state !== WOKEN && Atomics.compareExchange(this.words, at, state, IDLE) === state;
  }

  /** Blocks until woken, or for `ms`; the state is Spinning or Parked. */
  protected sleep(ms: number, spins: number): Woken {
    const at = this.row + SEAT_STATE;
    if (this.state === SPINNING) {
      for (let i = 0; i < spins; i++) if (this.state !== SPINNING) return 'ok';
      if (Atomics.compareExchange(this.words, at, SPINNING, PARKED) !== SPINNING) return 'ok';
    }
    return this.memory.wait(at, PARKED, ms);
  }

  /** A promise of being woken, or undefined if we have been; the state is Parked. */
  sleepAsync(): Promise<unknown> | undefined {
    return this.memory.waitAsync(this.row + SEAT_STATE, PARKED);
  }

  /** Ends our own sleep: an asynchronous one cannot be cancelled, and would take the next wake-up for itself. */
  wakeUp(): void {
    this.memory.wake(this.row + SEAT_STATE);
  }

  /** The thread that has waited longest, among those whose want `suits`; -1 if there is none. */
  protected oldest(suits?: (want: number) => boolean): number {
    const { memory, words } = this;
    let found = -1;
    let first = 0;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      const state = Atomics.load(words, row + SEAT_STATE);
      if ((state !== PARKED && state !== SPINNING) || !slotLives(memory, slot)) continue;
      if (suits !== undefined && !suits(Atomics.load(words, row + WANT))) continue;
      const ticket = Atomics.load(words, row + TICKET);
      if (found === -1 || ((ticket - first) | 0) < 0) [found, first] = [slot, ticket];
    }
    return found;
  }

  /** Whether that thread, of those who wait, has waited too long to be passed. */
  protected isOld(slot: number): boolean {
    return this.memory.old(Atomics.load(this.words, this.memory.row(slot, this.place.lock) + SINCE));
  }

  /** Wakes that thread, unless it has been woken or does not wait any more. `how` is its new state. */
  protected rouse(slot: number, how: number = WOKEN): boolean {
    const { memory, words } = this;
    const at = memory.row(slot, this.place.lock) + SEAT_STATE;
    for (;;) {
      const state = Atomics.load(words, at);
      if (state !== PARKED && state !== SPINNING) return false;
      if (Atomics.compareExchange(words, at, state, how) !== state) continue;
      if (state === PARKED) memory.wake(at);
      return true;
    }
  }

  /** Wakes whoever has waited longest. */
  protected rouseNext(suits?: (want: number) => boolean): boolean {
    for (let slot = this.oldest(suits); slot !== -1; slot = this.oldest(suits)) {
      if (this.rouse(slot)) return true;
    }
    return false;
  }

  /** The place in the order of arrival of one who lives, was woken, and has not come yet. */
  protected ticketOfWoken(): number | undefined {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      if (Atomics.load(words, row + SEAT_STATE) === WOKEN && slotLives(memory, slot))
        return Atomics.load(words, row + TICKET);
    }
    return undefined;
  }

  /** Asks the system whether those who have this state live. */
  protected suspectAll(wanted: number): void {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const state = Atomics.load(words, memory.row(slot, this.place.lock) + SEAT_STATE);
      if (state === wanted) suspect(memory, slot);
    }
  }

  /** Whether any thread, as far as the words tell alive, has one of these states. */
  protected anybody(...states: number[]): boolean {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const state = Atomics.load(words, memory.row(slot, this.place.lock) + SEAT_STATE);
      if (states.includes(state) && slotLives(memory, slot)) return true;
    }
    return false;
  }
}

/** Words that do not say what they must: something else has written into the memory. */
export function overwritten(lock: string): LockMisuseError {
  return new LockMisuseError(`the shared words of the ${lock} were overwritten by something else`, { lock });
}
