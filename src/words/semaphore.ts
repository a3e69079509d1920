/**
 * A semaphore on shared words: how one takes permits, waits for them, and gives them back. Where the permits are, and
 * how those of the dead come back, is told in permits.ts; who is woken, and whom others may pass, in serving.ts.
 *
 * Who comes takes permits with one compareExchange, if there are as many as he wants, nobody counts them, and they
 * are not saved up for somebody. Else he waits: takes a place in the order of arrival, parks, sees to it that WAIT is
 * set or somebody seeks, and looks again after each of these steps, so that nothing which happens in between can be missed.
 *
 * `recovered` is never true: permits say how many may go on, and do not protect what only one may touch. (A semaphore
 * of one permit is no mutex in this.)
 */
import type { Outer, Turn } from '../outer.js';
import { COUNT_SHIFT, FROZEN, HANDOFF, WAIT } from './permits.js';
import { WANT } from './row.js';
import { IDLE, PARKED, SEEKING, WOKEN, WORD } from './seat.js';
import type { Place } from './seat.js';
import { Serving } from './serving.js';
import { FIRST_SLICE, NAPS } from './waiting.js';

// Nobody who has just come may take any.
const CLOSED = FROZEN | HANDOFF;
// See permits.ts.
const shift = COUNT_SHIFT;
const wait = WAIT;

/** How often a newcomer looks whether there are enough permits before it goes to sleep. */
const SPINS = 60;

export class SemaphoreWords extends Serving implements Outer {
  recovered = false;
  readonly fair = false;
  readonly others = 'another thread';
  readonly #spins: number;
  readonly #naps: number;
  #want = 0;

  constructor(place: Place, capacity: number, spins: number = SPINS, naps: number = NAPS) {
    super(place, capacity);
    this.#spins = spins;
    this.#naps = naps;
    if (this.attach()) this.serve();
  }

  /** How many permits are free. */
  get free(): number {
    let word = this.look();
    if (this.reclaim(word)) word = this.look();
    return (word & FROZEN) === 0 ? this.freeIn(word) : 0;
  }

  /** Whether somebody waits, as far as the word tells. */
  get awaited(): boolean {
    return (Atomics.load(this.words, this.at + WORD) & WAIT) !== 0;
  }

  /** Takes permits if that is possible now. */
  tryTake(units: number): boolean {
    const word = this.guess;
    if ((word & CLOSED) === 0 && (word >>> shift) + units <= this.capacity && this.move(word, units))
      return true;
    return this.#tryTakeSlowly(units);
  }

  #tryTakeSlowly(units: number): boolean {
    for (;;) {
      const word = this.look();
      if ((word & FROZEN) !== 0 || this.freeIn(word) < units) {
        if (!this.reclaim(word)) return false;
      } else if ((word & HANDOFF) === 0) {
        if (this.move(word, units)) return true;
      } else {
        this.serve();
        if ((this.look() & HANDOFF) !== 0) return false;
      }
    }
  }

  /** Takes permits, blocking this thread for at most `ms`. False if they did not come. */
  take(units: number, ms: number): boolean {
    return this.tryTake(units) || this.#wait(units, ms);
  }

  // Apart, so that the step before can be compiled into its callers.
  #wait(units: number, ms: number): boolean {
    if (this.#spin(units)) return true;
    this.begin(units);
    return this.outwait(ms, FIRST_SLICE, this.#naps);
  }

  // Not once somebody waits: then it would only be in his way.
  #spin(units: number): boolean {
    for (let i = 0; i <= this.#spins; i++) {
      const word = this.look();
      if ((word & CLOSED) === 0 && this.freeIn(word) >= units && this.move(word, units)) return true;
      if ((word & WAIT) !== 0) return false;
    }
    return false;
  }

  /** The first step of a wait; then `poll` until it is true, with sleep or other work in between; or `end`. */
  begin(units: number, turn?: Turn): Turn {
    this.#want = units;
    this.memory.put(this.row + WANT, units);
    return this.arrive(turn);
  }

  /** Takes the permits if they are ours to take, else sees to it that we shall be woken, or rests as a seeker. */
  poll(_looked?: boolean, resting: number = PARKED): boolean {
    let { state } = this;
    // Who has been awake answers for the others: what is too little for him may be enough for them.
    let serves = state !== IDLE && state !== PARKED;
    for (;;) {
      const word = this.look();
      if (this.#mayTake(word, state)) {
        if (!this.move(word, this.#want)) continue;
        this.state = IDLE;
        this.serve();
        return true;
      }
      if (state !== resting) {
        this.state = state = resting;
        // Perhaps the one has died for whom they are saved up, or we came before him and were late.
        serves ||= (word & HANDOFF) !== 0;
      } else if (serves) {
        serves = false;
        this.serve(word);
      } else if (state === PARKED && (word & WAIT) === 0 && !this.anybody(SEEKING)) {
        Atomics.compareExchange(this.words, this.at + WORD, word, word | WAIT);
      } else if (!this.reclaim(word)) {
        return false;
      }
    }
  }

  protected override get asks(): boolean {
    return this.isOld(this.place.slot) || (this.look() & HANDOFF) !== 0;
  }

  #mayTake(word: number, state: number): boolean {
    if ((word & FROZEN) !== 0 || this.freeIn(word) < this.#want) return false;
    return (word & HANDOFF) === 0 || state === WOKEN;
  }

  /** Gives up waiting. */
  end(): void {
    this.state = IDLE;
    this.serve();
  }

  /** Gives permits back. */
  give(units: number): void {
    while (!this.move(this.guess, -units));
    if ((this.guess & wait) !== 0) this.serve(this.guess);
  }
}
