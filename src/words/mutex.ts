/**
 * A mutex in one word: who holds it, and two marks.
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
 * a contended lock ten to a thousand times as fast as an orderly one. But whoever has waited for a millisecond and
 * been woken in vain is not passed any more: the lock is then handed over, and he is awake already, so that costs
 * next to nothing. In a fair lock it is handed over always.
 *
 * Why no wake-up is lost: a waiter first shows itself (Parked), then sees the word with WAIT in it. Whoever finds
 * nobody waiting takes WAIT away first and then looks again: so either he sees the waiter, or the waiter sees a word
 * without WAIT. When the lock is thrown open WAIT goes away, although others may be parked: the one who is woken
 * answers for them. He sets WAIT when he takes the lock, sets it when he must wait again, and passes on what he
 * cannot use. If he dies, the others' slices end.
 */
import { LockMisuseError } from '../errors.js';
import { SLICE } from '../outer.js';
import type { Outer, Turn } from '../outer.js';
import { lives, NAME, slotOf, suspect } from './life.js';
import { PASSED } from './row.js';
import { IDLE, PARKED, Seat, SPINNING, WOKEN } from './seat.js';
import type { Place } from './seat.js';

export const WAIT = 1;
export const HANDOFF = 2;

/** How often a newcomer looks at a held lock before it goes to sleep. */
const SPINS = 60;
/** In a fair lock: how often one looks at one's own seat. Some 20 microseconds, half of what a wake-up costs. */
const FAIR_SPINS = 2500;
/**
 * After so many slices in which a lock that was handed over was not taken, it is anybody's: a thread that is woken may
 * be blocked by something else, perhaps by us.
 */
const PATIENCE = 2;
const FAIR_PATIENCE = 10;

export interface Spins {
  readonly lock: number;
  readonly seat: number;
}

export class MutexWords extends Seat implements Outer {
  /** Whether the thread that held what was taken last has died holding it. */
  recovered = false;
  readonly fair: boolean;
  protected readonly name: number;
  protected readonly spins: Spins;
  #idleSlices = 0;
  /** The name of the dead one from whom it was taken last. */
  protected dead = 0;

  constructor(place: Place, fair: boolean, spins: Spins = { lock: SPINS, seat: FAIR_SPINS }) {
    super(place);
    this.name = place.name;
    this.fair = fair;
    this.spins = spins;
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

  /** Takes it if that is possible now. */
  tryTake(_units: number): boolean {
    return this.tryTakeWord();
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

  /** Takes it, blocking this thread for at most `ms`. False if it did not come. */
  take(units: number, ms: number): boolean {
    if (this.tryTake(units) || this.spin(units)) return true;
    const deadline = ms === Infinity ? Infinity : this.memory.now() + ms;
    this.begin(units);
    let looked = false;
    // Whoever has been woken is awake now, and the lock will soon be handed to him: he need not sleep again for it.
    let awake = this.fair;
    while (!this.poll(looked, awake && this.spins.seat > 0 ? SPINNING : PARKED)) {
      const left = deadline === Infinity ? Infinity : deadline - this.memory.now();
      if (left <= 0) {
        this.end();
        return false;
      }
      const ending = this.sleep(Math.min(left, SLICE), this.spins.seat);
      awake = this.fair || ending !== 'timed-out';
      looked = ending === 'timed-out' && this.lookAround();
    }
    return true;
  }

  // Not once somebody waits: then a free lock is his.
  protected spin(units: number): boolean {
    if (this.fair) return false;
    for (let i = 0; i < this.spins.lock; i++) {
      const word = Atomics.load(this.words, this.at);
      if (word === 0 && this.tryTake(units)) return true;
      if ((word & WAIT) !== 0) return false;
    }
    return false;
  }

  /** The first step of a wait; then `poll` until it is true, with sleep or other work in between; or `end`. */
  begin(_units: number, turn?: Turn): Turn {
    this.memory.put(this.row + PASSED, 0);
    this.#idleSlices = 0;
    return this.arrive(turn);
  }

  /** Takes the lock if it is ours to take, else sees to it that we shall be woken. `looked`: see `lookAround`. */
  poll(looked: boolean, resting: number = PARKED): boolean {
    let state = this.state;
    for (;;) {
      const word = Atomics.load(this.words, this.at);
      const open =
        (word & NAME) === 0 ? (word & HANDOFF) === 0 || state === WOKEN || looked : !lives(this.memory, word);
      if (open) {
        if (!this.seize(word, WAIT)) continue;
        this.state = IDLE;
        return true;
      }
      if (state !== PARKED && state !== SPINNING) this.#rest(state, (state = resting));
      else if ((word & WAIT) !== 0 || this.mark(word)) return false;
    }
  }

  #rest(from: number, resting: number): void {
    if (from === WOKEN) this.memory.put(this.row + PASSED, 1);
    this.state = resting;
  }

  /** Gives up waiting. */
  end(): void {
    if (this.stand()) return;
    this.state = IDLE;
    this.passOn();
  }

  /** Asks the system about those we wait for. True if a lock that was handed over may be taken by anybody now. */
  lookAround(slices: number = 1): boolean {
    const word = Atomics.load(this.words, this.at);
    if ((word & NAME) !== 0) {
      suspect(this.memory, slotOf(word));
      this.#idleSlices = 0;
      return false;
    }
    this.suspectAll(WOKEN);
    // Nobody is woken in the middle of a hand-over either, but not for so long as to be seen twice.
    this.#idleSlices += slices;
    if (!this.anybody(WOKEN)) return !this.fair || this.#idleSlices > slices;
    return this.#idleSlices >= (this.fair ? FAIR_PATIENCE : PATIENCE);
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
      Atomics.store(this.words, at, this.isDue(next) ? HANDOFF | WAIT : 0);
      if (!this.rouse(next)) this.passOn();
      return;
    }
  }

  /** Whether the lock must be handed to that thread: it has been woken in vain, and has waited for long. */
  protected isDue(slot: number): boolean {
    if (this.fair) return true;
    const row = this.memory.row(slot, this.place.lock);
    return Atomics.load(this.words, row + PASSED) !== 0 && this.isOld(slot);
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
}

/** Words that do not say what they must: something else has written into the memory. */
export function overwritten(lock: string): LockMisuseError {
  return new LockMisuseError(`the shared words of the ${lock} were overwritten by something else`, { lock });
}
