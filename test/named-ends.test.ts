/** Named locks when threads end: holders, waiters, the last that knew the name, and the process itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSlot } from '../src/words/names.js';
import { runProgram } from './support/child.js';
import { countNames, lock, lockSync, tryLock, waiting } from './support/named-mutexes.js';
import type { Task } from './support/named-mutexes.js';
import { random } from '../src/testing/random.js';
import { mustBlock } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';
import type { Team } from './support/workers.js';

const module = new URL('./support/named-mutexes.js', import.meta.url);
const task = (key: string): Task => ({ key, words: new Int32Array(new SharedArrayBuffer(16)) });

/** A worker that has got as far as that: 1 it is about to lock, 2 it has locked. */
async function stayed(name: string, data: Task, step: number): Promise<Team<unknown>> {
  const team = runWorkers({ count: 1, module, name, data });
  await waitUntil(() => Atomics.load(data.words, 0) === step, { what: `the worker reaches step ${step}` });
  return team;
}

for (const name of ['stay', 'staySync']) {
  test(`${name}: the waiter is told that the holder was terminated`, async () => {
    const data = task('held');
    const team = await stayed(name, data, 2);
    const { wait } = await mustBlock(lock('held'));
    await team.terminate(0);
    const guard = await wait;
    assert.equal(guard.recovered, true);
    guard.release();
    using next = tryLock('held');
    assert.equal(next?.recovered, false);
  });

  test(`${name}: whoever comes later is told so too, even if nobody else had the name open`, async () => {
    const data = task('orphan');
    const team = await stayed(name, data, 2);
    await team.terminate(0);
    assert.equal(countNames(), 1);
    const guard = lockSync('orphan');
    assert.equal(guard.recovered, true);
    guard.release();
    assert.equal(countNames(), 0);
    assert.equal(lockSync('orphan').release(), true);
  });

  test(`${name}: so too, if others had the name open, and closed it without having noticed`, async () => {
    const data = task('untold');
    const team = await stayed(name, data, 2);
    const slot = openSlot('\0mutex:untold');
    await team.terminate(0);
    slot.close();
    assert.equal(countNames(), 1);
    const guard = lockSync('untold');
    assert.equal(guard.recovered, true);
    guard.release();
    assert.equal(countNames(), 0);
  });

  test(`${name}: another worker is told so too`, async () => {
    const data = task('orphan');
    const team = await stayed(name, data, 2);
    const visits = ['visit', 'visitSync'].map((visit) => runWorkers({ count: 1, module, name: visit, data }));
    await waitUntil(() => waiting('orphan') === 2, { what: 'both wait' });
    await team.terminate(0);
    const told = await Promise.all(visits.map(({ results }) => results));
    assert.deepEqual(
      told
        .flat()
        .map(Number)
        .toSorted((a, b) => a - b),
      [0, 1],
    );
    assert.equal(countNames(), 0);
  });

  test(`${name}: a waiter is terminated at once, and those behind it go on`, async () => {
    const guard = await lock('waited for');
    const data = task('waited for');
    const first = await stayed(name, data, 1);
    await waitUntil(() => waiting('waited for') === 1, { what: 'the first one waits' });
    const others = ['visit', 'visitSync'].map((visit) => runWorkers({ count: 1, module, name: visit, data }));
    await waitUntil(() => waiting('waited for') === 3, { what: 'all wait' });
    const begin = performance.now();
    await first.terminate(0);
    const took = performance.now() - begin;
    assert.ok(took < 5000, `terminate() took ${took} ms`);
    guard.release();
    assert.deepEqual((await Promise.all(others.map(({ results }) => results))).flat(), [false, false]);
    assert.equal(Atomics.load(data.words, 0), 1);
    assert.equal(countNames(), 0);
  });
}

test('threads that are terminated anywhere leave locks that work', { timeout: 120_000 }, async () => {
  const n = random(7);
  const keys = Array.from({ length: 8 }, (_, i) => `storm ${i}`);
  const one = async (): Promise<void> => {
    const team = runWorkers<number>({ count: 1, module, name: 'visitForEver', data: keys });
    await team.started;
    for (let i = n(5); i > 0; i--) for (const key of keys) (await lock(key)).release();
    await team.terminate(0);
  };
  for (let i = 0; i < 15; i++) await Promise.all([one(), one(), one()]);
  for (const key of keys) lockSync(key, { timeout: 5000 }).release();
  assert.equal(countNames(), 0);
});

const program = (source: string): string => `
  import { lock, lockSync } from ${JSON.stringify(module.href)};
  import { Worker, isMainThread } from 'node:worker_threads';
  ${source}
`;

test('a process ends by itself when nobody waits any more, even if a lock is held', async () => {
  const ended = await runProgram(
    program(`
      const guard = await lock('a');
      const waits = lock('a');
      guard.release();
      (await waits).release();
      await lock('held');
      console.log('done');
    `),
  );
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'done\n', stderr: '' });
});

test('a wait for another thread keeps the process alive, and no longer', async () => {
  const worker = `
    import(${JSON.stringify(module.href)}).then(({ awaited, lockSync }) => {
      const guard = lockSync('a');
      require('node:worker_threads').parentPort.postMessage('held');
      while (!awaited('a'));
      guard.release();
    });
  `;
  const ended = await runProgram(
    program(`
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] });
      await new Promise((resolve) => worker.once('message', resolve));
      worker.unref();
      const guard = await lock('a');
      console.log('done');
    `),
  );
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'done\n', stderr: '' });
});

test('without the addon, the error says what is missing', async () => {
  const ended = await runProgram(`
    process.env.TIERLOCK_ADDON = 'off';
    const { lockSync } = await import(${JSON.stringify(module.href)});
    try { lockSync('a'); } catch (error) { console.log(error.code, error.message); }
  `);
  assert.equal(ended.stderr, '');
  assert.match(ended.stdout, /^ERR_LOCK_UNSUPPORTED the native addon of tierlock is missing on/);
});
