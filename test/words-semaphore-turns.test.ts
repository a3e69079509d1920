/** Who is served when: the semaphore's words step by step, several threads played by one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockMisuseError } from '../src/index.js';
import type { Memory } from '../src/words/memory.js';
import { FREEZER, FROZEN, HANDOFF, WAIT } from '../src/words/permits.js';
import { GENERATION, HELD, SEAT_STATE, SINCE } from '../src/words/row.js';
import { IDLE, PARKED, SEEKING, WOKEN, WORD } from '../src/words/seat.js';
import { SemaphoreWords } from '../src/words/semaphore.js';
import { LATE } from '../src/words/serving.js';
import { allJoined, CheckedMemory, layoutOf, placeOf, wordsFor } from './support/words.js';

class Pool {
  readonly words: Int32Array;
  readonly memory: Memory;
  readonly threads: SemaphoreWords[];
  old = false;

  constructor(capacity: number, threads: number = 4) {
    const layout = layoutOf(threads);
    this.words = new Int32Array(new SharedArrayBuffer(4 * wordsFor(layout)));
    allJoined(layout)({ words: this.words, atomics: Atomics });
    this.memory = new CheckedMemory(this.words, layout);
    this.memory.old = () => this.old;
    this.threads = Array.from(
      { length: threads },
      (_, thread) => new SemaphoreWords(placeOf(this.memory, thread), capacity, 0),
    );
  }

  at(thread: number): SemaphoreWords {
    const words = this.threads[thread];
    assert.ok(words);
    return words;
  }

  /** That thread waits for so many from now on. */
  wait(thread: number, permits: number): void {
    this.at(thread).begin(permits);
    assert.equal(this.at(thread).poll(), false);
  }

  get seats(): (number | undefined)[] {
    return this.threads.map((_, thread) => this.words[this.memory.row(thread, 0) + SEAT_STATE]);
  }

  get word(): number {
    return this.words[this.memory.slot(0) + WORD] ?? 0;
  }

  set word(word: number) {
    this.words[this.memory.slot(0) + WORD] = word;
  }
}

test('one give wakes all for whom it is enough', () => {
  const pool = new Pool(3);
  assert.equal(pool.at(0).tryTake(3), true);
  for (const thread of [1, 2, 3]) pool.wait(thread, 1);
  pool.at(0).give(3);
  assert.deepEqual(pool.seats, [IDLE, WOKEN, WOKEN, WOKEN]);
  for (const thread of [1, 2, 3]) assert.equal(pool.at(thread).poll(), true);
  assert.equal(pool.word, 3 << 3);
});

test('what those who were woken will take is not promised to others', () => {
  const pool = new Pool(2);
  assert.equal(pool.at(0).tryTake(2), true);
  for (const thread of [1, 2]) pool.wait(thread, 2);
  pool.at(0).give(1);
  assert.deepEqual(pool.seats, [IDLE, PARKED, PARKED, IDLE]);
  pool.at(0).give(1);
  assert.deepEqual(pool.seats, [IDLE, WOKEN, PARKED, IDLE]);
});

test('small requests pass a large one, and newcomers all, until it has waited for a millisecond', () => {
  const pool = new Pool(3);
  assert.equal(pool.at(0).tryTake(3), true);
  pool.wait(1, 3);
  pool.wait(2, 1);
  pool.at(0).give(1);
  assert.deepEqual(pool.seats, [IDLE, PARKED, WOKEN, IDLE]);
  assert.equal(pool.at(3).tryTake(1), true, 'a newcomer was quicker');
  assert.equal(pool.at(2).poll(), false);
  pool.old = true;
  pool.at(3).give(1);
  assert.deepEqual(pool.seats, [IDLE, PARKED, PARKED, IDLE]);
  assert.equal(pool.word, (2 << 3) | WAIT | HANDOFF);
  assert.equal(pool.at(3).tryTake(1), false, 'it is saved up');
  assert.equal(pool.at(3).tryTake(1), false);
  assert.equal(pool.at(3).take(1, 0), false);
  pool.at(0).give(2);
  assert.deepEqual(pool.seats, [IDLE, WOKEN, PARKED, IDLE]);
  assert.equal(pool.at(3).tryTake(1), false);
  assert.equal(pool.at(1).poll(), true);
  pool.at(1).give(3);
  assert.equal(pool.at(2).poll(), true);
  assert.equal(pool.word, 1 << 3);
});

/** Two wait for one permit; the first was woken, in vain, and seeks. */
function seeking(): Pool {
  const pool = new Pool(1);
  assert.equal(pool.at(0).tryTake(1), true);
  pool.wait(1, 1);
  pool.wait(2, 1);
  pool.at(0).give(1);
  assert.equal(pool.at(3).tryTake(1), true, 'a newcomer was quicker');
  assert.equal(pool.at(1).poll(false, SEEKING), false);
  assert.deepEqual(pool.seats, [IDLE, SEEKING, PARKED, IDLE]);
  return pool;
}

test('as long as somebody seeks, who gives needs not know of those who wait', () => {
  const pool = seeking();
  assert.equal(pool.word, 1 << 3);
  pool.wait(0, 1);
  assert.equal(pool.word, 1 << 3);
  pool.at(3).give(1);
  assert.deepEqual(pool.seats, [PARKED, SEEKING, PARKED, IDLE]);
  assert.equal(pool.at(1).poll(false, SEEKING), true);
  assert.equal(pool.word, (1 << 3) | WAIT, 'it answers for the others');
  pool.at(1).give(1);
  assert.deepEqual(pool.seats, [PARKED, IDLE, WOKEN, IDLE]);
});

