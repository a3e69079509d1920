/** Who is next: the mutex's words step by step, several threads played by one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Woken } from '../src/words/memory.js';
import { MutexWords } from '../src/words/mutex.js';
import { HANDOFF, WAIT } from '../src/words/ownership.js';
import { SEAT_STATE } from '../src/words/row.js';
import { IDLE, PARKED, SEEKING, WOKEN, WORD } from '../src/words/seat.js';
import { allJoined, CheckedMemory, dieUntold, layoutOf, placeOf, wordsFor } from './support/words.js';

/** Time passes in sleeps only, and before each of them something may happen. */
class ScriptedMemory extends CheckedMemory {
  clock = 0;
  isOld = false;
  onSleep: (sleeps: number) => void = () => {};
  #sleeps = 0;

  override wait(index: number, value: number, ms: number): Woken {
    this.onSleep(this.#sleeps++);
    if (Atomics.load(this.words, index) !== value) return 'not-equal';
    this.clock += ms;
    return 'timed-out';
  }

  override now(): number {
    return this.clock;
  }

  override old(): boolean {
    return this.isOld;
  }
}

class Group {
  readonly layout = layoutOf(4);
  readonly words = new Int32Array(new SharedArrayBuffer(4 * wordsFor(this.layout)));
  readonly memory = new ScriptedMemory(this.words, this.layout);
  readonly threads: MutexWords[];

  constructor(fair: boolean = false) {
    allJoined(this.layout)({ words: this.words, atomics: Atomics });
    const spins = { lock: 0, seat: 0, naps: 16 };
    this.threads = [0, 1, 2, 3].map((thread) => new MutexWords(placeOf(this.memory, thread), fair, spins));
  }

  at(thread: number): MutexWords {
    const words = this.threads[thread];
    assert.ok(words);
    return words;
  }

  take(thread: number): void {
    assert.equal(this.at(thread).tryTake(1), true);
  }

  /** That thread waits from now on. */
  wait(thread: number): void {
    this.at(thread).begin(1);
    assert.equal(this.at(thread).poll(false), false);
  }

  /** That one gives it back, and takes it again before anybody else can. */
  passBy(thread: number): void {
    this.at(thread).give(1);
    this.take(thread);
  }

  get seats(): (number | undefined)[] {
    return this.threads.map((_, thread) => this.words[this.memory.row(thread, 0) + SEAT_STATE]);
  }

