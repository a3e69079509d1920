/**
 * Who has a mutex: one word, which says who holds it, and two marks.
 *
 *   name      marks            state
 *   0         -                free
 *   0         HANDOFF          nobody's, but only one who has been woken may take it (or one who has looked around
 *                              and seen that nobody comes)
 *   of T      -                held by T; free if T is dead
 *   any       WAIT             somebody may be waiting: whoever passes the lock on has to look
 *
 * Who may change what: anybody may take a free word, or one whose holder is dead, by compareExchange; anybody may
 * set WAIT in a word that is not free; all else is the holder's, or after HANDOFF the business of whoever was woken.
 *
 * Usually the lock is thrown open and the longest waiter woken: until it has come, others may take it, which makes
 * a contended lock ten to a thousand times as fast as an orderly one. But to whoever has waited for a millisecond and
 * was woken in vain the lock is handed over; only not right after somebody else was handed it, because a hand-over
 * costs as much as dozens of turns. In a fair lock it is handed over always.
 *
 * Why no wake-up is lost: a waiter first shows itself (Parked), then sees the word with WAIT in it. Whoever finds
 * nobody waiting takes WAIT away first and then looks again: so either he sees the waiter, or the waiter sees a word
 * without WAIT. When the lock is thrown open WAIT goes away, although others may be parked: the one who is woken
 * answers for them, see mutex.ts.
 *
 * Word of the slot besides: HANDED, when the lock was last handed over. A hint; whoever has the lock writes it.
 */
import { lives, NAME } from './life.js';
import { PASSED } from './row.js';
import { overwritten, PARKED, SPINNING, WOKEN } from './seat.js';
import type { Place } from './seat.js';
import { Waiting } from './waiting.js';

export const WAIT = 1;
export const HANDOFF = 2;

export const HANDED = 6;

export abstract class Ownership extends Waiting {
  /** Whether the thread that held what was taken last has died holding it. */
  recovered = false;
  readonly others = 'another thread';
  protected readonly name: number;
  readonly #fair: boolean;
  /** The name of the dead one from whom it was taken last. */
  protected dead = 0;

  constructor(place: Place, fair: boolean) {
    super(place);
    this.name = place.name;
    this.#fair = fair;
  }

  /** Whether it goes round in strict order of arrival. */
  get fair(): boolean {
    return this.#fair;
  }

  /** Whether somebody holds it who lives, as far as the words tell. */
  get held(): boolean {
    const word = Atomics.load(this.words, this.at);
    return (word & NAME) !== 0 && lives(this.memory, word);
  }

  /** Whether this thread holds it. */
  get ours(): boolean {
    return (Atomics.load(this.words, this.at) & NAME) === this.name;
  }

  /** Whether somebody waits, as far as the word tells. */
  get awaited(): boolean {
    return (Atomics.load(this.words, this.at) & WAIT) !== 0;
  }

  protected tryTakeWord(): boolean {
    return Atomics.compareExchange(this.words, this.at, 0, this.name) === 0 || this.#tryTakeMarked();
  }

  #tryTakeMarked(): boolean {
    for (;;) {
      const word = Atomics.load(this.words, this.at);
      if (!this.isOpen(word)) return false;
      if (this.seize(word, word & WAIT)) return true;
    }
  }

  /** Whether a newcomer may take the word. */
  protected isOpen(word: number): boolean {
    if ((word & NAME) !== 0) return !lives(this.memory, word);
    return (word & HANDOFF) === 0 || !this.anybody(PARKED, SPINNING, WOKEN);
  }

  protected seize(word: number, mark: number): boolean {
    if (Atomics.compareExchange(this.words, this.at, word, this.name | mark) !== word) return false;
    if ((word & NAME) !== 0) {
      this.dead = word & NAME;
      this.recovered = this.diedInside(this.dead);
    }
    return true;
  }

  /** Whether the one who died holding the word can have been inside. */
  protected diedInside(_name: number): boolean {
    return true;
  }

  /** Gives it back. */
  give(_units: number): void {
    if (this.recovered) this.giveUntold();
    else this.giveWord();
  }

  /** Nobody has been told of the death: the next one takes it from the dead one, too. */
  protected giveUntold(): void {
    if (!this.ours) throw overwritten('mutex');
    this.recovered = false;
    Atomics.store(this.words, this.at, this.dead | WAIT);
    this.rouseNext();
  }

  protected giveWord(): void {
    const at = this.at;
    if (Atomics.compareExchange(this.words, at, this.name, 0) !== this.name) this.giveMarked();
  }

  /** Gives back a word with WAIT in it. */
  protected giveMarked(): void {
    const at = this.at;
    if (!this.ours) throw overwritten('mutex');
    for (;;) {
      let next = this.oldest();
      if (next === -1) {
        Atomics.store(this.words, at, this.name);
        next = this.oldest();
      }
      if (next === -1) {
        if (Atomics.compareExchange(this.words, at, this.name, 0) === this.name) return;
        continue;
      }
      const due = this.isDue(next);
      if (due && !this.fair) this.memory.put(this.at + HANDED, this.memory.time());
      Atomics.store(this.words, at, due ? HANDOFF | WAIT : 0);
      if (!this.rouse(next)) this.passOn();
      return;
    }
  }

  /** Whether the lock must be handed to that thread: it has been woken in vain, and has waited for long. */
  protected isDue(slot: number): boolean {
    if (this.fair) return true;
    const row = this.memory.row(slot, this.place.lock);
    return Atomics.load(this.words, row + PASSED) !== 0 && this.isOld(slot) && !this.handedLately;
  }

  /** Somebody was woken, or should have been, and does not take the lock: see to it that another one does. */
  protected passOn(): void {
    const at = this.at;
    for (;;) {
      const word = Atomics.load(this.words, at);
      if ((word & NAME) !== 0) {
        if ((word & WAIT) !== 0 || this.mark(word)) return;
      } else if (this.rouseNext() || (word & HANDOFF) === 0) {
        return;
      } else if ((word & WAIT) !== 0) {
        Atomics.compareExchange(this.words, at, word, HANDOFF);
      } else if (Atomics.compareExchange(this.words, at, HANDOFF, 0) === HANDOFF) {
        return;
      }
    }
  }

  /** Sets WAIT, if the word is still the same. */
  protected mark(word: number): boolean {
    return Atomics.compareExchange(this.words, this.at, word, word | WAIT) === word;
  }

  /** Whether somebody has just been handed it: then the next one can wait a little. */
  protected get handedLately(): boolean {
    return Atomics.load(this.words, this.at + HANDED) === this.memory.time();
  }
}