test('a seeker that gives up leaves the others marked', () => {
  const pool = seeking();
  pool.at(1).end();
  assert.equal(pool.word, (1 << 3) | WAIT);
});

test('a seeker wakes others for whom it is enough', () => {
  const pool = new Pool(2);
  assert.equal(pool.at(0).tryTake(2), true);
  pool.wait(1, 2);
  pool.at(0).give(2);
  assert.equal(pool.at(3).tryTake(2), true);
  assert.equal(pool.at(1).poll(false, SEEKING), false);
  pool.wait(2, 1);
  pool.at(3).give(1);
  assert.deepEqual(pool.seats, [IDLE, SEEKING, PARKED, IDLE]);
  assert.equal(pool.at(1).poll(false, SEEKING), false);
  assert.deepEqual(pool.seats, [IDLE, SEEKING, WOKEN, IDLE]);
});

test('a seeker passes nobody who has waited for a millisecond, and asks when it has itself', () => {
  const pool = seeking();
  pool.old = true;
  assert.equal(pool.at(1).poll(false, SEEKING), false);
  assert.equal(pool.word, (1 << 3) | WAIT | HANDOFF, 'it sees that the other one is due');
  assert.equal(pool.at(1).poll(false), false);
  assert.deepEqual(pool.seats, [IDLE, PARKED, PARKED, IDLE]);
  pool.at(3).give(1);
  assert.deepEqual(pool.seats, [IDLE, WOKEN, PARKED, IDLE]);
  assert.equal(pool.at(3).tryTake(1), false);
  assert.equal(pool.at(1).poll(false), true);
});

test('who trusts a seeker that has died marks itself when it looks around', () => {
  const pool = seeking();
  // Nobody but the system knows.
  pool.words[wordsFor(pool.memory.layout) - 3] = 1;
  pool.at(2).lookAround();
  assert.equal(pool.word, (1 << 3) | WAIT);
});

test('when the one for whom permits were saved up gives up, they are anybody’s', () => {
  const pool = new Pool(3);
  assert.equal(pool.at(0).tryTake(3), true);
  pool.old = true;
  pool.wait(1, 3);
  pool.wait(2, 1);
  pool.at(0).give(1);
  assert.equal(pool.at(3).tryTake(1), false);
  pool.at(1).end();
  assert.deepEqual(pool.seats, [IDLE, IDLE, WOKEN, IDLE]);
  assert.equal(pool.at(2).poll(), true);
  assert.equal(pool.word, 3 << 3);
});

test('one who was woken and does not come for a slice is not waited for', () => {
  const pool = new Pool(1);
  pool.old = true;
  assert.equal(pool.at(0).tryTake(1), true);
  pool.wait(1, 1);
  pool.wait(2, 1);
  pool.at(0).give(1);
  assert.deepEqual(pool.seats, [IDLE, WOKEN, PARKED, IDLE]);
  pool.at(2).lookAround();
  assert.deepEqual(pool.seats, [IDLE, LATE, WOKEN, IDLE]);
  assert.equal(pool.at(2).poll(), true);
  assert.equal(pool.at(1).poll(), false);
  pool.at(2).give(1);
  assert.equal(pool.at(1).poll(), true);
  assert.equal(pool.word, 1 << 3);
});

test('one who comes late is first again', () => {
  const pool = new Pool(3);
  pool.old = true;
  assert.equal(pool.at(0).tryTake(3), true);
  pool.wait(1, 1);
  pool.wait(2, 3);
  pool.at(0).give(1);
  pool.at(2).lookAround();
  assert.deepEqual(pool.seats, [IDLE, LATE, PARKED, IDLE]);
  assert.equal(pool.at(1).poll(), false, 'it is saved up for the other one');
  assert.deepEqual(pool.seats, [IDLE, WOKEN, PARKED, IDLE]);
  assert.equal(pool.at(1).poll(), true);
});

test('what counts is who came first, and how long ago', () => {
  const pool = new Pool(3);
  pool.memory.old = (since) => since === 7;
  assert.equal(pool.at(0).tryTake(3), true);
  pool.wait(3, 3);
  pool.wait(1, 2);
  pool.words[pool.memory.row(3, 0) + SINCE] = 7;
  pool.at(0).give(1);
  assert.equal(pool.word, (2 << 3) | WAIT | HANDOFF);
  pool.at(0).give(2);
  assert.deepEqual(pool.seats, [IDLE, PARKED, IDLE, WOKEN]);
});

test('words that cannot be are an error', () => {
  const pool = new Pool(2);
  pool.word = 3 << 3;
  const error = { name: LockMisuseError.name, message: /overwritten/ };
  assert.throws(() => pool.at(0).take(1, Infinity), error);
  assert.throws(() => pool.at(0).free, error);
  pool.word = 0;
  assert.equal(pool.at(0).tryTake(1), true);
  pool.word = 0;
  assert.throws(() => pool.at(0).give(1), error);
});

test('a word that nobody can have frozen is counted anew', () => {
  const pool = new Pool(2);
  assert.equal(pool.at(1).tryTake(1), true);
  pool.word = FROZEN | WAIT;
  pool.words[pool.memory.slot(0) + FREEZER] = 0;
  assert.equal(pool.at(0).free, 1);
  assert.equal(pool.at(0).tryTake(1), true);
  assert.equal(pool.at(0).tryTake(1), false);
  const row = pool.memory.row(3, 0);
  pool.words[row + HELD] = 4;
  pool.words[row + GENERATION] = 0;
  assert.equal(pool.at(0).tryTake(1), false);
  assert.equal(pool.words[row + HELD], 0);
});
