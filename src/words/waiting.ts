/**
 * How a thread that blocks spends its wait: asleep, in slices, until somebody wakes it; and once it has been woken in
 * vain, seeking. The locks say how one looks at their words (`poll`), and for how long one may seek.
 *
 * Who seeks sleeps in naps, each of which ends by itself, and looks at the lock after each. So whoever gives the lock
 * back has to wake nobody, and need not even know that somebody waits: it costs the others nothing. When it has waited
 * for so long that nobody may pass it any more, it asks: it parks like everybody, is woken, and is kept its turn.
 *
 * In return it answers for those who sleep: as long as it seeks they need not be marked in the lock's word. What that
 * takes is each lock's own business. If it dies, the slices of the others end without news, and they mark themselves.
 */
import { SLICE } from '../outer.js';
import { SEAT_STATE } from './row.js';
import { PARKED, Seat, SEEKING, WOKEN } from './seat.js';

/**
 * The first slice of a wait, in ms; each one is twice as long as the one before. Threads that have the core of the one
 * to whom the lock was thrown open may keep it from running for milliseconds; one on another core asks then.
 */
export const FIRST_SLICE = 2;
/** How long a seeker sleeps, in ms, and how often. */
const NAP = 0.3;
export const NAPS = 16;

export abstract class Waiting extends Seat {
  /** Takes it if it is ours to take, else rests. `looked` is what `lookAround` said. */
  abstract poll(looked: boolean, resting?: number): boolean;
  /** Gives up waiting. */
  abstract end(): void;
  /** Finds out whether those we wait for live. */
  abstract lookAround(slices?: number): boolean;

  /** Whether a seeker must not be passed any more, or must not pass somebody else. */
  protected abstract get asks(): boolean;

  /** After `begin`: waits for at most `ms`. False if it did not come. */
  protected outwait(
    ms: number,
    first: number,
    naps: number,
    resting: number = PARKED,
    spins: number = 0,
  ): boolean {
    const deadline = ms === Infinity ? Infinity : this.memory.now() + ms;
    let looked = false;
    let slice = first;
    while (!this.poll(looked, resting)) {
      const left = deadline === Infinity ? Infinity : deadline - this.memory.now();
      if (left <= 0) {
        this.end();
        return false;
      }
      const silent = this.sleep(Math.min(left, slice), spins) === 'timed-out';
      if (!silent && this.seek(deadline, naps)) return true;
      looked = silent && this.lookAround();
      slice = Math.min(2 * slice, SLICE);
    }
    return true;
  }

  /** Woken: stays awake, more or less, until it is ours or it is time to ask for it. */
  protected seek(deadline: number, naps: number): boolean {
    if (this.state !== WOKEN) return false;
    for (let i = 0; i < naps; i++) {
      if (this.poll(false, SEEKING)) return true;
      if (this.asks || this.memory.now() + NAP > deadline) break;
      this.memory.wait(this.row + SEAT_STATE, SEEKING, NAP);
    }
    return false;
  }
}
