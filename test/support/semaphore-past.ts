/** What the words of a shared semaphore look like after something has happened: who holds, who has died, and how. */
import { DEAD } from '../../src/words/life.js';
import { FREEZER, FROZEN, HANDOFF, WAIT } from '../../src/words/permits.js';
import { GENERATION, HELD, SEAT_STATE, WANT } from '../../src/words/row.js';
import { PARKED, TICKETS, WORD } from '../../src/words/seat.js';
import { Memory } from '../../src/words/memory.js';
import { placeOf } from './words.js';

/** What has happened before. Rows count only where somebody may die: `mortal`. */
export interface Past {
  /** How many permits each thread holds. */
  readonly holds?: readonly number[];
  /** Who of them has died, and whether he was counting. */
  readonly dead?: number;
  readonly counting?: boolean;
  /** In whose place another thread has died that held those permits. */
  readonly heir?: number;
  /** Who has died, which nobody knows, waiting for all permits: they are saved up for him. */
  readonly awaited?: number;
  /** Marks that have remained. */
  readonly marks?: number;
}

/** Writes it down. */
export function remember(
  memory: Memory,
  capacity: number,
  past: Past,
  set: (index: number, value: number) => void,
): void {
  const { holds = [], dead, counting = false, heir, awaited, marks = 0 } = past;
  let word = marks;
  for (const [slot, permits] of holds.entries()) {
    word += permits << 3;
    set(memory.row(slot, 0) + HELD, 2 * permits);
  }
  if (dead !== undefined) set(memory.life + 2 * dead, DEAD);
  if (dead !== undefined && counting) {
    word |= FROZEN;
    set(memory.slot(0) + FREEZER, placeOf(memory, dead).name);
  }
  if (heir !== undefined) set(memory.row(heir, 0) + GENERATION, 0);
  if (awaited !== undefined) {
    word |= WAIT | HANDOFF;
    set(memory.row(awaited, 0) + SEAT_STATE, PARKED);
    set(memory.row(awaited, 0) + WANT, capacity);
    set(memory.slot(0) + TICKETS, 1);
    set(Memory.size(memory.layout) + awaited, 1);
  }
  set(memory.slot(0) + WORD, word);
}
