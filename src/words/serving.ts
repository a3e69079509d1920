/**
 * Who is next: how those who wait for permits of a shared semaphore are woken. Two marks in the lock's word beside
 * the number of permits (permits.ts), and one more state of a seat (seat.ts):
 *
 *   WAIT      somebody may be waiting whom nobody answers for: whoever gives permits back has to serve
 *   HANDOFF   only with WAIT: whoever came first has waited for too long to be passed. Only who was woken may take
 *             permits, so that they can be saved up for a large request
 *
 *   Late      of a seat: was Woken, and did not come for a slice; nothing is kept for it any more
 *             Woken -> Late: anybody who looks around     Late -> any: its owner
 *
 * Usually permits are anybody's who comes, even if others wait, and small requests pass a large one that cannot be
 * granted yet; see ownership.ts for why. Whoever was woken and found them gone seeks (waiting.ts). Whoever has waited for a
 * millisecond is passed by nobody.
 *
 * All of that is decided in one place, `serve`: it looks at the word and at all seats, sets the marks right (by
 * compareExchange from the word that it saw before it looked at the seats), and wakes, oldest first, whoever can have
 * what is left when those that were woken before have come. What is right follows from the seats alone:
 *   both marks   if the first of those who are Parked or Woken has waited for too long
 *   WAIT         else, if somebody is Parked and nobody alive is Seeking
 *   none         else
 * Everybody may serve at any time, and must
 *   - after a give, if WAIT was set
 *   - after having left a seat, with permits or without
 *   - after having parked again, or begun to seek, or sought in vain: what is too little for him may be enough for
 *     somebody else
 *   - after having changed the marks (and so once more), a seat that is not one's own, or the count of permits
 * So the last change of all is followed by a look at what has become of it, and nothing is forgotten: nobody sleeps
 * who could be served, but while somebody seeks; and no mark remains when nobody waits. For a waiter first parks, then
 * sees WAIT in the word, or else a seeker. Whoever takes WAIT away looks again: he sees the waiter, or the waiter sees
 * a word without WAIT. And a seeker whom a waiter has seen serves after he has left his seat: then he sees the waiter.
 * (Who wakes somebody need not look once more for those who sleep: what he has given away is not for them. But he does
 * if there are any, because more may be left.)
 *
 * A seeker serves after each of its naps, too. So those who trust it learn within a third of a millisecond of permits
 * that have come back, and whoever has waited for too long is seen just as soon.
 *
 * If one who has to serve dies, the slices of the others end, and then they do it. If nobody waits any more, a mark
 * may remain; who is kept out by it serves, and so takes it away.
 */
import { slotLives, suspect } from './life.js';
import { FROZEN, HANDOFF, MARKS, Permits, WAIT } from './permits.js';
import { SEAT_STATE, TICKET, WANT } from './row.js';
import { PARKED, SEEKING, WOKEN, WORD } from './seat.js';

export const LATE = 4;

export abstract class Serving extends Permits {
  /** Sets the marks right, and wakes whoever can have what there is. `seen` is what the word was. */
  protected serve(seen?: number): void {
    const { memory, words } = this;
    for (let word = seen ?? this.look(); ; word = this.look()) {
      // Whoever counts serves afterwards.
      if ((word & FROZEN) !== 0) return;
      let free = this.freeIn(word);
      let [first, firstTicket, parked, next, nextTicket, want] = [-1, 0, 0, -1, 0, 0];
      let sought = false;
      for (let slot = 0, end = memory.joined; slot < end; slot++) {
        const row = memory.row(slot, this.place.lock);
        const state = Atomics.load(words, row + SEAT_STATE);
        if (state === SEEKING && slotLives(memory, slot)) sought = true;
        if ((state !== PARKED && state !== WOKEN) || !slotLives(memory, slot)) continue;
        const ticket = Atomics.load(words, row + TICKET);
        const wanted = Atomics.load(words, row + WANT);
        if (first === -1 || ((ticket - firstTicket) | 0) < 0) [first, firstTicket] = [slot, ticket];
        if (state === WOKEN) free -= wanted;
        else if (parked++ === 0 || ((ticket - nextTicket) | 0) < 0)
          [next, nextTicket, want] = [slot, ticket, wanted];
      }
      const old = first !== -1 && this.isOld(first);
      const marks = old ? WAIT | HANDOFF : parked > 0 && !sought ? WAIT : 0;
      if ((word & MARKS) !== marks) {
        this.mark(word, marks);
        continue;
      }
      if (next === -1 || free <= 0) return;
      if (want > free) {
        next = this.isOld(next) ? -1 : this.oldest((other) => other <= free);
        if (next === -1) return;
      }
      this.rouse(next);
      if (parked === 1) return;
    }
  }

  /** Sets the marks, if the word is still the same. */
  protected mark(word: number, marks: number): void {
    Atomics.compareExchange(this.words, this.at + WORD, word, (word & ~MARKS) | marks);
  }

  /** Takes back what the dead hold, or goes on with a count that one of them has begun. True if that was done. */
  protected reclaim(word: number): boolean {
    if ((word & FROZEN) === 0 && !this.bereaved) return false;
    if (!this.recount()) return false;
    this.serve();
    return true;
  }

  /** Asks the system about those we wait for, and reckons no more with those who were woken and do not come. */
  lookAround(): boolean {
    const { memory, words } = this;
    this.suspectHolders();
    this.suspectAll(SEEKING);
    const handoff = (this.look() & HANDOFF) !== 0;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      if (slot === this.place.slot) continue;
      const at = memory.row(slot, this.place.lock) + SEAT_STATE;
      const state = Atomics.load(words, at);
      // What is saved up for one who sleeps is nobody's: he must not be dead.
      if (state === PARKED && handoff) suspect(memory, slot);
      // Who has woken it may have died before it could ring; then it sleeps still.
      if (state === WOKEN && Atomics.compareExchange(words, at, WOKEN, LATE) === WOKEN) memory.wake(at);
    }
    if (!this.reclaim(this.look())) this.serve();
    return false;
  }
}