  get marks(): number {
    return (this.words[this.memory.slot(0) + WORD] ?? 0) & (WAIT | HANDOFF);
  }
}

/** Thread 0 has it, thread 1 was woken in vain and seeks. */
function seeking(): Group {
  const group = new Group();
  group.take(0);
  group.wait(1);
  group.passBy(0);
  assert.equal(group.at(1).poll(false, SEEKING), false);
  assert.deepEqual([group.seats, group.marks], [[IDLE, SEEKING, IDLE, IDLE], 0]);
  return group;
}

test('whoever parks while another one seeks leaves it to him to ask', () => {
  const group = seeking();
  group.wait(2);
  assert.equal(group.marks, 0);
  group.at(0).give(1);
  assert.equal(group.at(1).poll(false, SEEKING), true);
  assert.equal(group.marks, WAIT);
  group.at(1).give(1);
  assert.deepEqual(group.seats, [IDLE, IDLE, WOKEN, IDLE]);
});

test('whoever waits without blocking relies on a seeker until he looks around, and on the next one again', () => {
  const group = seeking();
  group.wait(2);
  dieUntold(group.layout)({ words: group.words, atomics: Atomics }, 1);
  assert.equal(group.at(2).poll(group.at(2).lookAround(5)), false);
  assert.equal(group.marks, WAIT);
  group.at(2).end();
  group.at(0).give(1);
  group.take(0);
  assert.equal(group.marks, 0);
  group.wait(2);
  assert.equal(group.marks, 0);
});

test('whoever was woken in vain himself does not rely on a seeker', () => {
  const group = seeking();
  group.wait(2);
  group.at(2).poll(group.at(2).lookAround());
  group.passBy(0);
  assert.equal(group.at(2).poll(false), false);
  assert.deepEqual([group.seats, group.marks], [[IDLE, SEEKING, PARKED, IDLE], WAIT]);
});

test('a seeker leaves alone what is handed over to another one', () => {
  const group = seeking();
  group.wait(2);
  group.at(2).poll(group.at(2).lookAround());
  group.passBy(0);
  group.at(2).poll(false);
  group.memory.isOld = true;
  group.at(0).give(1);
  assert.deepEqual([group.seats, group.marks], [[IDLE, SEEKING, WOKEN, IDLE], HANDOFF | WAIT]);
  assert.equal(group.at(1).poll(false, SEEKING), false);
  assert.equal(group.at(3).tryTake(1), false);
  assert.equal(group.at(2).poll(false), true);
});

test('the lock is handed to one who has waited for long and was woken in vain, in this wait', () => {
  const group = new Group();
  group.memory.isOld = true;
  group.take(0);
  for (let round = 0; round < 2; round++) {
    group.wait(1);
    group.passBy(0);
    assert.equal(group.at(1).poll(false), false);
    group.at(0).give(1);
    assert.equal(group.marks, HANDOFF | WAIT);
    assert.equal(group.at(0).tryTake(1), false);
    assert.equal(group.at(1).poll(false), true);
    group.at(1).give(1);
    group.take(0);
  }
});

test('whoever gives up wakes nobody, unless he was woken himself', () => {
  const group = new Group();
  group.take(0);
  for (const thread of [1, 2, 3]) group.wait(thread);
  group.at(0).give(1);
  group.at(3).end();
  assert.deepEqual(group.seats, [IDLE, WOKEN, PARKED, IDLE]);
  group.at(1).end();
  assert.deepEqual(group.seats, [IDLE, IDLE, WOKEN, IDLE]);
});

test("a lock that is not taken by whom it was handed to is anybody else's after two slices", () => {
  const group = new Group();
  group.memory.isOld = true;
  group.take(0);
  for (const thread of [1, 2]) group.wait(thread);
  group.passBy(0);
  group.at(1).poll(false);
  group.at(0).give(1);
  assert.equal(group.at(2).poll(group.at(2).lookAround()), false);
  assert.equal(group.at(2).poll(group.at(2).lookAround()), true);
});

test('a lock that was thrown open to one who is dead is taken at the first look', () => {
  const group = new Group();
  group.memory.isOld = true;
  group.take(0);
  for (const thread of [1, 2]) group.wait(thread);
  group.passBy(0);
  group.at(1).poll(false);
  group.at(0).give(1);
  dieUntold(group.layout)({ words: group.words, atomics: Atomics }, 1);
  assert.equal(group.at(2).poll(group.at(2).lookAround()), true);
});

test('fair: two hand-overs, each seen once, are not one that nobody takes', () => {
  const group = new Group(true);
  group.take(0);
  for (const thread of [1, 2, 3]) group.wait(thread);
  for (const thread of [1, 2]) {
    group.at(thread - 1).give(1);
    assert.equal(group.at(3).poll(group.at(3).lookAround(10)), false);
    assert.equal(group.at(thread).poll(false), true);
  }
});

for (const slices of [1, 5]) {
  test(`fair: a hand-over that nobody takes is over after ten slices, ${slices} a look`, () => {
    const group = new Group(true);
    group.take(0);
    for (const thread of [1, 2]) group.wait(thread);
    group.at(0).give(1);
    let looks = 1;
    while (!group.at(2).poll(group.at(2).lookAround(slices))) looks++;
    assert.equal(looks, slices === 1 ? 10 : 3);
  });
}

test('a wait that seeks ends with its time, and leaves the seat', () => {
  const group = new Group();
  group.take(0);
  group.memory.onSleep = (sleeps) => {
    if (sleeps === 0) group.passBy(0);
  };
  assert.equal(group.at(1).take(1, 1), false);
  assert.equal(group.memory.clock, 1);
  assert.deepEqual(group.seats, [IDLE, IDLE, IDLE, IDLE]);
});

test('a wait ends with its time, not with its slice', () => {
  const group = new Group();
  group.take(0);
  assert.equal(group.at(1).take(1, 7), false);
  assert.equal(group.memory.clock, 7);
});

test('a seeker asks once he has waited for a millisecond, and is handed the lock', () => {
  const group = new Group();
  group.take(0);
  group.memory.onSleep = (sleeps) => {
    if (sleeps === 0) group.passBy(0);
    if (sleeps === 3) group.memory.isOld = true;
    if (sleeps === 4) {
      assert.deepEqual([group.seats[1], group.marks], [PARKED, WAIT]);
      group.at(0).give(1);
      assert.equal(group.marks, HANDOFF | WAIT);
    }
  };
  assert.equal(group.at(1).take(1, Infinity), true);
});
