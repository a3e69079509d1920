/**
 * The asynchronous wait of a thread for what lies outside of it: on behalf of whoever is first in the thread's
 * queue, one at a time for each queue.
 *
 *   Resting    -> Climbing by start()
 *   Climbing   -> Resting by stop(), or when the units have been taken: then the queue is told
 *
 * A climb keeps the event loop alive, because other threads can end it. It is woken by whoever gives the units
 * back; and all climbs of a thread look around when another thread has died (watch.ts).
 *
 * Invariant: at most one promise of a wake-up is pending, and none while resting.
 */
import { nobody } from './nobody.js';
import type { Sleeper, Turn } from './outer.js';
import { unwatch, watch } from './watch.js';
import type { Watcher } from './watch.js';

export class Climb implements Watcher {
  readonly #outer: Sleeper;
  readonly #arrived: (units: number) => void;
  /** What it is for; 0 while resting. */
  #units = 0;
  #sleep: Promise<unknown> | undefined = undefined;
  /** For whom it is, or was when it was stopped, and at what turn. */
  #who: object | undefined = undefined;
  #turn: Turn | undefined = undefined;

  constructor(outer: Sleeper, arrived: (units: number) => void) {
    this.#outer = outer;
    this.#arrived = arrived;
  }

  /** How many units it is for, 0 if nobody climbs. */
  get units(): number {
    return this.#units;
  }

  /** Begins to wait for the units on behalf of somebody. True if they have been taken on the spot. */
  start(units: number, who: object): boolean {
    this.#units = units;
    this.#turn = this.#outer.begin(units, who === this.#who ? this.#turn : undefined);
    this.#who = who;
    watch(this);
    if (!this.#succeeds(false)) return false;
    this.#rest();
    return true;
  }

  /** From now on it is for this one, who has come first in the line since it began: he has the turn, too. */
  goOnFor(who: object): void {
    this.#who = who;
  }

  /** Ends the wait. Whoever it was for keeps his turn if it is started again for him. */
  stop(): void {
    if (this.#units === 0) return;
    const [who, turn] = [this.#who, this.#turn];
    this.#rest();
    this.#outer.end();
    [this.#who, this.#turn] = [who, turn];
  }

  /** Another thread has died, or nobody could tell us if one had. So many slices have passed since the last time. */
  lookAround(slices: number): void {
    this.#goOn(this.#outer.lookAround(slices));
  }

  #goOn(looked: boolean): void {
    const units = this.#units;
    if (!this.#succeeds(looked)) return;
    this.#rest();
    this.#arrived(units);
  }

  #succeeds(looked: boolean): boolean {
    while (!this.#outer.poll(looked)) {
      if (this.#sleep !== undefined || this.#fallAsleep()) return false;
    }
    return true;
  }

  #fallAsleep(): boolean {
    const sleep = this.#outer.sleepAsync();
    if (sleep === undefined) return false;
    this.#sleep = sleep;
    // Nobody's: it may outlast the one whose wait it began with.
    void nobody.runInAsyncScope(() => this.#goOnAfter(sleep));
    return true;
  }

  async #goOnAfter(sleep: Promise<unknown>): Promise<void> {
    await sleep;
    if (this.#sleep !== sleep) return;
    this.#sleep = undefined;
    this.#goOn(false);
  }

  #rest(): void {
    this.#units = 0;
    this.#who = undefined;
    unwatch(this);
    if (this.#sleep === undefined) return;
    this.#sleep = undefined;
    this.#outer.wakeUp();
  }
}
