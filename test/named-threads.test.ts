/** Named locks between threads that were given nothing: who says the same name means the same lock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustBeCorrect } from './support/history.js';
import { awaited, countNames, lock, lockSync, mutexes, tryLock } from './support/named-mutexes.js';
import type { Hammer, Relay, Task } from './support/named-mutexes.js';
import { readThreadLog, threadLog } from './support/record.js';
import { mustBlock } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/named-mutexes.js', import.meta.url);
const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

test('four threads that lock in every way exclude each other, name by name', async () => {
  const rounds = 600;
  const log = threadLog(4, rounds * 6, ['orders', 'stock', 'ünïcode \ud800']);
  const counters = shared(3);
  const data: Hammer = { log, rounds, counters };
  await runWorkers({ count: 4, module, name: 'hammer', data, timeoutMs: 60_000 }).results;
  mustBeCorrect(readThreadLog(log));
  assert.equal(
    counters.reduce((sum, n) => sum + n),
    4 * rounds * (4 / 3),
  );
  assert.equal(countNames(), 0);
});

for (const name of ['visit', 'visitSync']) {
  test(`${name}: a thread waits for the one that holds the name`, async () => {
    const guard = await lock('held');
    const data: Task = { key: 'held', words: shared(4) };
    const team = runWorkers<boolean>({ count: 1, module, name, data });
    await waitUntil(() => awaited('held'), { what: 'the worker waits' });
    const { wait } = await mustBlock(team.results);
    assert.equal(tryLock('held'), null);
    guard.release();
    assert.deepEqual(await wait, [false]);
    assert.equal(countNames(), 0);
  });
}

const ways = {
  'whose loop is idle': [lock],
  'that is blocked': [lockSync],
  'that is blocked after its loop was idle, and the other way round': [lock, lockSync],
};

for (const [what, acquires] of Object.entries(ways)) {
  test(`a waiter ${what} is woken by whoever gives the lock back`, async (t) => {
    const rounds = 100;
    const times = new BigInt64Array(new SharedArrayBuffer(rounds * 8));
    const turn = shared(2);
    const data: Relay = { key: 'relay', rounds, times, turn };
    const team = runWorkers({ count: 1, module, name: 'relay', data });
    const waits: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await waitUntil(() => Atomics.load(turn, 0) === round + 1, { what: 'the worker has the lock' });
      const acquire = acquires[round % acquires.length] ?? lock;
      const guard = await acquire('relay', { timeout: 10_000 });
      waits.push(Number(process.hrtime.bigint() - (times[round] ?? 0n)) / 1000);
      guard.release();
      Atomics.store(turn, 1, round + 1);
    }
    await team.results;
    waits.sort((one, other) => one - other);
    const [quarter = 0, half = 0] = [waits[rounds / 4], waits[rounds / 2]];
    t.diagnostic(`p25 ${quarter.toFixed(0)} us, p50 ${half.toFixed(0)} us`);
    // Those who are not woken find out by themselves, but only one in ten within a millisecond.
    assert.ok(quarter < 1500, `p25 ${quarter} us`);
  });
}

test('a thread waits for a hundred names at once, while others do the same', async () => {
  const keys = Array.from({ length: 100 }, (_, i) => `one of many ${i}`);
  const team = runWorkers<number>({ count: 3, module, name: 'visitAll', data: keys, timeoutMs: 60_000 });
  assert.deepEqual(await team.results, [500, 500, 500]);
  assert.equal(countNames(), 0);
});

test('a hundred names that were waited for at once come one by one', async () => {
  const keys = Array.from({ length: 100 }, (_, i) => `one by one ${i}`);
  const guards = keys.map((key) => lockSync(key));
  const team = runWorkers<number>({ count: 2, module, name: 'visitAll', data: keys, timeoutMs: 60_000 });
  await waitUntil(() => keys.every(awaited), { what: 'all are waited for' });
  assert.equal(mutexes.size, 100);
  for (const guard of guards) guard.release();
  assert.deepEqual(await team.results, [500, 500]);
  assert.equal(countNames(), 0);
});
