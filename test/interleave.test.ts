/**
 * The schedule checker itself: that it tries every schedule, and names each kind of failure. Its memory is tested in
 * `interleave-memory`, what it finds in locks in `interleave-locks`; `interleave-model` compares it with a model.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore, format, refute, replay, verify } from '../src/testing/interleave.js';
import type { Memory, Mode, Search, Thread } from '../src/testing/interleave.js';

const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const twice = (thread: Thread): Thread[] => times(2, thread);

/** The values of word 0 that the program can end with. */
function outcomes(search: Search): number[] {
  const seen = new Set<number>();
  verify({ ...search, final: ({ words, atomics }) => void seen.add(atomics.load(words, 0)) });
  return [...seen].toSorted((a, b) => a - b);
}

const ownWordTwice: Thread = ({ words, atomics, thread }) => {
  atomics.add(words, thread, 1);
  atomics.add(words, thread, 1);
};

const carelessAdd: Thread = ({ words, atomics }) => {
  atomics.store(words, 0, atomics.load(words, 0) + 1);
};

const mustBeTwo = ({ words, atomics }: Memory): void => assert.equal(atomics.load(words, 0), 2);

const setToFive: Thread = ({ words, atomics }) => void atomics.store(words, 0, 5);

function setToOne({ words, atomics }: Memory): void {
  atomics.store(words, 0, 1);
}

const waitForZeroToGo: Thread = ({ words, atomics }) => void atomics.wait(words, 0, 0);

void test('every schedule is tried, and each state once', () => {
  // Each thread is before its first, before its second or behind both operations: 3 by 3, or 3 by 3 by 3.
  assert.equal(verify({ words: 2, threads: twice(ownWordTwice) }).states, 9);
  assert.equal(verify({ words: 3, threads: [ownWordTwice, ownWordTwice, ownWordTwice] }).states, 27);
});

void test('every outcome of a race is seen', () => {
  assert.deepEqual(outcomes({ words: 1, threads: [carelessAdd] }), [1]);
  assert.deepEqual(outcomes({ words: 1, threads: twice(carelessAdd) }), [1, 2]);
  assert.deepEqual(outcomes({ words: 1, threads: [carelessAdd, carelessAdd, carelessAdd] }), [1, 2, 3]);
  const rounds = twice(carelessAdd);
  assert.deepEqual(outcomes({ words: 1, threads: [rounds, rounds] }), [2, 3, 4]);
});

void test('with a bound the result says that something was left out', () => {
  const careless: Search = { words: 1, threads: twice(carelessAdd) };
  const bounded = (preemptions: number): Search => ({ ...careless, bound: { preemptions } });
  assert.deepEqual(outcomes(bounded(0)), [2]);
  assert.deepEqual(outcomes(bounded(1)), [1, 2]);
  assert.equal(explore(bounded(1)).complete, false);
  assert.equal(explore(bounded(2)).complete, true);
  const few: Search = { ...careless, bound: { states: 3 } };
  assert.equal(explore(few).complete, false);
  assert.throws(() => verify(few), /not complete after \d states/);
});

void test('code that knows only the global Atomics runs as well', () => {
  const threads = twice(({ words }) => void Atomics.store(words, 0, Atomics.load(words, 0) + 1));
  const real = globalThis.Atomics;
  assert.deepEqual(outcomes({ words: 1, threads }), [1, 2]);
  assert.equal(globalThis.Atomics, real);
});

const addsOnTheWayOut: Thread = ({ words, atomics, now }) => {
  try {
    atomics.add(words, 0, 1);
  } finally {
    now();
    atomics.add(words, 0, 10);
  }
};

void test('a thread that is unwound cannot act on the way out', () => {
  assert.deepEqual(outcomes({ words: 1, threads: twice(addsOnTheWayOut) }), [22]);
});

void test('deadlock: a wait that nobody ends, and the schedule tells how', () => {
  const failure = refute({ words: 1, threads: [waitForZeroToGo, setToFive] });
  const told = [
    'deadlock: nobody can go on: thread 0 in wait(0, 0)',
    '1  T0  wait(0, 0) parks  [0]',
    '2  T1  store(0, 5)       [5]  T1 ends',
    "replay: '0 1'",
  ];
  assert.equal(format(failure), told.join('\n'));
  assert.throws(() => verify({ words: 1, threads: [waitForZeroToGo] }), /deadlock.*\n1 {2}T0 {2}wait/);
});

const visit =
  (mode: Mode, name?: string): Thread =>
  ({ thread, enter, leave }) => {
    enter(name ?? `section ${thread}`, mode);
    leave(name ?? `section ${thread}`);
  };

void test('marks: who may be inside with whom', () => {
  const kind = (...modes: Mode[]): string | undefined =>
    explore({ words: 0, threads: modes.map((mode) => visit(mode, 'section')) }).failure?.kind;
  assert.equal(kind('exclusive'), undefined);
  assert.equal(kind('exclusive', 'exclusive'), 'exclusion');
  assert.equal(kind('shared', 'exclusive'), 'exclusion');
  assert.equal(kind('exclusive', 'shared'), 'exclusion');
  assert.equal(kind('shared', 'shared'), undefined);
  assert.equal(kind({ capacity: 2 }, { capacity: 2 }), undefined);
  assert.equal(kind({ capacity: 2 }, { capacity: 2 }, { capacity: 2 }), 'capacity');
  assert.equal(kind({ capacity: 3, permits: 2 }, { capacity: 3, permits: 2 }), 'capacity');
  assert.equal(verify({ words: 0, threads: twice(visit('exclusive')) }).complete, true);
});

