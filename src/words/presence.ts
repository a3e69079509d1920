/** Who holds a lock and who waits for it, of all threads, as far as its words tell: to look at, not to act on. */
import { lives, NAME, rowLives, slotOf } from './life.js';
import { HELD, SEAT_STATE, SINCE, WANT } from './row.js';
import { IDLE, WORD } from './seat.js';
import type { Place } from './seat.js';
import { readTaken } from './taken.js';
import type { Taken } from './taken.js';

/** A thread that has to do with a lock. */
export interface Present {
  /** The kernel's number of it. */
  readonly thread: number;
  /** How it holds the lock; undefined if it does not. Of a semaphore: how many permits. */
  readonly holds: 'exclusive' | number | undefined;
  /** Since when it has the lock alone, if it says so. */
  readonly taken: Taken | undefined;
  /** For how many ms it has waited; undefined if it does not. */
  readonly waits: number | undefined;
  /** If it does: what for; see each lock. */
  readonly wants: number;
}

/** `owned`: the lock's word names who has it alone. `shift`: how many bits of HELD count nothing. */
export function presence({ memory, lock }: Place, owned: boolean, shift: number): Present[] {
  const { words } = memory;
  const word = owned ? Atomics.load(words, memory.slot(lock) + WORD) : 0;
  const owner = (word & NAME) !== 0 && lives(memory, word) ? slotOf(word) : -1;
  const found: Present[] = [];
  for (let slot = 0, end = memory.joined; slot < end; slot++) {
    const row = memory.row(slot, lock);
    const living = rowLives(memory, slot, row);
    const held = living ? Atomics.load(words, row + HELD) >> shift : 0;
    const waits = living && Atomics.load(words, row + SEAT_STATE) !== IDLE;
    // Who has the word and waits waits for readers to leave.
    const holds = slot === owner && !waits ? 'exclusive' : held > 0 ? held : undefined;
    if (holds === undefined && !waits) continue;
    const since = (memory.time() - Atomics.load(words, row + SINCE)) | 0;
    const wants = Atomics.load(words, row + WANT);
    const thread = Atomics.load(words, memory.life + 2 * slot);
    const taken = holds === 'exclusive' ? readTaken(memory, slot, lock) : undefined;
    found.push({ thread, holds, taken, waits: waits ? Math.max(0, since / 4) : undefined, wants });
  }
  return found;
}
