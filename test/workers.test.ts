/** The worker harness: real threads that begin together, answer, fail, end and stay on their core. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedCores } from './support/system.js';
import { spinUntil, waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/samples-worker.js', import.meta.url);
const words = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

test('workers answer in their order', async () => {
  const team = runWorkers<number>({ count: 3, module, data: { first: 10 } });
  assert.deepEqual(await team.results, [10, 11, 12]);
  assert.deepEqual(await team.started, { pinned: false });
});

test('no worker begins before all are there', async () => {
  const late = new URL('./support/samples-late.js', import.meta.url);
  assert.deepEqual(await runWorkers({ count: 3, module: late, data: words(1) }).results, [3, 3, 3]);
});

test('workers run at the same time', async () => {
  const team = runWorkers<number>({ count: 3, module, name: 'meet', data: words(1) });
  assert.deepEqual(await team.results, [3, 3, 3]);
});

test('an error in one worker ends the team with that error', async () => {
  const team = runWorkers({ count: 3, module, name: 'failOnOne', data: words(1) });
  await assert.rejects(team.results, (error: Error) => {
    assert.equal(error.name, 'RangeError');
    assert.match(error.stack ?? '', /worker one is unwell[^]*samples-worker\.js/);
    return true;
  });
});

test('a module or function that is not there is an error, not a wait', async () => {
  const nowhere = new URL('./support/nowhere.js', import.meta.url);
  await assert.rejects(runWorkers({ count: 2, module: nowhere }).results, /nowhere\.js/);
  await assert.rejects(runWorkers({ count: 2, module, name: 'number' }).results, /no function 'number'/);
});

test('a worker that exits without a result is an error', async () => {
  await assert.rejects(runWorkers({ count: 1, module, name: 'leave' }).results, /worker 0 .*code 7/);
});

test('a worker that is terminated at once does not keep the others at the gate', async () => {
  const inside = words(2);
  const team = runWorkers<string>({ count: 2, module, name: 'stay', data: inside });
  await team.terminate(1);
  await waitUntil(() => Atomics.load(inside, 0) === 1, { what: 'worker 0 is inside' });
  await team.terminate(0);
  assert.equal((await team.results)[0], undefined);
});

test('a worker is terminated where it blocks, the rest goes on', async () => {
  const inside = words(2);
  const team = runWorkers<string>({ count: 2, module, name: 'stay', data: inside });
  await waitUntil(() => Atomics.load(inside, 0) === 1, { what: 'worker 0 is inside' });
  await team.terminate(0);
  assert.deepEqual(await team.results, [undefined, 'done']);
});

test('a team that does not end is told by name and ended', async () => {
  const inside = words(2);
  const team = runWorkers({ count: 2, module, name: 'stay', data: inside, timeoutMs: 1000 });
  await assert.rejects(team.results, /workers? 0.* did not end within 1000 ms/);
});

test('a team ends with its block', async () => {
  const inside = words(2);
  let results: Promise<unknown[]>;
  {
    await using team = runWorkers({ count: 2, module, name: 'stay', data: inside });
    results = team.results;
    await team.started;
  }
  assert.equal((await results)[0], undefined);
});

test('pinned workers are on their own core', async (t) => {
  const allowed = allowedCores();
  const team = runWorkers<string>({ count: 3, module, name: 'cores', pin: true });
  const seen = await team.results;
  const { pinned } = await team.started;
  if (process.platform === 'linux') assert.notEqual(allowed.length, 0);
  if (!pinned) return t.skip('threads cannot be pinned here');
  assert.deepEqual(
    seen,
    [0, 1, 2].map((i) => String(allowed[i % allowed.length])),
  );
});

test('waits are bounded and say for what', async () => {
  let looks = 0;
  assert.equal(await waitUntil(() => ++looks > 20 && 'seen', { what: 'twenty looks' }), 'seen');
  await assert.rejects(
    waitUntil(() => false, { what: 'the moon', timeoutMs: 5 }),
    /5 ms: the moon/,
  );
  assert.throws(() => spinUntil(() => false, { what: 'the sun', timeoutMs: 5 }), /5 ms: the sun/);
});
