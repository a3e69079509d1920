/**
 * A reader-writer lock: a mutex for the writers, and for each thread a count of its readers in its own row. So
 * readers share no cache line that any of them writes, and two of them are as fast as one.
 *
 *   a reader   counts itself in its row, then looks at the mutex's word; if that is a writer's it takes itself out
 *              again and waits
 *   a writer   takes the mutex, then waits until the rows of all who live are empty (it drains the lock)
 *
 * Either the reader sees the writer's word, or the writer sees the reader's row: both write first and then look.
 * Each of the two truths is one word, so a death leaves neither half done: a dead thread's row does not count, and a
 * dead writer's word is taken over, by a writer or by a reader, who is then told.
 *
 * Words of the slot besides the mutex's:
 *   DRAINER   the name of the writer who waits for readers to leave, so that they wake it; 0 if none. Only who has
 *             the mutex writes it.
 *
 * Order. Writers come first: a new reader waits while a writer has the mutex or is promised it, and a writer who
 * leaves wakes the next writer. But when a reader has waited for a millisecond, the leaving writer lets all waiting
 * readers in (Granted: their seats count as readers until they wake), and the next writer drains these first. In a
 * fair lock he lets in those readers who came before the next writer, and the mutex is handed over always.
 */
import { generationOf, lives, NAME, rowLives, slotOf, suspect } from './life.js';
import { HANDOFF, MutexWords, overwritten, WAIT } from './mutex.js';
import { GENERATION, HELD, SEAT_STATE, TICKET, WANT } from './row.js';
import { GRANTED, IDLE, PARKED, SPINNING, WOKEN, WORD } from './seat.js';
import type { Place } from './seat.js';
import { MAX_PERMITS } from '../options.js';
import type { Spins } from './mutex.js';

const DRAINER = 4;

/** What a writer takes. More than there can be readers. */
export const ALL: number = MAX_PERMITS;
/** What a reader takes in addition to become the writer, and a writer gives back to become a reader. */
const REST = ALL - 1;

// Whom a seat is for.
const READ = 1;
const WRITE = 2;
/** A writer who has the mutex already: nobody passes it on to him. */
const DRAIN = 3;
const isReader = (want: number): boolean => want === READ;
const isWriter = (want: number): boolean => want === WRITE;

export class RWLockWords extends MutexWords {
  /** What stands in our row. */
  #reading = 0;
  /** What we wait for. */
  #want = READ;

  constructor(place: Place, fair: boolean, spins?: Spins) {
    super(place, fair, spins);
    const generation = generationOf(place.name);
    if (Atomics.load(this.words, this.row + GENERATION) === generation) return;
    // The last one in this life slot may have died reading.
    Atomics.store(this.words, this.row + HELD, 0);
    Atomics.store(this.words, this.row + GENERATION, generation);
    this.#wakeDrainer();
  }

  /** How many readers there are in all threads. */
  get readers(): number {
    let readers = 0;
    this.#eachRow((held, state) => void (readers += held + (state === GRANTED ? 1 : 0)));
    return readers;
  }

  /** Whether a writer is inside. */
  get writing(): boolean {
    const name = Atomics.load(this.words, this.at + WORD) & NAME;
    return name !== 0 && name !== Atomics.load(this.words, this.at + DRAINER);
  }

