/** A condition's words, with a mutex's beside them, under the schedule checker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConditionWords } from '../src/words/condition.js';
import { MutexWords } from '../src/words/mutex.js';
import type { Env, Search, Thread } from '../src/testing/interleave.js';
import {
  CheckedMemory,
  die,
  dieUntold,
  holds,
  layoutOf,
  placeOf,
  program as programOf,
  wordsFor,
} from './support/words.js';

/** A word that the mutex protects: how many may pass. */
const flagOf = (threads: number): number => wordsFor(layoutOf(threads, 2));

function open(
  { words, thread, now }: Env,
  threads: number,
): { mutex: MutexWords; condition: ConditionWords } {
  const memory = new CheckedMemory(words, layoutOf(threads, 2), now);
  const mutex = new MutexWords(placeOf(memory, thread), false, { lock: 0, seat: 0, naps: 0 });
  return { mutex, condition: new ConditionWords(placeOf(memory, thread, 1)) };
}

/** Waits until something is there, and takes it. */
const taker =
  (threads: number, ms = Infinity): Thread =>
  (env) => {
    const { mutex, condition } = open(env, threads);
    const flag = flagOf(threads);
    mutex.take(1, Infinity);
    while (env.atomics.load(env.words, flag) === 0) {
      condition.enter();
      mutex.give(1);
      const notified = condition.wait(ms);
      // What came too late for us is somebody else's.
      const given = condition.takeNotifies();
      if (given > 0) condition.notify(given);
      mutex.take(1, Infinity);
      if (!notified) break;
    }
    const there = env.atomics.load(env.words, flag);
    if (there > 0) env.atomics.store(env.words, flag, there - 1);
    mutex.give(1);
  };

/** Puts some there, and notifies as many. */
const giver =
  (threads: number, count: number): Thread =>
  (env) => {
    const { mutex, condition } = open(env, threads);
    const flag = flagOf(threads);
    mutex.take(1, Infinity);
    env.atomics.store(env.words, flag, env.atomics.load(env.words, flag) + count);
    condition.notify(count);
    mutex.give(1);
  };

const program = (threads: Thread[], more: Partial<Search> = {}): Search =>
  programOf(threads, more, { locks: 2, spare: 1 });

test('one waits, one notifies', () => {
  holds(program([taker(2), giver(2, 1)]));
});

test('one waits for a while, one notifies', () => {
  holds(program([taker(2, 10), giver(2, 1)], { timeouts: 2, bound: { preemptions: 4 } }));
});

test('whoever has been notified does not count as waiting any more', () => {
  const waits: Thread = (env) => {
    const { condition } = open(env, 2);
    condition.enter();
    condition.wait(0);
  };
  const notifies: Thread = (env) => {
    const { condition } = open(env, 2);
    assert.ok(condition.notify(1) + condition.notify(1) <= 1);
  };
  holds(program([waits, notifies]));
});

test('two wait, one notifies both', () => {
  holds(program([taker(3), taker(3), giver(3, 2)], { bound: { preemptions: 2 } }));
});

test('a notify that comes when its waiter gives up goes to the other', () => {
  const threads = [taker(3, 10), taker(3), giver(3, 2)];
  holds(program(threads, { timeouts: 1, bound: { preemptions: 2 } }));
});

for (const [how, onKill] of [
  ['', die(layoutOf(3, 2))],
  [' and nobody is told', dieUntold(layoutOf(3, 2))],
] as const) {
  test(`a waiter dies${how}: what it was given goes to the other`, () => {
    const threads = [taker(3), taker(3), giver(3, 2)];
    holds(program(threads, { kills: 1, victims: [0], rescues: 3, bound: { preemptions: 1 }, onKill }));
  });
}
