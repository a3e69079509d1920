/**
 * A mutex on shared words: how one takes it, and waits for it. Who has it, and who is next, is told in ownership.ts.
 *
 * A newcomer looks for a moment whether the lock comes free, then goes to sleep. Who was woken, and in vain, seeks
 * (waiting.ts). Once it has waited for a millisecond it asks: it parks, sets WAIT, and is handed the lock.
 *
 * Who is awake, Woken or Seeking, answers for those who sleep, also for those who park while he seeks: he sets WAIT
 * when he takes the lock, sets it when he must wait again, and passes on what he cannot use. If he dies, the others'
 * slices end; then they ask for themselves. Who takes the lock without having waited answers for nobody.
 */
import { SLICE } from '../outer.js';
import type { Outer, Turn } from '../outer.js';
import { lives, NAME, slotOf, suspect } from './life.js';
import { HANDOFF, Ownership, WAIT } from './ownership.js';
import { PASSED } from './row.js';
import { IDLE, PARKED, SEEKING, SPINNING, WOKEN } from './seat.js';
import type { Place } from './seat.js';
import { FIRST_SLICE, NAPS } from './waiting.js';

/** How often a newcomer looks at a held lock before it goes to sleep. */
const SPINS = 60;
/** In a fair lock: how often one looks at one's own seat. Some 20 microseconds, half of what a wake-up costs. */
const FAIR_SPINS = 2500;
/**
 * After so many slices in which the one to whom the lock was handed over did not take it, it is anybody's: a thread that
 * is woken may be blocked by something else, perhaps by us.
 */
const PATIENCE = 2;
const FAIR_PATIENCE = 10;

export interface Spins {
  readonly lock: number;
  readonly seat: number;
  readonly naps: number;
}

export class MutexWords extends Ownership implements Outer {
  protected readonly spins: Spins;
  /** For how many slices the lock has been nobody's, as far as we have seen, and for whom it was (his ticket). */
  #idleSlices = 0;
  #idleFor: number | undefined = undefined;
  /** Whether those who are awake may answer for us: not after a slice without news. */
  #trusts = true;

  constructor(place: Place, fair: boolean, spins: Spins = { lock: SPINS, seat: FAIR_SPINS, naps: NAPS }) {
    super(place, fair);
    this.spins = spins;
  }

  /** Takes it if that is possible now. */
  tryTake(_units: number): boolean {
    return this.tryTakeWord();
  }

  /** Takes it, blocking this thread for at most `ms`. False if it did not come. */
  take(units: number, ms: number): boolean {
    return this.tryTake(units) || this.wait(units, ms);
  }

  // Apart, so that the step before can be compiled into its callers.
  protected wait(units: number, ms: number): boolean {
    if (this.spin(units)) return true;
    this.begin(units);
    // Who is next in a fair lock does not go to sleep; the others would only keep the holder from its core.
    const resting = this.fair && this.spins.seat > 0 && this.oldest() === -1 ? SPINNING : PARKED;
    return this.outwait(ms, this.fair ? SLICE : FIRST_SLICE, this.spins.naps, resting, this.spins.seat);
  }

  protected override seek(deadline: number, naps: number): boolean {
    if (this.fair || this.state !== WOKEN) return false;
    if (super.seek(deadline, naps)) return true;
    this.state = WOKEN;
    return false;
  }

  protected override get asks(): boolean {
    return this.isOld(this.place.slot) && !this.handedLately;
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
    this.#trusts = true;
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
        // Who has only just come answers for nobody.
        if (!this.seize(word, state === IDLE ? word & WAIT : WAIT)) continue;
        this.state = IDLE;
        return true;
      }
      if (state !== PARKED && state !== SPINNING && state !== SEEKING) this.#rest(state, (state = resting));
      else if (state === SEEKING) return false;
      else if ((word & WAIT) !== 0 || (this.#trusts && this.anybody(SEEKING)) || this.mark(word))
        return false;
    }
  }

  #rest(from: number, resting: number): void {
    if (from === WOKEN) {
      this.memory.put(this.row + PASSED, 1);
      this.#trusts = false;
    }
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
    this.#trusts = false;
    const word = Atomics.load(this.words, this.at);
    if ((word & NAME) !== 0) {
      suspect(this.memory, slotOf(word));
      this.#idleSlices = 0;
      return false;
    }
    this.suspectAll(WOKEN);
    this.suspectAll(SEEKING);
    const woken = this.ticketOfWoken();
    if (this.#idleSlices > 0 && woken === this.#idleFor) this.#idleSlices += slices;
    // It may have been handed over just now; to pass somebody then matters in a fair lock only.
    else [this.#idleSlices, this.#idleFor] = [this.fair ? 1 : slices, woken];
    // Nobody is woken in the middle of a hand-over either, but not for so long as to be seen twice.
    if (woken === undefined) return !this.fair || this.#idleSlices > slices;
    return this.#idleSlices >= (this.fair ? FAIR_PATIENCE : PATIENCE);
  }
}