const goInAgain: Thread = ({ words, atomics, enter, leave }) => {
  enter('section');
  atomics.load(words, 0);
  leave('section');
  enter('section');
  leave('section');
};

const goInTwice: Thread = ({ enter }) => {
  enter('section');
  enter('section');
};

const goInDeeper: Thread = ({ words, atomics, enter, leave }) => {
  enter('outer');
  enter('inner');
  leave('inner');
  atomics.load(words, 0);
  leave('outer');
};

void test('marks: sections are left one by one', () => {
  assert.equal(verify({ words: 1, threads: [goInDeeper] }).complete, true);
});

void test('marks: one thread may go in again when it has left, and not before', () => {
  assert.equal(verify({ words: 1, threads: [goInAgain] }).complete, true);
  assert.equal(refute({ words: 1, threads: [goInTwice] }).kind, 'exclusion');
});

const goInAndEnd: Thread = ({ words, atomics, enter }) => {
  atomics.load(words, 0);
  enter('section');
};

void test('marks: who ends without leaving stays inside', () => {
  assert.equal(verify({ words: 1, threads: [goInAndEnd] }).complete, true);
  const failure = refute({ words: 1, threads: twice(goInAndEnd) });
  assert.deepEqual([failure.kind, failure.choices], ['exclusion', '0 1']);
  assert.equal(refute({ words: 1, threads: [twice(goInAndEnd)] }).kind, 'misuse');
});

const secondThrows: Thread = ({ words, atomics, thread }) => {
  if (atomics.add(words, 0, 1) === 1) throw new Error(`second is ${thread}`);
};

void test('error and final: what threads and assertions throw, with the schedule that led there', () => {
  const error = refute({ words: 1, threads: twice(secondThrows) });
  assert.deepEqual([error.kind, error.choices], ['error', '0 1']);
  assert.match(error.message, /second is 1/);
  const wrong = refute({ words: 1, threads: twice(carelessAdd), final: mustBeTwo });
  assert.deepEqual([wrong.kind, wrong.schedule.length], ['final', 4]);
});

void test('nondeterminism: code that does something else with the same answers', () => {
  let runs = 0;
  const counting: Thread = ({ words, atomics }) => {
    atomics.add(words, 0, runs++);
    atomics.load(words, 0);
  };
  const failure = refute({ words: 1, threads: [counting] });
  assert.equal(failure.kind, 'nondeterminism');
  assert.match(failure.message, /asked for add\(0, \d\) where it had asked for add\(0, \d\)/);
  const exchanging: Thread = ({ words, atomics }) => {
    atomics.compareExchange(words, 0, 0, runs++);
    atomics.load(words, 0);
  };
  assert.equal(refute({ words: 1, threads: [exchanging] }).kind, 'nondeterminism');
});

const addTwiceInside: Thread = ({ words, atomics, enter, leave }) => {
  enter('section');
  atomics.add(words, 0, 1);
  atomics.add(words, 0, 1);
  leave('section');
};

const poll: Thread = ({ words, atomics }) => {
  while (atomics.load(words, 0) === 0);
};

void test('nondeterminism: a failure that does not come again', () => {
  let runs = 0;
  const onlyOnce: Thread = ({ words, atomics }) => {
    atomics.load(words, 0);
    if (runs++ === 0) throw new Error('once');
  };
  const failure = refute({ words: 1, threads: [onlyOnce] });
  assert.deepEqual([failure.kind, failure.choices], ['nondeterminism', '0']);
  assert.match(failure.message, /found once.*error: .*once/);
});

const spinOnClock: Thread = ({ now }) => {
  while (now() < 10);
};

void test('livelock: a thread that looks at the clock and at nothing else', () => {
  assert.equal(refute({ words: 1, threads: [spinOnClock] }).kind, 'livelock');
});

void test('livelock: a thread that goes on and on', () => {
  const failure = refute({ words: 1, threads: [poll], steps: 20 });
  assert.deepEqual([failure.kind, failure.schedule.length], ['livelock', 20]);
  assert.match(format(failure), /\n *1-20 {2}T0 {2}load\(0\) -> 0 {2}\[0\]\n/);
  assert.equal(verify({ words: 2, threads: [ownWordTwice], steps: 2 }).complete, true);
  assert.equal(refute({ words: 2, threads: [ownWordTwice], steps: 1 }).kind, 'livelock');
  assert.equal(verify({ words: 1, threads: [addTwiceInside], steps: 2 }).complete, true);
  assert.equal(verify({ words: 1, threads: [poll], init: setToOne }).states, 2);
});

void test('a schedule can be replayed, and one that does not fit is refused', () => {
  const search: Search = { words: 1, threads: twice(carelessAdd), final: mustBeTwo };
  const failure = refute(search);
  assert.deepEqual(replay(search, failure.choices), failure);
  assert.deepEqual(replay(search, `${failure.choices} 1 0 1`), failure);
  assert.equal(replay(search, '0 0 1 1'), undefined);
  assert.throws(() => replay(search, '0 0 0'), /choice 3 of the schedule, 0, is not open/);
});
