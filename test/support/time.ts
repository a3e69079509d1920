/**
 * Time that goes on only when it is told to, so that what happens when can be proved: timers, `performance.now()` and
 * the clock of the leases, all in one. For tests of one thread that wait for nothing real.
 */
import { mock } from 'node:test';
import type { TestContext } from 'node:test';
import { setClock } from '../../src/clock.js';
import { forgetTimer } from '../../src/deadlines.js';
import { turn } from '../../src/testing/settled.js';

export class Time {
  #now = 1_000_000;
  #suspended = 0;
  #behind = 0;

  constructor(t: TestContext) {
    forgetTimer();
    mock.timers.enable({ apis: ['setTimeout'] });
    t.mock.method(performance, 'now', () => this.#now);
    setClock(() => this.#now + this.#suspended);
    t.after(async () => {
      // What is kept for a moment goes away.
      await this.pass(1000);
      forgetTimer();
      mock.timers.reset();
      setClock(undefined);
    });
  }

  get now(): number {
    return this.#now;
  }

  /** So many ms pass, one after the other, each with all that it leads to. */
  async pass(ms: number): Promise<void> {
    await turn();
    for (let i = 0; i < ms; i++) {
      this.#now++;
      mock.timers.tick(this.#behind + 1);
      this.#behind = 0;
      await turn();
    }
  }

  /** The event loop is blocked for so long: no timer runs, until more time passes. */
  block(ms: number): void {
    this.#now += ms;
    this.#behind += ms;
  }

  /** The system sleeps for so long: only the clock of the leases goes on. */
  suspend(ms: number): void {
    this.#suspended += ms;
  }

  /** How long it takes until that has settled, in ms; fails if it takes longer than that. */
  async until(promise: Promise<unknown>, most: number = 60_000): Promise<number> {
    const since = this.#now;
    const state = { done: false };
    const mark = (): void => void (state.done = true);
    void promise.then(mark, mark);
    await turn();
    while (!state.done) {
      if (this.#now - since >= most) throw new Error(`not within ${most} ms`);
      await this.pass(1);
    }
    return this.#now - since;
  }
}
