/**
 * What the schedule checker finds in locks: nothing in the right ones, and each seeded mistake, with a schedule as
 * short as the mistake allows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore, format, refute, replay, verify } from '../src/testing/interleave.js';
import type { Env, Failure, Memory, Search, Thread } from '../src/testing/interleave.js';
import {
  bury,
  futex,
  handOff,
  permit,
  read,
  times,
  tryHandOff,
  twoPermits,
  write,
} from './support/lock-programs.js';
import type { Of, Lockable } from './support/lock-programs.js';
import {
  FutexMutex,
  GenerationMutex,
  HandOffMutex,
  ReadWriteLock,
  Semaphore,
} from './support/reference-locks.js';
import * as seeded from './support/seeded-locks.js';

/** Finds the failure, shows that its schedule fails in the same way again, and holds it to kind and length. */
function finds(kind: Failure['kind'], steps: number, search: Search): Failure {
  const failure = refute(search);
  assert.deepEqual([failure.kind, failure.schedule.length], [kind, steps], format(failure));
  assert.equal(replay(search, failure.choices)?.message, failure.message);
  return failure;
}

const right: Record<string, Search> = {
  'futex mutex, 2 threads, 2 rounds in one go': {
    words: 1,
    threads: times(2, (env: Env) => {
      futex(FutexMutex)(env);
      futex(FutexMutex)(env);
    }),
  },
  'futex mutex, 2 threads, 3 rounds': { words: 1, threads: times(2, times(3, futex(FutexMutex))) },
  'futex mutex, 3 threads': { words: 1, threads: times(3, futex(FutexMutex)) },
  'futex mutex, 3 threads, any time-outs': {
    words: 1,
    threads: times(3, futex(FutexMutex, 10)),
    timeouts: 'choice',
  },
  'hand-off mutex, 2 threads, 2 rounds': { words: 1, threads: times(2, times(2, handOff(HandOffMutex))) },
  'hand-off mutex, 2 threads, 2 rounds, any time-outs': {
    words: 1,
    threads: times(2, times(2, handOff(HandOffMutex, 10))),
    timeouts: 'choice',
  },
  'hand-off mutex, try-lock against locks with time-outs': {
    words: 1,
    threads: [[handOff(HandOffMutex), tryHandOff(HandOffMutex)], times(2, handOff(HandOffMutex, 10))],
    timeouts: 'choice',
  },
  'hand-off mutex, 2 threads, 2 rounds, one is killed': {
    words: 1,
    threads: times(2, times(2, handOff(HandOffMutex))),
    kills: 1,
    onKill: bury(HandOffMutex),
  },
  'semaphore of 2, 3 threads, any time-outs': {
    words: 1,
    init: twoPermits,
    threads: times(3, permit(Semaphore, 10)),
    timeouts: 'choice',
  },
  'readers and writer': {
    words: 2,
    threads: [read(ReadWriteLock), read(ReadWriteLock), write(ReadWriteLock)],
  },
  'reader and writers': {
    words: 2,
    threads: [read(ReadWriteLock), write(ReadWriteLock), write(ReadWriteLock)],
  },
};

for (const [name, search] of Object.entries(right)) {
  void test(`right in every schedule: ${name}`, (t) => {
    const started = performance.now();
    const { states, steps, complete } = verify(search);
    assert.equal(complete, true);
    t.diagnostic(`${states} states, ${steps} steps, ${Math.round(performance.now() - started)} ms`);
  });
}

void test('right within 2 preemptions: hand-off mutex, 3 threads, two time-outs, one is killed', () => {
  const threads = times(3, handOff(HandOffMutex, 10));
  const search: Search = { words: 1, threads, timeouts: 2, kills: 1, onKill: bury(HandOffMutex) };
  const { states } = verify({ ...search, bound: { preemptions: 2 } });
  assert.ok(states > 10_000, `${states} states`);
});

void test('lost wake-up: unlock decides that nobody waits before it frees the lock', () => {
  finds('deadlock', 6, { words: 1, threads: times(2, futex(seeded.DecidesBeforeStoring)) });
});

void test('lost wake-up: who wakes forgets that others still wait', () => {
  finds('deadlock', 12, { words: 1, threads: times(3, futex(seeded.ForgetsContention)) });
});

void test('lost wake-up: a waiter parks without another look', () => {
  const { ParksWithoutLooking: Lock } = seeded;
  finds('deadlock', 7, { words: 2, threads: [write(Lock), read(Lock)] });
});

void test('lost wake-up: a waiter that comes back late gives up with the wake-up in its hand', () => {
  const threads = times(3, futex(seeded.SwallowsLateWakeUp, 10));
  finds('deadlock', 10, { words: 1, threads, timeouts: 1 });
});

void test('late: a first try that took too long keeps the lock that it denies to have', () => {
  const search: Search = { words: 1, threads: times(2, futex(seeded.KeepsWhatCameLate, 10)) };
  verify(search);
  const { schedule } = finds('deadlock', 6, { ...search, timeouts: 1 });
  assert.ok(schedule.some((step) => step.action === 'late'));
});

void test('lost wake-up: a generation of one bit comes round to where it was', () => {
  const search = (Lock: Of<Lockable>): Search => ({
    words: 2,
    threads: [times(2, futex(Lock)), futex(Lock)],
  });
  verify(search(GenerationMutex));
  finds('deadlock', 13, search(seeded.OneBitGeneration));
});

void test('lost wake-up: it takes three threads, one of which times out and forgets the other', () => {
  const Lock = seeded.ForgetsOtherWaiters;
  verify({ words: 1, threads: times(2, handOff(Lock, 10)), timeouts: 'choice' });
  finds('deadlock', 10, { words: 1, threads: times(3, handOff(Lock, 10)), timeouts: 1 });
});

