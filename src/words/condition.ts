/**
 * A condition between threads. Each thread tells in its row how many of its tasks wait, and is given notifies there,
 * which it then hands to its own.
 *
 *   row: HELD     how many wait; only its owner writes it
 *        TICKET   when the one who has waited longest came; only its owner writes it
 *        NOTIFIES how many of them may go on; anybody raises it, up to HELD; its owner, or who finds him dead, takes all
 *   slot: WORD    how many wait in all threads; too high after a death, so it only tells when there is nobody to look for
 *
 * Why no notify is lost: it is given to a row that has more waiting than notified, and lives. If a waiter gave up at
 * that moment its thread has a notify too many, and passes it on. If the thread dies, those who still wait find its
 * row when they look around, and share out what was left there.
 */
import { SLICE } from '../outer.js';
import type { Sleeper, Turn } from '../outer.js';
import { generationOf, rowLives, suspect } from './life.js';
import { GENERATION, HELD, TICKET } from './row.js';
import { IDLE, PARKED, Seat, TICKETS, WORD } from './seat.js';
import type { Place } from './seat.js';

const NOTIFIES = 3;

const AnyTime: Turn = { ticket: 0, since: 0 };

export class ConditionWords extends Seat implements Sleeper {
  /** What stands in our row. */
  #waiting = 0;

  constructor(place: Place) {
    super(place);
    const generation = generationOf(place.name);
    if (Atomics.load(this.words, this.row + GENERATION) === generation) return;
    // What the last one in this life slot was given is somebody else's.
    Atomics.store(this.words, this.row + HELD, 0);
    const left = this.takeNotifies();
    Atomics.store(this.words, this.row + GENERATION, generation);
    this.notify(left);
  }

  /** One of this thread waits from now on. The number is its place in the order of arrival. */
  enter(): number {
    Atomics.add(this.words, this.at + WORD, 1);
    const ticket = Atomics.add(this.words, this.at + TICKETS, 1);
    if (this.#waiting === 0) this.setOldest(ticket);
    Atomics.store(this.words, this.row + HELD, ++this.#waiting);
    return ticket;
  }

  /** One of this thread waits no more. */
  leave(): void {
    Atomics.store(this.words, this.row + HELD, --this.#waiting);
    Atomics.sub(this.words, this.at + WORD, 1);
  }

  /** Who of this thread has waited longest now. */
  setOldest(ticket: number): void {
    Atomics.store(this.words, this.row + TICKET, ticket);
  }

  /** Takes the notifies that this thread was given. */
  takeNotifies(): number {
    const at = this.row + NOTIFIES;
    return Atomics.load(this.words, at) === 0 ? 0 : Atomics.exchange(this.words, at, 0);
  }

  /** Lets the threads that have waited longest have `count` notifies between them. Returns how many it could. */
  notify(count: number): number {
    let given = 0;
    while (given < count && Atomics.load(this.words, this.at + WORD) > 0) {
      const slot = this.#longestWaiting();
      if (slot === -1) break;
      // What a dead thread is given comes back, but late, and perhaps after it has woken nobody.
      if (slot !== this.place.slot && !suspect(this.memory, slot)) continue;
      given += this.#give(slot, count - given);
    }
    return given;
  }

  #longestWaiting(): number {
    const { memory, words } = this;
    let found = -1;
    let first = 0;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      const held = Atomics.load(words, row + HELD);
      if (held === 0 || held <= Atomics.load(words, row + NOTIFIES) || !rowLives(memory, slot, row)) continue;
      const ticket = Atomics.load(words, row + TICKET);
      if (found === -1 || ((ticket - first) | 0) < 0) [found, first] = [slot, ticket];
    }
    return found;
  }

  #give(slot: number, most: number): number {
    const row = this.memory.row(slot, this.place.lock);
    const notified = Atomics.load(this.words, row + NOTIFIES);
    const more = Math.min(most, Atomics.load(this.words, row + HELD) - notified);
    if (more <= 0) return 0;
    if (Atomics.compareExchange(this.words, row + NOTIFIES, notified, notified + more) !== notified) return 0;
    this.rouse(slot);
    return more;
  }

  /** Blocks the thread, which has entered, until it is given a notify and takes it, or for `ms`. Then it has left. */
  wait(ms: number): boolean {
    const deadline = ms === Infinity ? Infinity : this.memory.now() + ms;
    for (;;) {
      this.state = PARKED;
      if (Atomics.load(this.words, this.row + NOTIFIES) > 0) break;
      const left = deadline === Infinity ? Infinity : deadline - this.memory.now();
      if (left <= 0) {
        this.state = IDLE;
        this.leave();
        return false;
      }
      if (this.sleep(Math.min(left, SLICE), 0) === 'timed-out') this.lookAround();
    }
    this.state = IDLE;
    // In this order: otherwise it would look as if one waited who has not been notified yet.
    this.leave();
    Atomics.sub(this.words, this.row + NOTIFIES, 1);
    return true;
  }

  /** Nobody is waited for; what we wait for is to be given something. */
  begin(): Turn {
    return AnyTime;
  }

  poll(): boolean {
    this.state = PARKED;
    if (Atomics.load(this.words, this.row + NOTIFIES) === 0) return false;
    this.state = IDLE;
    return true;
  }

  end(): void {
    this.state = IDLE;
  }

  /** Shares out again what was given to threads that died before they could hand it on. */
  lookAround(): boolean {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      if (Atomics.load(words, row + NOTIFIES) === 0) continue;
      suspect(memory, slot);
      if (!rowLives(memory, slot, row)) this.#inherit(row);
    }
    return false;
  }

  // In this order: if we die in between, or two do it at once, somebody is notified too often, not too seldom.
  #inherit(row: number): void {
    const left = Atomics.load(this.words, row + NOTIFIES);
    this.notify(left);
    Atomics.compareExchange(this.words, row + NOTIFIES, left, 0);
  }
}
