/** What passes a mutex on from thread to thread, and what must not hold it up on the way. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { Mutex } from '../src/index.js';
import { ROUNDS, takeTurns } from './support/mutex-workers.js';
import type { Turn, Turns, Two, Wait } from './support/mutex-workers.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);
const newSteps = (): Int32Array => new Int32Array(new SharedArrayBuffer(64));
const step = (steps: Int32Array, i: number, what: string): Promise<unknown> =>
  waitUntil(() => Atomics.load(steps, i) === 1, { what });

for (const fair of [false, true]) {
  // The thread that the lock was passed to is blocked, by one who waits for that very lock.
  test(`${fair ? 'fair' : 'open'}: a lock passed to a blocked thread goes on to the next`, async () => {
    const [a, b] = [new Mutex({ fair }), new Mutex()];
    const data: Two = { a: a.handle, b: b.handle, steps: newSteps() };
    const guard = b.lockSync();
    const holder = runWorkers({ count: 1, module, name: 'holdUntilTold', data });
    await step(data.steps, 0, 'a is held');
    const blocked = runWorkers<string[]>({ count: 1, module, name: 'awaitOneBlockOnOther', data });
    await step(data.steps, 2, 'a is waited for');
    const waiting = a.lock({ timeout: 5000 });
    Atomics.store(data.steps, 1, 1);
    Atomics.notify(data.steps, 1);
    (await waiting).release();
    guard.release();
    await holder.results;
    assert.deepEqual(await blocked.results, [['b', 'a']]);
  });
}

// In ms. Where a hold began so long after the one before, whoever was next has not come, and those behind may pass him
// until he does.
const LATE = 5;

/** The turns of whom somebody had been passed who surely stood in line before they even asked. */
function overtakings(turns: readonly Turn[]): Turn[] {
  const ordered = turns.toSorted((one, other) => one.granted - other.granted);
  let pause = 0;
  return ordered.filter((turn, i) => {
    if (turn.from - (ordered[i - 1]?.to ?? 0) > LATE) pause = turn.granted;
    return ordered.slice(i + 1).some(({ stood }) => stood < turn.called && stood > pause);
  });
}

test('fair: whoever stands in line is not passed by those of other threads who come later', async () => {
  const turnsOf = async (fair: boolean): Promise<Turn[]> => {
    const mutex = new Mutex({ fair });
    const data: Turns = { handle: mutex.handle, places: newSteps(), rounds: 200 };
    const team = runWorkers<Turn[]>({ count: 3, module, name: 'takeTurns', data });
    await team.started;
    const own = await takeTurns(3, data);
    const all = [...own, ...(await team.results).flatMap((turns) => turns ?? [])];
    assert.equal(all.length, 800);
    return all;
  };
  assert.deepEqual(overtakings(await turnsOf(true)), []);
});

/** Fifty tasks of this thread, so that it always has one who wants the lock, and one task of another thread. */
async function fiftyAgainstOne(mutex: Mutex): Promise<{ waits: Wait[]; held: number }> {
  const data: Two = { a: mutex.handle, b: mutex.handle, steps: newSteps() };
  const team = runWorkers<Wait[]>({ count: 1, module, name: 'rival', data });
  await team.started;
  let held = 0;
  const task = async (): Promise<void> => {
    while (Atomics.load(data.steps, 0) < ROUNDS) {
      const guard = await mutex.lock();
      held++;
      Atomics.add(data.steps, 3, 1);
      // The event loop must turn for those who wait without blocking; nobody can come in meanwhile.
      if (held % 32 === 0) await setImmediate();
      guard.release();
    }
  };
  await Promise.all(Array.from({ length: 50 }, task));
  return { waits: (await team.results)[0] ?? [], held };
}

const middle = (numbers: number[]): number =>
  numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Infinity;

test('fifty tasks of one thread let another thread in after ten milliseconds', async (t) => {
  const { waits, held } = await fiftyAgainstOne(new Mutex());
  const ms = waits.map((wait) => wait.ms);
  t.diagnostic(
    `${held} turns inside; the rival waited ${middle(ms).toFixed(1)} ms, at most ${Math.max(...ms).toFixed(1)}`,
  );
  // 256 at a time, and then once more: he may not have waited for a millisecond. In turns, because on a busy machine ten
  // milliseconds of ours take longer.
  assert.ok(middle(waits.map(({ passed }) => passed)) < 3000);
  assert.ok(held > 20 * ROUNDS, `only ${held} turns inside`);
});

test('fair: fifty tasks of one thread let another thread in at its turn', async () => {
  const { waits } = await fiftyAgainstOne(new Mutex({ fair: true }));
  // The one inside, the one whose turn it is, and one who may just have been counted.
  assert.ok(middle(waits.map(({ passed }) => passed)) <= 3, waits.map(({ passed }) => passed).join());
});
