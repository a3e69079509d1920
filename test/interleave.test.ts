/**
 * The schedule checker itself: that it tries every schedule, that its memory behaves like the real one, and that
 * it names each kind of failure. What it finds in locks is in `interleave-locks.test`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore, format, replay, verify } from './support/interleave.js';
import type { Env, Failure, Memory, Mode, Search, Thread } from './support/interleave.js';
import { generator } from './support/interleave/random.js';

function fails(search: Search): Failure {
  const { failure, complete } = explore(search);
  assert.ok(failure, 'it should have found a failure');
  assert.equal(complete, false);
  return failure;
}

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

const wakeAll: Thread = ({ words, atomics }) => void atomics.notify(words, 0);

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

void test('the operations answer and change what the real ones do', () => {
  const random = generator(7);
  const whole = (below: number): number => Math.floor(random() * below);
  const operations = ['add', 'sub', 'and', 'or', 'xor', 'exchange', 'store', 'load', 'cas'] as const;
  const calls = Array.from({ length: 80 }, () => ({
    op: operations[whole(operations.length)],
    index: whole(2),
    a: random() < 0.5 ? whole(3) : whole(2 ** 33) - 2 ** 32,
    b: whole(3),
  }));
  const play = ({ words, atomics }: Memory): number[] =>
    calls.map(({ op = 'load', index, a, b }) => {
      if (op === 'cas') return atomics.compareExchange(words, index, b, a);
      return op === 'load' ? atomics.load(words, index) : atomics[op](words, index, a);
    });
  const real = new Int32Array(new SharedArrayBuffer(8));
  const expected = [...play({ words: real, atomics: Atomics }), ...real];
  let got: number[] = [];
  const thread: Thread = ({ words, atomics }) => {
    got = [...play({ words, atomics }), atomics.load(words, 0), atomics.load(words, 1)];
  };
  verify({ words: 2, threads: [thread] });
  assert.deepEqual(got, expected);
});

const waitThenSign =
  (index: number): Thread =>
  ({ words, atomics, thread }) => {
    assert.equal(atomics.wait(words, index, 0), 'ok');
    atomics.store(words, 2, atomics.load(words, 2) * 10 + thread);
  };

const wakeThreeTimes: Thread = ({ words, atomics }) => {
  assert.equal(atomics.wait(words, 0, 1), 'not-equal');
  assert.equal(atomics.wait(words, 0, 0, 0), 'timed-out');
  assert.equal(atomics.notify(words, 0, 0), 0);
  const woken = [atomics.notify(words, 0, 1), atomics.notify(words, 0), atomics.notify(words, 0)];
  atomics.store(words, 3, Number(woken.join('')));
  atomics.notify(words, 1);
};

void test('notify wakes who came first, on that word alone, and tells how many', () => {
  const threads = [waitThenSign(1), ...times(3, waitThenSign(0)), wakeThreeTimes];
  let end: number[] = [];
  const final = ({ words, atomics }: Memory): void => {
    end = [atomics.load(words, 2), atomics.load(words, 3)];
  };
  // On word 0 the order is 3, 1, 2; 0 parks on word 1. Each one signs when it was woken, and not before.
  const failure = replay({ words: 4, threads, final }, '3 0 1 2 4 4 4 4 3 3 4 1 1 2 2 4 4 4 0 0');
  assert.equal(failure, undefined);
  assert.deepEqual(end, [3120, 120]);
  const early = '3 0 1 2 4 4 4 4 1';
  assert.throws(() => replay({ words: 4, threads }, early), /choice 9 of the schedule, 1, is not open/);
});

const waitTwice: Thread = ({ words, atomics }) => {
  atomics.wait(words, 0, 0, 10);
  atomics.wait(words, 0, 0, 10);
};

const wakeOne: Thread = ({ words, atomics }) => void atomics.notify(words, 0, 1);

void test('who timed out or was killed has lost its place in the queue', () => {
  const search: Search = { words: 1, threads: [...times(3, waitTwice), wakeOne], timeouts: 1, kills: 1 };
  // 0 and 1 park, 0 times out and parks again: 1 is woken.
  assert.equal(replay(search, '0 1 0t 0 3 1'), undefined);
  assert.throws(() => replay(search, '0 1 0t 0 3 0'), /choice 6 of the schedule, 0, is not open/);
  // 1 and 2 park, 1 is killed, 0 parks: 2 is woken.
  assert.equal(replay(search, '1 2 1k 0 3 2'), undefined);
  assert.throws(() => replay(search, '1 2 1k 0 3 0'), /choice 6 of the schedule, 0, is not open/);
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
  const failure = fails({ words: 1, threads: [waitForZeroToGo, setToFive] });
  const told = [
    'deadlock: nobody can go on: thread 0 in wait(0, 0)',
    '1  T0  wait(0, 0) parks  [0]',
    '2  T1  store(0, 5)       [5]  T1 ends',
    "replay: '0 1'",
  ];
  assert.equal(format(failure), told.join('\n'));
  assert.throws(() => verify({ words: 1, threads: [waitForZeroToGo] }), /deadlock.*\n1 {2}T0 {2}wait/);
});

const waitTenMs: Thread = ({ words, atomics }) => {
  assert.equal(atomics.wait(words, 0, 0, 10), 'timed-out');
};

void test('a time-out ends a timed wait, but does not hide a lost wake-up unless asked to', () => {
  const threads = [waitTenMs];
  assert.equal(verify({ words: 1, threads, timeouts: 'choice' }).complete, true);
  assert.equal(verify({ words: 1, threads, timeouts: 1 }).complete, true);
  assert.equal(fails({ words: 1, threads }).kind, 'deadlock');
  assert.equal(fails({ words: 1, threads: twice(waitTenMs), timeouts: 1 }).kind, 'deadlock');
});

void test('the clock moves past the limit of a wait that times out or comes back late', () => {
  const seen = new Set<string>();
  const waiter: Thread = ({ words, atomics, now }) => {
    const start = now();
    const how = atomics.wait(words, 0, 0, 10);
    seen.add(`${how} ${now() - start > 10 ? 'after' : 'before'} the limit`);
  };
  verify({ words: 1, threads: [waiter, wakeAll], timeouts: 'choice' });
  const expected = ['ok after the limit', 'ok before the limit', 'timed-out after the limit'];
  assert.deepEqual([...seen].toSorted(), expected);
});

const setAndWakeOne: Thread = ({ words, atomics }) => {
  atomics.store(words, 0, 1);
  atomics.notify(words, 0, 1);
};

const passWakeUpOn: Thread = ({ words, atomics }) => {
  atomics.wait(words, 0, 0);
  atomics.notify(words, 0, 1);
};

/** A reaper that knows nothing: it lets everybody go on. */
function openForAll({ words, atomics }: Memory): void {
  atomics.store(words, 0, 1);
  atomics.notify(words, 0);
}

