/** The reader-writer lock's words under the schedule checker: every schedule within the bound, with deaths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEAD, NAME } from '../src/words/life.js';
import { READ } from '../src/words/readers.js';
import { WORD } from '../src/words/seat.js';
import { ALL, RWLockWords } from '../src/words/rwlock.js';
import type { Env, Search, Thread } from './support/interleave.js';
import { times } from './support/lock-programs.js';
import {
  CheckedMemory,
  die,
  dieUntold,
  holds,
  layoutOf,
  placeOf,
  program,
  wordsFor,
} from './support/words.js';
import { Memory } from '../src/words/memory.js';

interface Kind {
  readonly fair: boolean;
  readonly old: boolean;
  readonly spins?: number;
}

const kinds: Record<string, Kind> = {
  open: { fair: false, old: false },
  'handed over': { fair: false, old: true },
  fair: { fair: true, old: false },
};

const lockOf = ({ words, thread, now }: Env, threads: number, { fair, old, spins = 0 }: Kind): RWLockWords =>
  new RWLockWords(placeOf(new CheckedMemory(words, layoutOf(threads), now, old), thread), fair, {
    lock: spins,
    seat: 0,
    naps: 0,
  });

const read =
  (threads: number, kind: Kind, ms = Infinity): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    if (!lock.take(1, ms)) return;
    env.enter('data', 'shared');
    env.leave('data');
    lock.give(1);
  };

const write =
  (threads: number, kind: Kind, ms = Infinity): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    if (!lock.take(ALL, ms)) return;
    env.enter('data');
    env.leave('data');
    lock.give(ALL);
  };

const tryBoth =
  (threads: number, kind: Kind): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    if (lock.tryTake(ALL)) {
      env.enter('data');
      env.leave('data');
      lock.give(ALL);
    } else if (lock.tryTake(1)) {
      env.enter('data', 'shared');
      env.leave('data');
      lock.give(1);
    }
  };

const upgrade =
  (threads: number, kind: Kind): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    lock.take(1, Infinity);
    if (lock.tryTake(ALL - 1)) {
      env.enter('data');
      env.leave('data');
      lock.give(ALL - 1);
    }
    env.enter('data', 'shared');
    env.leave('data');
    lock.give(1);
  };

/** Takes it, and gives it back without having told anybody that a writer has died. */
const leavesUntold =
  (threads: number, kind: Kind, units: number): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    lock.take(units, Infinity);
    lock.give(units);
  };

/** The same, if it can be had at once. */
const triesUntold =
  (threads: number, kind: Kind): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    if (lock.tryTake(ALL)) lock.give(ALL);
  };

const tellsAt = (threads: number): number => wordsFor(layoutOf(threads));

/** Counts how often it is told. */
const isTold =
  (threads: number, kind: Kind, units: number): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    lock.take(units, Infinity);
    if (lock.recovered) Atomics.add(env.words, tellsAt(threads), 1);
    lock.recovered = false;
    lock.give(units);
  };

/** The first thread has died inside, writing. Somebody is told, or whoever comes next will be. */
const widowed = (threads: Thread[]): Search => {
  const count = threads.length + 1;
  const memory = new Memory(new Int32Array(0), layoutOf(count));
  const { name } = placeOf(memory, 0);
  const word = memory.slot(0) + WORD;
  return program(
    [() => {}, ...threads],
    {
      bound: { preemptions: 3 },
      init({ words, atomics }) {
        atomics.store(words, memory.life, DEAD);
        atomics.store(words, word, name);
      },
      final({ words, atomics }) {
        const left = (atomics.load(words, word) & NAME) === name ? 1 : 0;
        assert.equal(atomics.load(words, tellsAt(count)) + left, 1);
      },
    },
    { spare: 1 },
  );
};

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: a reader and a writer, two rounds`, () => {
    holds(program([times(2, read(2, kind)), write(2, kind)], { bound: { preemptions: 4 } }));
    holds(program([read(2, kind), times(2, write(2, kind))], { bound: { preemptions: 4 } }));
  });
  test(`${name}: a reader and a writer, a short spin`, () => {
    const spinning = { ...kind, spins: 1 };
    const threads = [times(2, read(2, spinning)), times(2, write(2, spinning))];
    holds(program(threads, { bound: { preemptions: 3 } }));
    holds(program(times(2, write(2, spinning)), { kills: 1, rescues: 3, bound: { preemptions: 3 } }));
  });
  test(`${name}: two writers`, () => {
    holds(program([write(2, kind), times(2, write(2, kind))]));
  });
  test(`${name}: a reader and a writer, any time-outs`, () => {
    holds(program([read(2, kind, 10), write(2, kind)], { timeouts: 2, bound: { preemptions: 3 } }));
    holds(program([read(2, kind), write(2, kind, 10)], { timeouts: 2, bound: { preemptions: 3 } }));
  });
  test(`${name}: tries`, () => {
    holds(program([tryBoth(2, kind), [write(2, kind), read(2, kind)]]));
  });
  test(`${name}: upgrades and downgrades`, () => {
    holds(program([upgrade(2, kind), write(2, kind)], { bound: { preemptions: 4 } }));
    holds(program([upgrade(2, kind), upgrade(2, kind)], { bound: { preemptions: 4 } }));
  });
  test(`${name}: one dies`, () => {
    const bound = { preemptions: 3 };
    for (const onKill of [die(layoutOf(2)), dieUntold(layoutOf(2))]) {
      holds(program([times(2, read(2, kind)), write(2, kind)], { kills: 1, rescues: 3, onKill, bound }));
      holds(program([upgrade(2, kind), write(2, kind)], { kills: 1, rescues: 3, onKill, bound }));
    }
  });
  test(`${name}: three threads`, () => {
    const bound = { preemptions: 2 };
    holds(program([read(3, kind), read(3, kind), write(3, kind)], { bound }));
    holds(program([read(3, kind), write(3, kind), write(3, kind)], { bound }));
    holds(program([upgrade(3, kind), read(3, kind), write(3, kind)], { bound }));
  });
  test(`${name}: three threads, one dies or is short of time`, () => {
    const bound = { preemptions: 1 };
    holds(program([read(3, kind), read(3, kind), write(3, kind)], { bound, kills: 1, rescues: 3 }));
    holds(program([read(3, kind), write(3, kind), write(3, kind)], { bound, kills: 1, rescues: 3 }));
    holds(program([read(3, kind, 10), write(3, kind, 10), write(3, kind)], { bound, timeouts: 2 }));
  });
  test(`${name}: whoever leaves untold leaves the news of a death to the next`, () => {
    for (const told of [READ, ALL]) {
      for (const leaves of [READ, ALL])
        holds(widowed([leavesUntold(3, kind, leaves), isTold(3, kind, told)]));
      holds(widowed([triesUntold(3, kind), isTold(3, kind, told)]));
    }
  });
}
