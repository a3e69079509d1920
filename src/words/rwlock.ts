/**
 * A reader-writer lock: a mutex for the writers (mutex.ts), and rows for the readers (readers.ts), so that two readers
 * are as fast as one.
 *
 *   a reader   counts itself in its row, then looks at the mutex's word; if that is a writer's it takes itself out
 *              again and waits
 *   a writer   takes the mutex, then waits until the rows of all who live are empty (it drains the lock)
 *
 * Either the reader sees the writer's word, or the writer sees the reader's row: both write first and then look.
 * Each of the two truths is one word, so a death leaves neither half done: a dead thread's row does not count, and a
 * dead writer's word is taken over, by a writer or by a reader, who is then told.
 *
 * Order. Writers come first: a new reader waits while a writer has the mutex or is promised it, and a writer who
 * leaves wakes the next writer. But when a reader has waited for a millisecond, the leaving writer lets all waiting
 * readers in (Granted: their seats count as readers until they wake), and the next writer drains these first. In a
 * fair lock he lets in those readers who came before the next writer, and the mutex is handed over always.
 */
import type { Turn } from '../outer.js';
import { lives, NAME } from './life.js';
import { HANDOFF, WAIT } from './ownership.js';
import { DRAIN, DRAINER, isReader, READ, Readers, WRITE } from './readers.js';
import { WANT } from './row.js';
import { GRANTED, IDLE, overwritten, PARKED, SPINNING, WOKEN, WORD } from './seat.js';
import { MAX_PERMITS } from '../options.js';

/**
 * The word of the slot with the name of a dead writer of whom the next one is to be told. Usually that name is put back
 * into the mutex's word; it stands here while that is another writer's, who looks here when he is in and once more
 * when he has left, and so does whoever takes the word from him if he dies.
 */
export const UNTOLD = 5;

/** What a writer takes. More than there can be readers. */
export const ALL: number = MAX_PERMITS;
/** What a reader takes in addition to become the writer, and a writer gives back to become a reader. */
const REST = ALL - 1;

const isWriter = (want: number): boolean => want === WRITE;

export class RWLockWords extends Readers {
  /** What we wait for. */
  #want = READ;

  /** Whether somebody waits whom our readers keep out, or whom a writer of ours would have to let in. */
  override get awaited(): boolean {
    const word = Atomics.load(this.words, this.at + WORD);
    return (word & WAIT) !== 0 || ((word & NAME) !== 0 && (word & NAME) !== this.name);
  }

  override tryTake(units: number): boolean {
    if (units === ALL) return this.tryTakeWord() && (this.drained() ? this.#inside() : this.#retreat());
    if (units === REST) return this.#tryUpgrade();
    return this.#tryRead(units);
  }

  #tryRead(units: number): boolean {
    this.count(this.reading + units);
    const word = Atomics.load(this.words, this.at);
    return word === 0 || this.#tryReadBeside(word, units);
  }

  #tryReadBeside(word: number, units: number): boolean {
    if (this.#mayRead(word)) return true;
    this.uncount(this.reading - units);
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
    if (!this.drained(this.place.slot)) return this.#retreat();
    this.count(0);
    return this.#inside();
  }

