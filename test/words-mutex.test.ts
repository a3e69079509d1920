/** The mutex's words under the schedule checker: every schedule, with time-outs and with a death at every point. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join, slotOf } from '../src/words/life.js';
import { ARENA, Memory } from '../src/words/memory.js';
import { MutexWords } from '../src/words/mutex.js';
import { HANDOFF, WAIT } from '../src/words/ownership.js';
import { SEAT_STATE } from '../src/words/row.js';
import { WOKEN, WORD } from '../src/words/seat.js';
import { threadId } from '../src/words/thread.js';
import type { Env, Search, Thread } from '../src/testing/interleave.js';
import { times, visit } from './support/lock-programs.js';
import { CheckedMemory, dieUntold, holds, layoutOf, placeOf, program, wordsFor } from './support/words.js';

interface Kind {
  readonly fair: boolean;
  readonly old: boolean;
  readonly spins?: number;
  readonly naps?: number;
}

const kinds: Record<string, Kind> = {
  open: { fair: false, old: false },
  'handed over': { fair: false, old: true },
  seeking: { fair: false, old: false, naps: 2 },
  'seeking and handed over': { fair: false, old: true, naps: 2 },
  fair: { fair: true, old: false },
};

const mutexOf = (
  { words, thread, now }: Env,
  threads: number,
  { fair, old, spins = 0, naps = 0 }: Kind,
): MutexWords =>
  new MutexWords(placeOf(new CheckedMemory(words, layoutOf(threads), now, old), thread), fair, {
    lock: spins,
    seat: spins,
    naps,
  });

const lock =
  (threads: number, kind: Kind, ms = Infinity): Thread =>
  (env) => {
    const mutex = mutexOf(env, threads, kind);
    if (!mutex.take(1, ms)) return;
    mutex.recovered = false;
    visit(env);
    mutex.give(1);
  };

const tryLock =
  (threads: number, kind: Kind): Thread =>
  (env) => {
    const mutex = mutexOf(env, threads, kind);
    if (!mutex.tryTake(1)) return;
    mutex.recovered = false;
    visit(env);
    mutex.give(1);
  };

/** Takes it, and where somebody has died gives it back without having told anybody. */
const takeBack =
  (threads: number, kind: Kind): Thread =>
  (env) => {
    const mutex = mutexOf(env, threads, kind);
    mutex.take(1, Infinity);
    const { recovered } = mutex;
    mutex.give(1);
    // With two threads nobody else can have heard of it.
    if (!recovered || threads > 2) return;
    mutex.take(1, Infinity);
    assert.equal(mutex.recovered, true, 'the news is lost');
    mutex.recovered = false;
    mutex.give(1);
  };

/** Says in a spare word that it is inside. Who finds that said comes after one who died there, and must be told. */
const tellTale =
  (threads: number, kind: Kind, ms = Infinity): Thread =>
  (env) => {
    const { atomics, words } = env;
    const said = wordsFor(layoutOf(threads));
    const mutex = mutexOf(env, threads, kind);
    if (!mutex.take(1, ms)) return;
    if (atomics.load(words, said) === 1) assert.equal(mutex.recovered, true, 'the news is lost');
    mutex.recovered = false;
    atomics.store(words, said, 1);
    atomics.store(words, said, 0);
    mutex.give(1);
  };

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: two rounds against one`, () => {
    holds(program([times(2, lock(2, kind)), lock(2, kind)]));
  });
  test(`${name}: two threads, a short spin`, () => {
    holds(program(times(2, lock(2, { ...kind, spins: 1 }))));
  });
  test(`${name}: two rounds against one that is short of time`, () => {
    holds(program([times(2, lock(2, kind)), lock(2, kind, 10)], { timeouts: 2 }));
  });
  // Once a waiter that had slept a slice went back to spinning over the wake-up that had just come.
  test(`${name}: a short spin, and a slice that ends`, () => {
    const threads = [lock(2, { ...kind, spins: 1 }), lock(2, { ...kind, spins: 1 })];
    holds(program(threads, { timeouts: 1 }));
  });
  test(`${name}: try against lock`, () => {
    holds(program([times(2, tryLock(2, kind)), times(2, lock(2, kind))]));
  });
  test(`${name}: two rounds against one, one dies`, () => {
    holds(program([times(2, lock(2, kind)), lock(2, kind)], { kills: 1, rescues: 3 }));
  });
  test(`${name}: two rounds against one, one dies and nobody is told`, () => {
    const onKill = dieUntold(layoutOf(2));
    holds(program([times(2, lock(2, kind)), lock(2, kind)], { kills: 1, rescues: 3, onKill }));
  });
  test(`${name}: one dies, and its successor gives it back untold`, () => {
    holds(program([times(2, lock(2, kind)), takeBack(2, kind)], { kills: 1, rescues: 4 }));
    const threads = [lock(3, kind), takeBack(3, kind), lock(3, kind)];
    holds(program(threads, { kills: 1, rescues: 4, bound: { preemptions: 2 } }));
  });
  for (const [how, onKill] of [
    ['', undefined],
    [' and only the system knows', dieUntold],
  ] as const) {
    test(`${name}: one dies inside${how}, and the next one is told`, () => {
      const dying = (threads: number): Partial<Search> => ({
        kills: threads - 1,
        ...(onKill && { onKill: onKill(layoutOf(threads)) }),
      });
      const two = [times(2, tellTale(2, kind)), tellTale(2, kind, 10)];
      holds(program(two, { ...dying(2), rescues: 3, timeouts: 1 }, { spare: 1 }));
      // The next one may die as well. A fair lock that was handed to a dead one is anybody's after ten slices.
      const three = { ...dying(3), rescues: 12, bound: { preemptions: 1 } };
      holds(program(times(3, tellTale(3, kind)), three, { spare: 1 }));
    });
  }
  test(`${name}: three threads`, () => {
    holds(program(times(3, lock(3, kind)), { bound: { preemptions: 3 } }));
  });
  // One parks while another one seeks, and is answered for.
  test(`${name}: three threads, one of them twice`, () => {
    const threads = [times(2, lock(3, kind)), lock(3, kind), lock(3, kind)];
    holds(program(threads, { bound: { preemptions: 3 } }));
  });
  test(`${name}: three threads, one dies`, () => {
    holds(program(times(3, lock(3, kind)), { kills: 1, rescues: 3, bound: { preemptions: 2 } }));
  });
}

// Between the two steps of a hand-over, the mark in the word and the wake-up, nobody has been woken yet.
test('fair: whoever looks around while the lock is being handed over does not pass the next one', () => {
  const memory = new Memory(new Int32Array(new SharedArrayBuffer(4 * Memory.size(ARENA))));
  const [holder, next, last] = [0, 1, 2].map(() => {
    const name = join(memory, threadId) ?? assert.fail('no room');
    return new MutexWords({ memory, lock: 0, name, slot: slotOf(name) }, true);
  });
  assert.ok(holder !== undefined && next !== undefined && last !== undefined);
  assert.equal(holder.tryTake(1), true);
  for (const waiter of [next, last]) {
    waiter.begin(1);
    assert.equal(waiter.poll(false), false);
  }
  const word = memory.slot(0) + WORD;
  const seat = memory.row(slotOf(next.place.name), 0) + SEAT_STATE;
  Atomics.store(memory.words, word, HANDOFF | WAIT);
  assert.equal(last.poll(last.lookAround()), false);
  Atomics.store(memory.words, seat, WOKEN);
  assert.equal(last.poll(last.lookAround()), false);
  assert.equal(next.poll(false), true);
});
