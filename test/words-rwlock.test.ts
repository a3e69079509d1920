/** The reader-writer lock's words under the schedule checker: every schedule within the bound, with deaths. */
import { test } from 'node:test';
import { GENERATION } from '../src/words/row.js';
import { ALL, RWLockWords } from '../src/words/rwlock.js';
import { verify } from './support/interleave.js';
import type { Env, Search, Thread } from './support/interleave.js';
import { times } from './support/lock-programs.js';
import { allJoined, CheckedMemory, die, dieUntold, layoutOf, placeOf, wordsFor } from './support/words.js';
import { Memory } from '../src/words/memory.js';

interface Kind {
  readonly fair: boolean;
  readonly old: boolean;
}

const kinds: Record<string, Kind> = {
  open: { fair: false, old: false },
  'handed over': { fair: false, old: true },
  fair: { fair: true, old: false },
};

const lockOf = ({ words, thread, now }: Env, threads: number, { fair, old }: Kind): RWLockWords =>
  new RWLockWords(placeOf(new CheckedMemory(words, layoutOf(threads), now, old), thread), fair, {
    lock: 0,
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

const program = (threads: Search['threads'], more: Partial<Search> = {}): Search => {
  const layout = layoutOf(threads.length);
  const join = allJoined(layout);
  return {
    words: wordsFor(layout),
    threads,
    init: (memory) => {
      join(memory);
      const block = new Memory(memory.words, layout);
      for (let t = 0; t < layout.threads; t++)
        memory.atomics.store(memory.words, block.row(t, 0) + GENERATION, 1);
    },
    onKill: die(layout),
    steps: 300,
    ...more,
  };
};

const REPORT = process.env['TIERLOCK_STATES'] === '1';
const holds = (search: Search): void => {
  const result = verify(search);
  if (REPORT) console.log(result.states, result.steps, result.complete);
};

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: a reader and a writer, two rounds`, () => {
    holds(program([times(2, read(2, kind)), write(2, kind)], { bound: { preemptions: 4 } }));
    holds(program([read(2, kind), times(2, write(2, kind))], { bound: { preemptions: 4 } }));
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
}