void test('lost wake-up: a reaper wakes one where all must look again', () => {
  const Lock = seeded.WakesOneForTheDead;
  finds('deadlock', 12, { words: 1, threads: times(3, handOff(Lock)), kills: 1, onKill: bury(Lock) });
});

const unlockOnly =
  (Lock: Of<HandOffMutex>): Thread =>
  (env) =>
    new Lock(env).unlock(env.thread + 1);

function heldByFirst({ words, atomics }: Memory): void {
  atomics.store(words, 0, 1);
}

const oneWaiterMayDie = (Lock: Of<HandOffMutex>): Search => ({
  words: 1,
  init: heldByFirst,
  threads: [[unlockOnly(Lock), handOff(Lock)], handOff(Lock)],
  kills: 1,
  victims: [1],
  onKill: bury(Lock),
});

void test('lost wake-up: a woken waiter is killed, and nobody passes the wake-up on', () => {
  verify(oneWaiterMayDie(HandOffMutex));
  const { schedule } = finds('deadlock', 10, oneWaiterMayDie(seeded.BuriesHoldersOnly));
  const woken = schedule.findIndex((step) => step.events.includes('wakes T1'));
  assert.ok(woken >= 0 && woken < schedule.findIndex((step) => step.action === 'kill'));
});

void test('killed holder: nobody frees its lock', () => {
  const failure = finds('deadlock', 5, { words: 1, threads: times(2, futex(FutexMutex)), kills: 1 });
  assert.ok(failure.schedule.some((step) => step.action === 'kill'));
});

void test('stolen grant: it is left behind by a waiter that timed out', () => {
  const Lock = seeded.LeavesGrantBehind;
  const threads = [times(2, futex(Lock, 10)), futex(Lock, 10), futex(Lock, 10)];
  const search: Search = { words: 2, threads };
  verify(search);
  const { schedule } = finds('exclusion', 11, { ...search, timeouts: 1 });
  assert.ok(schedule.some((step) => step.action === 'time-out'));
});

void test('stolen grant: a try-lock barges in', () => {
  const { BargesIntoGrant: Lock } = seeded;
  finds('exclusion', 13, { words: 1, threads: [[handOff(Lock), tryHandOff(Lock)], handOff(Lock)] });
});

void test('double grant: two waiters claim the same one', () => {
  const { schedule } = finds('exclusion', 15, { words: 1, threads: times(3, handOff(seeded.GrantsTwice)) });
  assert.ok(schedule.some((step) => step.operation.endsWith('notify(0, 2) -> 2')));
});

const withStranger = (Lock: Of<HandOffMutex>): Search => ({
  words: 1,
  threads: [handOff(Lock), unlockOnly(Lock), handOff(Lock)],
});

void test('missing owner check: one who does not hold it frees the lock of another', () => {
  finds('exclusion', 5, withStranger(seeded.FreesForAnybody));
  const { message } = finds('error', 1, withStranger(HandOffMutex));
  assert.match(message, /not the owner/);
});

void test('no lock at all: a read and a write', () => {
  finds('exclusion', 4, { words: 1, threads: times(2, futex(seeded.ReadsThenWrites)) });
});

void test('a reader slips in with a writer', () => {
  const { ReaderSlipsIn: Lock } = seeded;
  finds('exclusion', 3, { words: 2, threads: [read(Lock), write(Lock)] });
});

void test('a semaphore hands out too many permits', () => {
  const threads = times(3, permit(seeded.OverdrawnSemaphore));
  finds('capacity', 6, { words: 1, init: twoPermits, threads });
});

void test('livelock: a thread spins while the holder does nothing', () => {
  const search: Search = { words: 1, threads: times(2, futex(seeded.SpinLock)), steps: 30 };
  const failure = finds('livelock', 31, search);
  assert.match(failure.message, /thread \d does not finish within 30 operations/);
  assert.equal(verify({ ...search, bound: { preemptions: 0 } }).failure, undefined);
});

void test('beyond the bound random schedules find the mistake, and it is shortened', () => {
  const threads = times(3, futex(seeded.ForgetsContention));
  const bounded: Search = { words: 1, threads, bound: { states: 50 } };
  const blind = explore(bounded);
  assert.deepEqual([blind.failure, blind.complete], [undefined, false]);

  const search: Search = { ...bounded, random: { runs: 2000, seed: 1 } };
  const failure = refute(search);
  assert.equal(failure.kind, 'deadlock');
  assert.ok(failure.schedule.length <= 15, format(failure));
  assert.match(format(failure), new RegExp(`found with seed ${failure.seed}$`));
  assert.equal(replay(search, failure.choices)?.message, failure.message);
  // The seed alone leads to the same schedule.
  const again = explore({ ...bounded, random: { runs: 1, seed: failure.seed ?? 0 } });
  assert.equal(again.failure?.choices, failure.choices);
});

const bystander: Thread = ({ words, atomics }) => {
  for (let i = 0; i < 10; i++) atomics.add(words, 1, 1);
};

void test('a shortened schedule has no step that does not belong to the failure', () => {
  const threads = [...times(2, bystander), ...times(2, futex(seeded.ReadsThenWrites))];
  const search: Search = { words: 2, threads, bound: { states: 1 }, random: { runs: 2000, seed: 1 } };
  const { kind, choices } = refute(search);
  assert.equal(kind, 'exclusion');
  assert.match(choices, /^(2 3|3 2) (2 3|3 2)$/);
});

void test('random schedules find nothing in a right lock', () => {
  const threads = times(4, times(3, futex(FutexMutex, 10)));
  const search: Search = { words: 1, threads, timeouts: 3, bound: { states: 100 } };
  assert.equal(verify({ ...search, random: { runs: 2000, seed: 1 } }).runs, 2000);
});