  /** Gives the word back that turned out to be of no use. */
  #retreat(): false {
    this.#giveAll();
    return false;
  }

  /** A writer is in. */
  #inside(): true {
    if (this.#takeNews()) this.recovered = true;
    return true;
  }

  protected override diedInside(name: number): boolean {
    return Atomics.load(this.words, this.at + DRAINER) !== name || this.#takeNews();
  }

  /** Whether there is a dead writer of whom nobody has been told: that is up to us now. */
  #takeNews(): boolean {
    const at = this.at + UNTOLD;
    const dead = Atomics.load(this.words, at) === 0 ? 0 : Atomics.exchange(this.words, at, 0);
    if (dead !== 0) this.dead = dead;
    return dead !== 0;
  }

  override take(units: number, ms: number): boolean {
    // Our own readers keep every writer out: to join them is safe. And it must be possible, or this thread would
    // wait for a writer who waits for this thread.
    if (units === READ && this.reading > 0) {
      this.count(this.reading + 1);
      return true;
    }
    return (units === READ ? this.#tryRead(READ) : this.#tryWrite()) || this.wait(units, ms);
  }

  protected override spin(units: number): boolean {
    if (this.fair || units === READ) return super.spin(units);
    for (let i = 0; i < this.spins.lock; i++) {
      const word = Atomics.load(this.words, this.at + WORD);
      if (word === 0 && this.#tryWrite()) return true;
      if ((word & WAIT) !== 0) break;
    }
    return false;
  }

  // Readers who are just inside are worth a moment: to take the word in vain would only disturb them.
  #tryWrite(): boolean {
    if (!this.tryTakeWord()) return false;
    for (let i = 0; i <= this.spins.lock; i++) if (this.drained()) return this.#inside();
    return this.#retreat();
  }

  // Not here: readers do not wait for the word alone.
  protected override seek(): boolean {
    return false;
  }

  override begin(units: number, turn?: Turn): Turn {
    this.#want = units === ALL ? WRITE : READ;
    this.memory.put(this.row + WANT, this.#want);
    return super.begin(units, turn);
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
        if (state === GRANTED) this.count(this.reading + 1);
        this.state = IDLE;
        return true;
      }
      if (open) continue;
      if (state !== PARKED && state !== SPINNING) this.state = resting;
      else if ((word & WAIT) !== 0 || this.mark(word)) return false;
    }
  }

  #pollDrain(): boolean {
    for (let i = 0; i <= this.spins.lock; i++) if (this.drained()) return this.#drainedAtLast();
    this.state = PARKED;
    // If we die from here on, nobody is told of us: so what we have to tell must not be with us.
    if (this.recovered) Atomics.store(this.words, this.at + UNTOLD, this.dead);
    Atomics.store(this.words, this.at + DRAINER, this.name);
    return this.drained() && this.#drainedAtLast();
  }

  #drainedAtLast(): true {
    this.#drainsNoMore();
    return this.#inside();
  }

  #drainsNoMore(): void {
    Atomics.store(this.words, this.at + DRAINER, 0);
    this.state = IDLE;
  }

  override end(): void {
    if (this.#want === DRAIN) {
      this.#drainsNoMore();
      this.#giveAll();
    } else if (this.#want === WRITE) {
      super.end();
    } else {
      this.state = IDLE;
      // Perhaps we had been let in meanwhile.
      this.wakeDrainer();
    }
  }

  override lookAround(slices?: number): boolean {
    this.suspectReaders();
    return super.lookAround(slices);
  }

  override give(units: number): void {
    if (units < REST) {
      if (this.recovered) this.#leaveUntold();
      this.uncount(this.reading - units);
    } else {
      if (units === REST) this.count(1);
      this.#giveAll();
    }
  }

  /** Gives the word back, and the news that a reader may have left with us. */
  #giveAll(): void {
    this.#inside();
    super.give(ALL);
    // What was left between these two.
    if (this.#takeNews()) this.#leaveUntold();
  }

  /** Somebody leaves who has not been told of a writer's death: the next one who comes in will be. */
  #leaveUntold(): void {
    this.recovered = false;
    const at = this.at + WORD;
    for (;;) {
      const word = Atomics.load(this.words, at);
      if ((word & NAME) === 0) {
        if (Atomics.compareExchange(this.words, at, word, this.dead | WAIT) === word) return;
        continue;
      }
      Atomics.store(this.words, this.at + UNTOLD, this.dead);
      // Else he may have left, and looked for the last time before that.
      if ((Atomics.load(this.words, at) & NAME) === (word & NAME) || !this.#takeNews()) return;
    }
  }

  protected override giveMarked(): void {
    const at = this.at + WORD;
    if (!this.ours) throw overwritten('reader-writer lock');
    for (;;) {
      let writer = this.oldest(isWriter);
      this.letReadersIn(writer);
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

  /** A writer, or else all readers; these need nobody to answer for them, so that the search goes on. */
  protected override rouseNext(): boolean {
    if (super.rouseNext(isWriter)) return true;
    this.rouseReaders();
    return false;
  }
}
