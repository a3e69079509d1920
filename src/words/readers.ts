/**
 * Those who read: for each thread a count of its readers in its own row, which nobody else writes. So readers of two
 * threads share no cache line that any of them writes; in return whoever wants to know of them looks at every row.
 *
 *   row: HELD        how many readers the thread has
 *        SEAT_STATE  Granted counts as one more: it was let in while it slept
 *        WANT        whom the seat is for: Read, Write, or Drain
 *   slot: DRAINER    the name of the writer who waits for readers to leave, so that they wake it; 0 if none. Only who
 *                    has the mutex writes it.
 *
 * The row of a dead thread does not count, whatever it says.
 */
import { generationOf, NAME, rowLives, slotOf, suspect } from './life.js';
import { MutexWords } from './mutex.js';
import type { Spins } from './mutex.js';
import { GENERATION, HELD, SEAT_STATE, TICKET, WANT } from './row.js';
import { GRANTED, IDLE, PARKED, SPINNING, WORD } from './seat.js';
import type { Place } from './seat.js';

export const DRAINER = 4;

// Whom a seat is for.
export const READ = 1;
export const WRITE = 2;
/** A writer who has the mutex already: nobody passes it on to him. */
export const DRAIN = 3;
export const isReader = (want: number): boolean => want === READ;

export class Readers extends MutexWords {
  /** What stands in our row. */
  protected reading = 0;

  constructor(place: Place, fair: boolean, spins?: Spins) {
    super(place, fair, spins);
    const generation = generationOf(place.name);
    if (Atomics.load(this.words, this.row + GENERATION) === generation) return;
    // The last one in this life slot may have died reading.
    Atomics.store(this.words, this.row + HELD, 0);
    Atomics.store(this.words, this.row + GENERATION, generation);
    this.wakeDrainer();
  }

  /** How many readers there are in all threads. */
  get readers(): number {
    let readers = 0;
    this.eachRow((held, state) => void (readers += held + (state === GRANTED ? 1 : 0)));
    return readers;
  }

  /** Whether a writer is inside. */
  get writing(): boolean {
    const name = Atomics.load(this.words, this.at + WORD) & NAME;
    return name !== 0 && name !== Atomics.load(this.words, this.at + DRAINER);
  }

  /** In how many other threads a writer waits. */
  get waitingWriters(): number {
    let waiting = 0;
    this.eachRow((_, state, slot, row) => {
      const want = Atomics.load(this.words, row + WANT);
      if (slot !== this.place.slot && state !== IDLE && (want === WRITE || want === DRAIN)) waiting++;
    });
    return waiting;
  }

  protected count(readers: number): void {
    this.reading = readers;
    Atomics.store(this.words, this.row + HELD, readers);
  }

  protected uncount(readers: number): void {
    this.count(readers);
    if (readers === 0) this.wakeDrainer();
  }

  protected wakeDrainer(): void {
    const drainer = Atomics.load(this.words, this.at + DRAINER);
    if (drainer !== 0) this.rouse(slotOf(drainer));
  }

  /** Whether nobody reads, but for one thread perhaps. */
  protected drained(except: number = -1): boolean {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      // In this order: a reader who was let in counts itself before it leaves its seat.
      const reads = Atomics.load(words, row + SEAT_STATE) === GRANTED || Atomics.load(words, row + HELD) > 0;
      if (reads && slot !== except && rowLives(memory, slot, row)) return false;
    }
    return true;
  }

  /** Asks the system about all who read. */
  protected suspectReaders(): void {
    this.eachRow((held, state, slot) => {
      if (held > 0 || state === GRANTED) suspect(this.memory, slot);
    });
  }

  /** Lets all waiting readers in if one of them must not wait longer; in a fair lock, those before that writer. */
  protected letReadersIn(writer: number): void {
    const { memory, words } = this;
    const reader = this.oldest(isReader);
    if (reader === -1) return;
    if (!this.fair) {
      if (!this.isOld(reader)) return;
      this.#grant(() => true);
      return;
    }
    const ticket = (slot: number): number => Atomics.load(words, memory.row(slot, this.place.lock) + TICKET);
    const limit = writer === -1 ? undefined : ticket(writer);
    this.#grant((slot) => limit === undefined || ((ticket(slot) - limit) | 0) < 0);
  }

  #grant(suits: (slot: number) => boolean): void {
    this.eachRow((_, state, slot, row) => {
      if (state !== PARKED && state !== SPINNING) return;
      if (isReader(Atomics.load(this.words, row + WANT)) && suits(slot)) this.rouse(slot, GRANTED);
    });
  }

  /** Wakes all readers who wait. */
  protected rouseReaders(): void {
    this.eachRow((_, state, slot, row) => {
      if (state !== IDLE && isReader(Atomics.load(this.words, row + WANT))) this.rouse(slot);
    });
  }

  /** The rows of those who live. */
  protected eachRow(look: (held: number, state: number, slot: number, row: number) => void): void {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      const state = Atomics.load(words, row + SEAT_STATE);
      const held = Atomics.load(words, row + HELD);
      if ((held !== 0 || state !== IDLE) && rowLives(memory, slot, row)) look(held, state, slot, row);
    }
  }
}
