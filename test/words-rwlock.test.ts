/** The reader-writer lock's words under the schedule checker: every schedule within the bound, with deaths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEAD, NAME } from '../src/words/life.js';
import { READ } from '../src/words/readers.js';
import { WORD } from '../src/words/seat.js';
import { ALL, RWLockWords, UNTOLD } from '../src/words/rwlock.js';
import type { Env, Search, Thread } from '../src/testing/interleave.js';
import { times } from './support/lock-programs.js';
import {
  allJoined,
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
  (threads: number, kind: Kind, units: number, ms: number = Infinity): Thread =>
  (env) => {
    const lock = lockOf(env, threads, kind);
    if (!lock.take(units, ms)) return;
    if (lock.recovered) Atomics.add(env.words, tellsAt(threads), 1);
    lock.recovered = false;
    lock.give(units);
  };

/** The first thread has died inside, writing. Somebody is told, or whoever comes next will be. */
const widowed = (threads: Search['threads'], more: Partial<Search> = {}): Search => {
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
      ...more,
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
  test(`${name}: a writer who gives up, or tries, leaves the news of a death to the next`, () => {
    const bound = { preemptions: 2 };
    for (const told of [READ, ALL]) {
      const next = isTold(3, kind, told);
      const impatient = [isTold(3, kind, ALL, 10), next];
      holds(widowed([leavesUntold(3, kind, READ), impatient], { timeouts: 1, bound }));
      holds(widowed([leavesUntold(3, kind, READ), [triesUntold(3, kind), next]], { bound }));
    }
  });
  test(`${name}: a writer who dies in the middle does not take the news of another death with him`, () => {
    const memory = new Memory(new Int32Array(0), layoutOf(4));
    const [word, untold] = [memory.slot(0) + WORD, memory.slot(0) + UNTOLD];
    const final: Search['final'] = ({ words, atomics }) => {
      const left = (atomics.load(words, word) & NAME) | atomics.load(words, untold);
      assert.ok(atomics.load(words, tellsAt(4)) > 0 || left !== 0);
    };
    const threads = [leavesUntold(4, kind, READ), write(4, kind), isTold(4, kind, READ)];
    const onKill = die(layoutOf(4));
    holds(widowed(threads, { kills: 1, victims: [2], rescues: 3, bound: { preemptions: 1 }, onKill, final }));
  });
}

// A reader is in after a writer's death, and gives up before it could be told; meanwhile another writer has come.
for (const told of [READ, ALL]) {
  test(`whoever comes as a ${told === READ ? 'reader' : 'writer'} after a writer who died waiting for readers is told of the one before`, () => {
    const layout = layoutOf(4);
    const words = new Int32Array(new SharedArrayBuffer(4 * wordsFor(layout)));
    allJoined(layout)({ words, atomics: Atomics });
    const memory = new CheckedMemory(words, layout);
    const [dead, reader, writer, next] = [0, 1, 2, 3].map(
      (thread) => new RWLockWords(placeOf(memory, thread), false, { lock: 0, seat: 0, naps: 0 }),
    );
    assert.ok(dead !== undefined && reader !== undefined && writer !== undefined && next !== undefined);
    assert.equal(dead.tryTake(ALL), true);
    die(layout)({ words, atomics: Atomics }, 0);
    assert.deepEqual([reader.tryTake(READ), reader.recovered], [true, true]);
    writer.begin(ALL);
    assert.equal(writer.poll(false), false);
    die(layout)({ words, atomics: Atomics }, 2);
    reader.give(READ);
    assert.deepEqual([next.tryTake(told), next.recovered], [true, true]);
    next.recovered = false;
    next.give(told);
    assert.deepEqual([next.tryTake(ALL), next.recovered], [true, false]);
  });
}