void test('a killed thread never runs again, leaves the queue, and swallows what woke it', () => {
  const search: Search = { words: 1, threads: [passWakeUpOn, passWakeUpOn, setAndWakeOne] };
  assert.equal(verify(search).complete, true);
  const killing: Search = { ...search, kills: 1 };
  // Out of the queue: the wake-up goes to the other. Between being woken and running again: it is lost.
  assert.equal(replay(killing, '0 1 0k 2 2 1'), undefined);
  assert.equal(replay(killing, '0 1 2 2 0k')?.kind, 'deadlock');
  assert.throws(() => replay(killing, '0k 0'), /choice 2 .* is not open/);
  assert.throws(() => replay(killing, '0k 1k'), /choice 2 .* is not open/);
  assert.equal(verify({ ...killing, onKill: openForAll }).complete, true);
});

const flagged: Thread = ({ words, atomics, enter, leave }) => {
  if (atomics.exchange(words, 0, 1) !== 0) return;
  enter('section');
  leave('section');
  atomics.store(words, 0, 0);
};

function setToZero({ words, atomics }: Memory): void {
  atomics.store(words, 0, 0);
}

void test('a killed thread has left its sections, or stays inside if told so', () => {
  const search: Search = { words: 1, threads: twice(flagged), kills: 1, onKill: setToZero };
  assert.equal(replay(search, '0 0k 1'), undefined);
  assert.equal(replay({ ...search, killedInside: 'stays' }, '0 0k 1')?.kind, 'exclusion');
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

void test('marks: one thread may go in again when it has left, and not before', () => {
  assert.equal(verify({ words: 1, threads: [goInAgain] }).complete, true);
  assert.equal(fails({ words: 1, threads: [goInTwice] }).kind, 'exclusion');
});

const goInAndEnd: Thread = ({ words, atomics, enter }) => {
  atomics.load(words, 0);
  enter('section');
};

void test('marks: who ends without leaving stays inside', () => {
  assert.equal(verify({ words: 1, threads: [goInAndEnd] }).complete, true);
  const failure = fails({ words: 1, threads: twice(goInAndEnd) });
  assert.deepEqual([failure.kind, failure.choices], ['exclusion', '0 1']);
  assert.equal(fails({ words: 1, threads: [twice(goInAndEnd)] }).kind, 'misuse');
});

const secondThrows: Thread = ({ words, atomics, thread }) => {
  if (atomics.add(words, 0, 1) === 1) throw new Error(`second is ${thread}`);
};

void test('error and final: what threads and assertions throw, with the schedule that led there', () => {
  const error = fails({ words: 1, threads: twice(secondThrows) });
  assert.deepEqual([error.kind, error.choices], ['error', '0 1']);
  assert.match(error.message, /second is 1/);
  const wrong = fails({ words: 1, threads: twice(carelessAdd), final: mustBeTwo });
  assert.deepEqual([wrong.kind, wrong.schedule.length], ['final', 4]);
});

const misuses: Record<string, Thread> = {
  'plain read of words.0': ({ words }) => void words[0],
  'plain write of words.0': ({ words }) => void (words[0] = 1),
  'plain read of words.fill': ({ words }) => void words.fill(1),
  'index 2, but there are 2 words': ({ words, atomics }) => void atomics.load(words, 2),
  'index -1': ({ words, atomics }) => void atomics.add(words, -1, 1),
  'index 0.5': ({ words, atomics }) => void atomics.load(words, 0.5),
  'store with 1.5': ({ words, atomics }) => void atomics.store(words, 0, 1.5),
  'something else than the words': ({ atomics }) => void atomics.load(new Int32Array(2), 0),
  "leave('x') without enter('x')": ({ leave }) => leave('x'),
};

const catching =
  (thread: Thread): Thread =>
  (env) => {
    try {
      thread(env);
    } catch {}
  };

for (const [message, thread] of Object.entries(misuses)) {
  void test(`misuse, even if the code catches it: ${message}`, () => {
    for (const threads of [[thread], [catching(thread)]]) {
      const failure = fails({ words: 2, threads });
      assert.equal(failure.kind, 'misuse');
      assert.ok(failure.message.includes(message), failure.message);
    }
  });
}

void test('misuse: a thread that is not synchronous', () => {
  const thread = (() => Promise.resolve()) as (env: Env) => void;
  assert.match(fails({ words: 1, threads: [thread] }).message, /must be synchronous/);
});

void test('nondeterminism: code that does something else with the same answers', () => {
  let runs = 0;
  const counting: Thread = ({ words, atomics }) => {
    atomics.add(words, 0, runs++);
    atomics.load(words, 0);
  };
  const failure = fails({ words: 1, threads: [counting] });
  assert.equal(failure.kind, 'nondeterminism');
  assert.match(failure.message, /asked for add\(0, \d\) where it had asked for add\(0, \d\)/);
  const exchanging: Thread = ({ words, atomics }) => {
    atomics.compareExchange(words, 0, 0, runs++);
    atomics.load(words, 0);
  };
  assert.equal(fails({ words: 1, threads: [exchanging] }).kind, 'nondeterminism');
});

const goInThenAdd: Thread = ({ words, atomics, enter, leave }) => {
  enter('section');
  leave('section');
  atomics.add(words, 0, 1);
};

const poll: Thread = ({ words, atomics }) => {
  while (atomics.load(words, 0) === 0);
};

void test('nondeterminism: a failure that does not come again', () => {
  let runs = 0;
  const onlyOnce: Thread = ({ words, atomics }) => {
    if (runs++ === 1) throw new Error('once');
    atomics.load(words, 0);
  };
  const failure = fails({ words: 1, threads: [onlyOnce] });
  assert.equal(failure.kind, 'nondeterminism');
  assert.match(failure.message, /once/);
});

const spinOnClock: Thread = ({ now }) => {
  while (now() < 10);
};

void test('livelock: a thread that looks at the clock and at nothing else', () => {
  assert.equal(fails({ words: 1, threads: [spinOnClock] }).kind, 'livelock');
});

void test('livelock: a thread that goes on and on', () => {
  const failure = fails({ words: 1, threads: [poll], steps: 20 });
  assert.deepEqual([failure.kind, failure.schedule.length], ['livelock', 20]);
  assert.match(format(failure), /\n *1-20 {2}T0 {2}load\(0\) -> 0 {2}\[0\]\n/);
  assert.equal(verify({ words: 2, threads: [ownWordTwice], steps: 2 }).complete, true);
  assert.equal(fails({ words: 2, threads: [ownWordTwice], steps: 1 }).kind, 'livelock');
  assert.equal(verify({ words: 1, threads: [goInThenAdd], steps: 1 }).complete, true);
  assert.equal(verify({ words: 1, threads: [poll], init: setToOne }).states, 2);
});

void test('a schedule can be replayed, and one that does not fit is refused', () => {
  const search: Search = { words: 1, threads: twice(carelessAdd), final: mustBeTwo };
  const failure = fails(search);
  assert.deepEqual(replay(search, failure.choices), failure);
  assert.equal(replay(search, '0 0 1 1'), undefined);
  assert.throws(() => replay(search, '0 0 0'), /choice 3 of the schedule, 0, is not open/);
});
