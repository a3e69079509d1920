/**
 * The memory under the schedule checker: what operations answer, who is woken, what time-outs, the clock and deaths
 * do, and what is refused. It must behave like the memory that real threads share.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refute, replay, verify } from '../src/testing/interleave.js';
import type { Env, Memory, Search, Thread } from '../src/testing/interleave.js';
import { generator } from '../src/testing/random.js';

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
  const threads = [waitThenSign(1), waitThenSign(0), waitThenSign(0), waitThenSign(0), wakeThreeTimes];
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
  const search: Search = {
    words: 1,
    threads: [waitTwice, waitTwice, waitTwice, wakeOne],
    timeouts: 1,
    kills: 1,
  };
  // 0 and 1 park, 0 times out and parks again: 1 is woken.
  assert.equal(replay(search, '0 1 0t 0 3 1'), undefined);
  assert.throws(() => replay(search, '0 1 0t 0 3 0'), /choice 6 of the schedule, 0, is not open/);
  // 1 and 2 park, 1 is killed, 0 parks: 2 is woken.
  assert.equal(replay(search, '1 2 1k 0 3 2'), undefined);
  assert.throws(() => replay(search, '1 2 1k 0 3 0'), /choice 6 of the schedule, 0, is not open/);
});

const wakeAll: Thread = ({ words, atomics }) => void atomics.notify(words, 0);

const waitTenMs: Thread = ({ words, atomics }) => {
  assert.equal(atomics.wait(words, 0, 0, 10), 'timed-out');
};

void test('a time-out ends a timed wait, but does not hide a lost wake-up unless asked to', () => {
  const threads = [waitTenMs];
  assert.equal(verify({ words: 1, threads, timeouts: 'choice' }).complete, true);
  assert.equal(verify({ words: 1, threads, timeouts: 1 }).complete, true);
  assert.equal(refute({ words: 1, threads }).kind, 'deadlock');
  assert.equal(refute({ words: 1, threads: [waitTenMs, waitTenMs], timeouts: 1 }).kind, 'deadlock');
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
  const search: Search = { words: 1, threads: [flagged, flagged], kills: 1, onKill: setToZero };
  assert.equal(replay(search, '0 0k 1'), undefined);
  assert.equal(replay({ ...search, killedInside: 'stays' }, '0 0k 1')?.kind, 'exclusion');
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
      const failure = refute({ words: 2, threads });
      assert.equal(failure.kind, 'misuse');
      assert.ok(failure.message.includes(message), failure.message);
    }
  });
}

void test('misuse: a thread that is not synchronous', () => {
  const thread = (() => Promise.resolve()) as (env: Env) => void;
  assert.match(refute({ words: 1, threads: [thread] }).message, /must be synchronous/);
});