  /** In how many other threads a writer waits. */
  get waitingWriters(): number {
    let waiting = 0;
    this.#eachRow((_, state, slot, row) => {
      const want = Atomics.load(this.words, row + WANT);
      if (slot !== this.place.slot && state !== IDLE && (want === WRITE || want === DRAIN)) waiting++;
    });
    return waiting;
  }

  /** Whether somebody waits whom our readers keep out, or whom a writer of ours would have to let in. */
  override get awaited(): boolean {
    const word = Atomics.load(this.words, this.at + WORD);
    return (word & WAIT) !== 0 || ((word & NAME) !== 0 && (word & NAME) !== this.name);
  }

  override tryTake(units: number): boolean {
    if (units === ALL) return this.tryTakeWord() && (this.#drained(-1) || this.#retreat());
    if (units === REST) return this.#tryUpgrade();
    return this.#tryRead(units);
  }

  #tryRead(units: number): boolean {
    const before = this.#reading;
    this.#count(before + units);
    const word = Atomics.load(this.words, this.at + WORD);
    if (word === 0 || this.#mayRead(word)) return true;
    this.#uncount(before);
    return false;
  }

  /** Whether one who is counted in his row may read although the word says something. */
  #mayRead(word: number): boolean {
    if ((word & NAME) === 0) return (word & HANDOFF) === 0 || !this.anybody(PARKED, SPINNING, WOKEN);
    if (lives(this.memory, word)) return false;
    // We are in, then, and the first to know. Nobody can come between: we give the word back as readers.
    if (!this.seize(word, WAIT)) return false;
    this.giveWord();
    return true;
  }

  #tryUpgrade(): boolean {
    if (!this.tryTakeWord()) return false;
    if (!this.#drained(this.place.slot)) return this.#retreat();
    this.#count(0);
    return true;
  }

  /** Gives the word back that turned out to be of no use. */
  #retreat(): false {
    this.giveWord();
    return false;
  }

  protected override diedInside(name: number): boolean {
    return Atomics.load(this.words, this.at + DRAINER) !== name;
  }

  override take(units: number, ms: number): boolean {
    // Our own readers keep every writer out: to join them is safe. And it must be possible, or this thread would
    // wait for a writer who waits for this thread.
    if (units === READ && this.#reading > 0) {
      this.#count(this.#reading + 1);
      return true;
    }
    return super.take(units, ms);
  }

  // A writer only waits for the word here: to take it in vain would disturb the readers.
  protected override spin(units: number): boolean {
    if (units === READ) return super.spin(units);
    for (let i = 0; i < this.spins.lock; i++) {
      const word = Atomics.load(this.words, this.at + WORD);
      if (word === 0 || (word & WAIT) !== 0) break;
    }
    return false;
  }

  override begin(units: number): void {
    this.#want = units === ALL ? WRITE : READ;
    this.memory.put(this.row + WANT, this.#want);
    super.begin(units);
  }

  override poll(looked: boolean, resting: number = PARKED): boolean {
    if (this.#want === READ) return this.#pollRead(looked, resting);
    if (this.#want === WRITE) {
      if (!super.poll(looked, resting)) return false;
      this.#want = DRAIN;
      this.memory.put(this.row + WANT, DRAIN);
    }
    return this.#pollDrain();
  }

  #pollRead(looked: boolean, resting: number): boolean {
    // The mutex was handed over to a writer who does not come.
    if (looked) this.passOn();
    for (;;) {
      const state = this.state;
      const word = Atomics.load(this.words, this.at + WORD);
      const open = (word & NAME) === 0 ? (word & HANDOFF) === 0 : !lives(this.memory, word);
      if (state === GRANTED || (open && this.#tryRead(1))) {
        if (state === GRANTED) this.#count(this.#reading + 1);
        this.state = IDLE;
        return true;
      }
      if (open) continue;
      if (state !== PARKED && state !== SPINNING) this.state = resting;
      else if ((word & WAIT) !== 0 || this.mark(word)) return false;
    }
  }

  #pollDrain(): boolean {
    for (let i = 0; i <= this.spins.lock; i++) if (this.#drained(-1)) return this.#drainedAtLast();
    this.state = PARKED;
    Atomics.store(this.words, this.at + DRAINER, this.name);
    return this.#drained(-1) && this.#drainedAtLast();
  }

  #drainedAtLast(): true {
    Atomics.store(this.words, this.at + DRAINER, 0);
    this.state = IDLE;
    return true;
  }

  override end(): void {
    if (this.#want === DRAIN) {
      this.#drainedAtLast();
      this.giveWord();
    } else if (this.#want === WRITE) {
      super.end();
    } else {
      this.state = IDLE;
      // Perhaps we had been let in meanwhile.
      this.#wakeDrainer();
    }
  }

  override lookAround(): boolean {
    this.#eachRow((held, state, slot) => {
      if (held > 0 || state === GRANTED) suspect(this.memory, slot);
    });
    return super.lookAround();
  }

  override give(units: number): void {
    if (units === ALL) {
      this.giveWord();
    } else if (units === REST) {
      this.#count(1);
      this.giveWord();
    } else {
      this.#uncount(this.#reading - units);
    }
  }

  #count(readers: number): void {
    this.#reading = readers;
    Atomics.store(this.words, this.row + HELD, readers);
  }

  #uncount(readers: number): void {
    this.#count(readers);
    if (readers === 0) this.#wakeDrainer();
  }

  #wakeDrainer(): void {
    const drainer = Atomics.load(this.words, this.at + DRAINER);
    if (drainer !== 0) this.rouse(slotOf(drainer));
  }

  /** Whether nobody reads, but for one thread perhaps. */
  #drained(except: number): boolean {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      // In this order: a reader who was let in counts itself before it leaves its seat.
      const reads = Atomics.load(words, row + SEAT_STATE) === GRANTED || Atomics.load(words, row + HELD) > 0;
      if (reads && slot !== except && rowLives(memory, slot, row)) return false;
    }
    return true;
  }

  /** The rows of those who live. */
  #eachRow(look: (held: number, state: number, slot: number, row: number) => void): void {
    const { memory, words } = this;
    for (let slot = 0, end = memory.joined; slot < end; slot++) {
      const row = memory.row(slot, this.place.lock);
      const state = Atomics.load(words, row + SEAT_STATE);
      const held = Atomics.load(words, row + HELD);
      if ((held !== 0 || state !== IDLE) && rowLives(memory, slot, row)) look(held, state, slot, row);
    }
  }

  protected override giveMarked(): void {
    const at = this.at + WORD;
    if (!this.ours) throw overwritten('reader-writer lock');
    for (;;) {
      let writer = this.oldest(isWriter);
      this.#letReadersIn(writer);
      if (writer === -1) {
        Atomics.store(this.words, at, this.name);
        writer = this.oldest(isWriter);
      }
      if (writer !== -1) {
        Atomics.store(this.words, at, this.isDue(writer) ? HANDOFF | WAIT : 0);
        if (!this.rouse(writer)) this.passOn();
        return;
      }
      if (this.oldest(isReader) !== -1) {
        Atomics.store(this.words, at, 0);
        this.passOn();
        return;
      }
      if (Atomics.compareExchange(this.words, at, this.name, 0) === this.name) return;
    }
  }

  /** Lets all waiting readers in if one of them must not wait longer; in a fair lock, those before that writer. */
  #letReadersIn(writer: number): void {
    const { memory, words } = this;
    const reader = this.oldest(isReader);
    if (reader === -1) return;
    if (!this.fair) {
      if (!this.isOld(reader)) return;
      this.#grant(() => true);
      return;
    }
    const ticket = (slot: number): number => Atomics.load(words, memory.row(slot, this.place.lock) + TICKET);
    const limit = writer === -1 ? undefined : ticket(writer);
    this.#grant((slot) => limit === undefined || ((ticket(slot) - limit) | 0) < 0);
  }

  #grant(suits: (slot: number) => boolean): void {
    this.#eachRow((_, state, slot, row) => {
      if (state !== PARKED && state !== SPINNING) return;
      if (isReader(Atomics.load(this.words, row + WANT)) && suits(slot)) this.rouse(slot, GRANTED);
    });
  }

  /** A writer, or else all readers; these need nobody to answer for them, so that the search goes on. */
  protected override rouseNext(): boolean {
    if (super.rouseNext(isWriter)) return true;
    this.#eachRow((_, state, slot, row) => {
      if (state !== IDLE && isReader(Atomics.load(this.words, row + WANT))) this.rouse(slot);
    });
    return false;
  }
}
