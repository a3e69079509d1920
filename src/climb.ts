/**
 * The asynchronous wait of a thread for what lies outside of it: on behalf of whoever is first in the thread's
 * queue, one at a time for each queue.
 *
 *   Resting    -> Climbing by start()
 *   Climbing   -> Resting by stop(), or when the units have been taken or never will be: then the queue is told
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
  readonly #failed: (error: unknown) => void;
  /** What it is for; 0 while resting. */
  #units = 0;
  #sleep: Promise<unknown> | undefined = undefined;
  /** For whom it is, or was when it was stopped, and at what turn. */
  #who: object | undefined = undefined;
  #turn: Turn | undefined = undefined;

  constructor(outer: Sleeper, arrived: (units: number) => void, failed: (error: unknown) => void) {
    this.#outer = outer;
    this.#arrived = arrived;
    this.#failed = failed;
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
    try {
      if (!this.#succeeds(false)) return false;
    } catch (error) {
      // Not here: this may be somebody who gives something back, and has nothing to do with it.
      queueMicrotask(() => {
        if (this.#who === who) this.#fail(error);
      });
      return false;
    }
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
    this.#goOn(() => this.#succeeds(this.#outer.lookAround(slices)));
  }

  #goOn(succeeds: () => boolean): void {
    const units = this.#units;
    try {
      if (!succeeds()) return;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#rest();
    this.#arrived(units);
  }

  /** What it is for cannot be had at all. */
  #fail(error: unknown): void {
    this.#rest();
    try {
      this.#outer.end();
    } catch {
      // For the same reason, most likely.
    }
    this.#failed(error);
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
    this.#goOn(() => this.#succeeds(false));
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
