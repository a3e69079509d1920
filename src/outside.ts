/**
 * A queue's dealings with what lies outside of its thread (outer.ts): who climbs there for it, how often what was taken
 * outside may go round inside, and when somebody who does not wait may have the others looked at.
 *
 * Invariant: somebody climbs if and only if `units` is not 0.
 */
import { Climb } from './climb.js';
import type { Outer } from './outer.js';

/** How long, and how often, what was taken outside may go round in this thread while others wait for it. */
export interface Bound {
  readonly ms: number;
  readonly grants: number;
}
export const BOUND: Bound = { ms: 10, grants: 256 };
/** In ms. */
const LOOK_EVERY = 10;

export class Outside {
  readonly #outer: Outer;
  readonly #climb: Climb;
  /** How often, and since when, units have been passed on inside although others waited. */
  #passes = 0;
  #passingSince = 0;
  /** Whether they have gone round for as long as they may. */
  #exhausted = false;
  /** When the others may next be looked at by one who does not wait. */
  #nextLook = 0;

  constructor(outer: Outer, arrived: (units: number) => void, failed: (error: unknown) => void) {
    this.#outer = outer;
    this.#climb = new Climb(outer, arrived, failed);
  }

  /** Gets units for somebody: true if they are there, else they arrive later. */
  get(units: number, who: object): boolean {
    if (this.#climb.units === units) {
      this.#climb.goOnFor(who);
      return false;
    }
    this.#climb.stop();
    return this.#climb.start(units, who);
  }

  /**
   * Nobody wants what was climbed for, or not now, or the thread is about to be blocked and has one place to stand at.
   * Whoever climbed keeps his turn.
   */
  stop(): void {
    this.#climb.stop();
  }

  /** Where nobody tells of deaths, they are noticed by those who wait; and there may be none. */
  tryTakeAgain(units: number): boolean {
    const now = performance.now();
    if (now < this.#nextLook) return false;
    this.#nextLook = now + LOOK_EVERY;
    this.#outer.lookAround(1);
    return this.#outer.tryTake(units);
  }

  /** Whether units that come back may go to another one of this thread. `whole`: they are all that there are. */
  mayPass(whole: boolean, { ms, grants }: Bound = BOUND): boolean {
    if (!this.#outer.awaited) return true;
    if (this.#outer.fair || !whole || this.#outer.passable === false) return false;
    if (this.#passes === 0) this.#passingSince = performance.now();
    if (++this.#passes < grants && performance.now() - this.#passingSince < ms) return true;
    this.#exhausted = true;
    return false;
  }

  /** Gives units back to the others, after what may have been many passes. */
  give(units: number): void {
    this.#passes = 0;
    if (this.#exhausted) this.#outer.stepAside?.();
    this.#exhausted = false;
    this.#outer.give(units);
  }
}
