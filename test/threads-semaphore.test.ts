/** One semaphore and several real threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockMisuseError, Semaphore } from '../src/index.js';
import { Memory } from '../src/words/memory.js';
import { WORD } from '../src/words/seat.js';
import { mustBeCorrect } from './support/history.js';
import { random } from '../src/testing/random.js';
import { readThreadLog, threadLog, threadRecorder } from './support/record.js';
import type { Tally } from './support/semaphore-workers.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/semaphore-workers.js', import.meta.url);
const rounds = process.env['TIERLOCK_TEST'] === 'full' ? 4000 : 500;
const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(128));
const timeoutMs = 60_000;

for (const [capacity, most] of [
  [1, 1],
  [4, 3],
  [5, 5],
] as const) {
  test(`4 threads want up to ${most} of ${capacity} permits, in every way`, async () => {
    const semaphore = new Semaphore(capacity);
    const log = threadLog(4, rounds * 2 * 3, ['pool']);
    const data = { handle: semaphore.handle, log, rounds, seed: 3, most, stop: words() };
    await using team = runWorkers<Tally>({ count: 4, module, name: 'hammer', data, pin: true, timeoutMs });
    const tallies = await team.results;
    mustBeCorrect(readThreadLog(log), { capacity });
    assert.ok(
      tallies.every((tally) => tally !== undefined && tally.granted > 0),
      'everybody had some',
    );
    assert.equal(semaphore.available, capacity);
    assert.ok(semaphore.tryAcquire(capacity)?.release());
  });

  test(`4 threads block for up to ${most} of ${capacity} permits`, async () => {
    const semaphore = new Semaphore(capacity);
    const log = threadLog(4, rounds * 3, ['pool']);
    const data = { handle: semaphore.handle, log, rounds, seed: 5, most, stop: words() };
    await using team = runWorkers<number>({ count: 4, module, name: 'block', data, pin: true, timeoutMs });
    await team.results;
    mustBeCorrect(readThreadLog(log), { capacity });
    assert.equal(semaphore.available, capacity);
  });
}

test('what guards hold when the semaphore is shared is taken for all', async () => {
  const semaphore = new Semaphore(3);
  const two = semaphore.tryAcquire(2);
  const same = Semaphore.from(structuredClone(semaphore.handle));
  assert.equal(same.available, 1);
  assert.equal(same.tryAcquire(2), null);
  two?.release();
  assert.equal(semaphore.available, 3);
  assert.throws(() => Semaphore.from(structuredClone({ ...semaphore.handle, tierlock: 'mutex' })), TypeError);
});

for (const sync of [true, false]) {
  test(`the permits of terminated workers come back to one who ${sync ? 'blocks' : 'awaits'}`, async () => {
    const semaphore = new Semaphore(5);
    const told = words();
    const data = { handle: semaphore.handle, permits: 2, told };
    await using team = runWorkers({ count: 2, module, name: 'holdForEver', data });
    await waitUntil(() => told[0] === 2, { what: 'two who hold' });
    assert.equal(semaphore.available, 1);
    assert.equal(semaphore.tryAcquire(2), null);
    const end = async (): Promise<void> => void (await Promise.all([0, 1].map((i) => team.terminate(i))));
    if (sync) await end();
    const waiting = sync
      ? semaphore.acquireSync(5, { timeout: 5000 })
      : semaphore.acquire(5, { timeout: 5000 });
    if (!sync) await end();
    const guard = await waiting;
    assert.equal(guard.recovered, false);
    guard.release();
    assert.equal(semaphore.available, 5);
  });
}

test('workers die at any moment, and all permits come back', async () => {
  const next = random(11);
  const capacity = 4;
  for (let round = 0; round < (rounds > 500 ? 40 : 6); round++) {
    const semaphore = new Semaphore(capacity);
    const log = threadLog(5, 200_000, ['pool']);
    const stop = words();
    const data = { handle: semaphore.handle, log, rounds: 30_000, seed: round, most: 3, stop };
    await using team = runWorkers<Tally>({ count: 4, module, name: 'hammer', data, timeoutMs });
    await team.started;
    const undertaker = threadRecorder(log, 4);
    for (const victim of [next(2), 2 + next(2)]) {
      await sleep(next(10) + next(1000) / 1000);
      undertaker.record('died', victim * 2);
      undertaker.record('died', victim * 2 + 1);
      await team.terminate(victim);
    }
    await sleep(next(10));
    Atomics.store(stop, 0, 1);
    await team.results;
    mustBeCorrect(readThreadLog(log), { capacity });
    using all = semaphore.acquireSync(capacity, { timeout: 5000 });
    assert.equal(all.held, true);
    assert.equal(semaphore.available, 0);
  }
});

test('one who wants all permits gets them from those who do nothing but take one', async () => {
  const semaphore = new Semaphore(3);
  const stop = words();
  const data = { handle: semaphore.handle, stop };
  await using team = runWorkers<number>({ count: 3, module, name: 'saturate', data, pin: true });
  await team.started;
  for (let i = 0; i < 20; i++) {
    if (i % 2 === 0) semaphore.acquireSync(3, { timeout: 5000 }).release();
    else (await semaphore.acquire(3, { timeout: 5000 })).release();
    await sleep(1);
  }
  Atomics.store(stop, 0, 1);
  const counts = await team.results;
  assert.ok(
    counts.every((count) => (count ?? 0) > 0),
    counts.join(', '),
  );
  assert.equal(semaphore.available, 3);
});

test('memory that something else has written into is an error, not a wait', () => {
  const semaphore = new Semaphore(2);
  const { memory, slot } = semaphore.handle;
  const guard = semaphore.acquireSync();
  const block = new Memory(new Int32Array(memory));
  const at = block.slot(slot) + WORD;
  assert.equal(block.words[at], 1 << 3);
  block.words[at] = 0x7ffffff0;
  const error = { name: LockMisuseError.name, message: /overwritten/ };
  assert.throws(() => semaphore.acquireSync(2, { timeout: 1000 }), { name: 'LockDeadlockError' });
  assert.throws(() => semaphore.acquireSync(), error);
  assert.throws(() => semaphore.tryAcquire(), error);
  assert.throws(() => semaphore.available, error);
  assert.throws(() => guard.release(), error);
});
