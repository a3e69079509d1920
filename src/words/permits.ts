/**
 * The permits of a shared semaphore: how many are taken, by whom, and how those of the dead come back.
 *
 *   the lock's word   29 bits   how many permits are taken: all zeroes are a semaphore that nobody has used
 *                     FROZEN    they are being counted: nobody takes any, and the number only falls
 *                     WAIT, HANDOFF   see serving.ts
 *   a thread's row    HELD      twice the number that the thread holds; odd (PENDING) while it takes or gives some
 *                     GENERATION      that of the thread that the row belongs to
 *   FREEZER           0 | the name of who counts
 *
 * Who may change what: of its row, the owner everything; once he is dead, whoever counts sets HELD to 0, and whoever
 * has the life slot after him takes the row over when it is 0. Of the word, anybody may move permits between it and
 * his own row; whoever counts sets FROZEN and takes it away. FREEZER: from 0, or from the name of a dead thread, to
 * one's own name by compareExchange, and back by the same one.
 *
 * A thread may die between its change of the word and that of its row, so no sum of the two is sure. Therefore the
 * rows are the truth, and the word is only derived from them: when a thread has died holding, or PENDING, the word is
 * counted anew. The row costs next to nothing, because nobody else writes it: two plain stores around the one atomic
 * operation, which is what publishes them.
 *
 * Why a count is right. From the moment at which the word is FROZEN no take succeeds. One that did before is seen as
 * PENDING at least: the row was PENDING before the word was changed. So once a row is seen that is not PENDING, it
 * changes only by a give. A give does not care about FROZEN, it changes the word in any case: if that was before the
 * count could be written, then the count is not written (the word has changed, and it cannot change back, because
 * gives only subtract) but begun again, and sees the row PENDING or changed. If it was after, the give changes the
 * new count, in which its permits were still held. Nobody who gives or tries has to wait for whoever counts.
 *
 * If whoever counts dies, the word stays FROZEN. Whoever finds it so takes FREEZER over and counts again; all he has
 * to know is in the rows.
 */
import { generationOf, lives, rowLives, slotOf, suspect } from './life.js';
import { GENERATION, HELD } from './row.js';
import { overwritten, WORD } from './seat.js';
import type { Place } from './seat.js';
import { Waiting } from './waiting.js';

export const WAIT = 1;
export const HANDOFF = 2;
export const FROZEN = 4;
export const MARKS: number = WAIT | HANDOFF;
export const COUNT_SHIFT = 3;

/** The word of the lock's slot that says who counts. */
export const FREEZER = 4;

export const PENDING = 1;

/** How often one sleeps for a millisecond until a row is not PENDING any more, which takes some nanoseconds. */
const NAPS = 10_000;

// For the fast path: a constant that a module exports or imports is a variable to V8, and is loaded every time.
const word0 = WORD;
const shift = COUNT_SHIFT;
const pending = PENDING;

export abstract class Permits extends Waiting {
  readonly capacity: number;
  protected readonly name: number;
  /** What this thread's row says in HELD when it is not PENDING, and where that is. */
  protected mine = 0;
  protected readonly heldAt: number;
  /** The word as this thread has seen it last: often it still is that, and needs not be read. */
  protected guess = 0;

  constructor(place: Place, capacity: number) {
    super(place);
    this.name = place.name;
    this.capacity = capacity;
    this.heldAt = this.row + HELD;
  }

  /** Takes the row over. True if an earlier thread in our place had died holding permits, and they have come back. */
  protected attach(): boolean {
    const { words, row, heldAt } = this;
    const generation = generationOf(this.name);
    let held = Atomics.load(words, heldAt);
    if (Atomics.load(words, row + GENERATION) === generation) {
      this.mine = held;
      if (held !== 0) this.guess = this.look();
      return false;
    }
    let counted = false;
    for (; held !== 0; held = Atomics.load(words, heldAt)) {
      if (this.recount()) counted = true;
      else this.memory.wait(heldAt, held, 1);
    }
    Atomics.store(words, row + GENERATION, generation);
    return counted;
  }

  /** The lock's word. */
  protected look(): number {
    const word = Atomics.load(this.words, this.at + WORD);
    if (word >>> COUNT_SHIFT > this.capacity) throw overwritten('semaphore');
    return word;
  }

  /** How many permits are free, by that word. */
  protected freeIn(word: number): number {
    return this.capacity - (word >>> COUNT_SHIFT);
  }

  /** Takes so many permits, or gives them back if `units` is negative, provided that this is what the word says. */
  protected move(word: number, units: number): boolean {
    const { memory, mine, heldAt } = this;
    const next = (word + (units << shift)) | 0;
    if (next >>> shift > this.capacity) throw overwritten('semaphore');
    memory.put(heldAt, mine | pending);
    const found = Atomics.compareExchange(memory.words, this.at + word0, word, next);
    if (found !== word) return this.#miss(found);
    this.guess = next;
    memory.put(heldAt, (this.mine = mine + (units << 1)));
    return true;
  }

  #miss(found: number): false {
    this.guess = found;
    this.memory.put(this.heldAt, this.mine);
    return false;
  }

  /** Whether the dead hold permits, as far as the words tell who is dead. */
  protected get bereaved(): boolean {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      if (row !== this.row && Atomics.load(words, row + HELD) !== 0 && !rowLives(memory, slot, row))
        return true;
    }
    return false;
  }

  /** Asks the system about all who hold permits, and about whoever counts them. */
  protected suspectHolders(): void {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      if (row !== this.row && Atomics.load(words, row + HELD) !== 0) suspect(memory, slot);
    }
    const freezer = Atomics.load(words, this.at + FREEZER);
    if (freezer !== 0) suspect(memory, slotOf(freezer));
  }

  /** Sets the word by the rows of the living. False if another one is at it. */
  protected recount(): boolean {
    const { words } = this;
    const at = this.at + FREEZER;
    const freezer = Atomics.load(words, at);
    if (freezer !== 0 && lives(this.memory, freezer)) return false;
    if (Atomics.compareExchange(words, at, freezer, this.name) !== freezer) return false;
    try {
      let word = Atomics.or(words, this.at + WORD, FROZEN) | FROZEN;
      for (let seen = 0; seen !== word;) {
        seen = word;
        word = Atomics.compareExchange(
          words,
          this.at + WORD,
          seen,
          (this.#taken() << COUNT_SHIFT) | (seen & MARKS),
        );
      }
    } finally {
      Atomics.store(words, at, 0);
    }
    return true;
  }

  #taken(): number {
    let taken = 0;
    for (let slot = 0, end = this.memory.joined; slot < end; slot++) taken += this.settled(slot);
    if (taken > this.capacity) throw overwritten('semaphore');
    return taken;
  }

  /** How many permits a thread holds; what a dead one holds is taken from it. */
  protected settled(slot: number): number {
    const { memory, words } = this;
    const row = memory.row(slot, this.place.lock);
    for (let naps = 0; naps < NAPS; naps++) {
      const held = Atomics.load(words, row + HELD);
      if (held === 0) return 0;
      if (!rowLives(memory, slot, row)) {
        Atomics.compareExchange(words, row + HELD, held, 0);
        memory.wake(row + HELD);
        return 0;
      }
      if ((held & PENDING) === 0) return held >> 1;
      memory.wait(row + HELD, held, 1);
      suspect(memory, slot);
    }
    throw overwritten('semaphore');
  }
}
