/** Locks by their names between worker threads: they exclude, they hand over, and the dead leave nothing locked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FairLocks, inspect, lock, lockSync, semaphore, tryLock, tryLockSync } from '../src/index.js';
import type { Hold } from '../src/index.js';
import { NamedQueue } from '../src/named.js';
import { locks } from '../src/registry.js';
import { mustBeCorrect } from './support/history.js';
import { hammer } from './support/lock-workers.js';
import { countNames, leftOver, newFolder } from './support/locks.js';
import { readThreadLog, threadLog } from './support/record.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/lock-workers.js', import.meta.url);
const lockPath = newFolder();
const full = process.env['TIERLOCK_TEST'] === 'full';

for (const count of [1, 2, 4]) {
  test(`the main thread and ${count} workers take names in all ways, and none meets another`, async () => {
    const rounds = full ? 4000 : 160;
    const names = ['a', 'b'];
    const log = threadLog(count + 1, rounds * 10, names);
    const counters = new Int32Array(new SharedArrayBuffer(4 * 32));
    const data = { log, rounds, counters, lockPath };
    await using team = runWorkers({ count, module, name: 'hammer', data, timeoutMs: 60_000 });
    await team.started;
    await hammer(0, { ...data, writer: count });
    await team.results;
    const events = readThreadLog(log);
    // Tokens compare only within one top tier; those of the folder are far above.
    for (const ofFile of [false, true]) {
      mustBeCorrect(
        events.map(({ token, ...event }) =>
          token !== undefined && token > 2n ** 32n === ofFile ? { ...event, token } : event,
        ),
      );
    }
    for (const [n, name] of names.entries()) {
      const written = events.filter(
        ({ lock: of, kind, mode }) => of === name && kind === 'grant' && mode === 'exclusive',
      );
      assert.equal(counters[n], written.length, 'counts of writers are lost');
    }
    assert.deepEqual(await leftOver(), []);
  });
}

for (const sync of [false, true]) {
  for (const options of [
    {},
    { external: true, lockPath },
    { shared: true },
    { external: true, lockPath, shared: true },
  ]) {
    test(`a worker that ends holding gives it back, ${JSON.stringify({ ...options, sync, lockPath: undefined })}`, async () => {
      const name = `dies-${sync}-${JSON.stringify(options)}`;
      const words = new Int32Array(new SharedArrayBuffer(16));
      await using team = runWorkers({ count: 1, module, name: 'stay', data: { name, options, sync, words } });
      await team.started;
      await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
      assert.equal(await tryLock(name), null);
      const wait = lock(name, { external: 'external' in options, lockPath });
      await team.terminate(0);
      const guard = await wait;
      assert.equal(guard.recovered, !('shared' in options), 'a dead writer is told of, a dead reader is not');
      await guard.release();
      const next = await lock(name);
      assert.equal(next.recovered, false);
      await next.release();
      assert.deepEqual(await inspect(name), []);
    });
  }
}

test('of a dead holder is told, even if the first who got the name could not climb on', async () => {
  const external = { external: true, lockPath } as const;
  // Its own queue of the file, as if another process had it.
  const words = new Int32Array(new SharedArrayBuffer(16));
  await using team = runWorkers({
    count: 1,
    module,
    name: 'stay',
    data: { name: 'news', options: {}, sync: true, words },
  });
  await team.started;
  await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
  const control = new AbortController();
  const wait = lock('news', { ...external, signal: control.signal });
  const { promise, stop } = holdFile('news');
  await promise;
  await team.terminate(0);
  await waitUntil(() => (locks.find('news')?.free ?? 1) === 0, { what: 'it waits for the file' });
  control.abort();
  await assert.rejects(wait, { name: 'AbortError' });
  assert.equal(tryLockSync('news', external), null);
  await assert.rejects(lock('news', { ...external, timeout: 1 }));
  assert.throws(() => lockSync('news', { ...external, timeout: 1 }));
  await stop();
  const told = await lock('news', external);
  assert.equal(told.recovered, true);
  await told.release();
  const next = await lock('news', external);
  assert.equal(next.recovered, false);
  await next.release();
});

/** Somebody else has that file. */
function holdFile(name: string): { promise: Promise<unknown>; stop: () => Promise<unknown> } {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.index).then(async ({ FileLock }) => {
      await new FileLock(workerData.path).lock();
      parentPort.postMessage('held');
      setInterval(() => {}, 1000);
    });`;
  const index = new URL('../src/index.js', import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { index, path: `${lockPath}/${name}.lock` } });
  return {
    promise: new Promise((resolve) => worker.once('message', resolve)),
    stop: () => worker.terminate(),
  };
}

test('workers meet even if their parent has never loaded tierlock', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const parent = `
    const { Worker, workerData, parentPort } = require('node:worker_threads');
    const child = 'const { workerData: d } = require("node:worker_threads");' +
      'import(d.index).then(async ({ lock }) => { for (let i = 0; i < 300; i++) await lock("orphans", async () => {' +
      '  const n = d.words[0]; if (i % 3 === 0) await new Promise(setImmediate); d.words[0] = n + 1; }); });';
    let ends = 0;
    for (let i = 0; i < 2; i++)
      new Worker(child, { eval: true, workerData }).on('exit', () => { if (++ends === 2) parentPort.postMessage('end'); });
  `;
  const index = new URL('../src/index.js', import.meta.url).href;
  const worker = new Worker(parent, { eval: true, workerData: { index, words } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(words[0], 600);
  assert.deepEqual(await leftOver(), []);
});

test('tokens grow from thread to thread', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  await using team = runWorkers<{ at: number; token: bigint }[]>({
    count: 2,
    module,
    name: 'tokens',
    data: { name: 'tokens', rounds: 200, words },
  });
  const results = await team.results;
  const all = results.flatMap((result) => result ?? []).toSorted((a, b) => a.at - b.at);
  assert.equal(all.length, 400);
  assert.ok(all.every(({ token }, i) => i === 0 || token > (all[i - 1]?.token ?? 0n)));
});

test('lockSync of a name that a task of this thread climbs for is an error at once', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  await using team = runWorkers({
    count: 1,
    module,
    name: 'stay',
    data: { name: 'climb', options: {}, sync: true, words },
  });
  await team.started;
  await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
  const [holder] = (await inspect('climb'))[0]?.holders ?? [];
  await assert.rejects(lock('climb', { timeout: 1 }), {
    message: `timed out after 1 ms waiting for the lock 'climb' (held by thread ${holder?.thread}; others waiting: 0)`,
  });
  const climber = lock('climb');
  assert.throws(() => lockSync('climb'), { name: 'LockDeadlockError', lock: 'climb' });
  assert.throws(() => lockSync('climb', { timeout: 10_000 }), { name: 'LockDeadlockError' });
  await team.terminate(0);
  await (await climber).release();
});

test('a fair name is fair in all threads as long as it is in use, and not for ever', async () => {
  const view = FairLocks.get('fair');
  assert.equal(locks.find('fair')?.fair, true);
  const guard = await lock('fair-2', { fair: true });
  assert.equal(locks.find('fair-2')?.fair, true);
  const plain = lock('fair-2');
  await guard.release();
  await (await plain).release();
  await waitUntil(() => locks.find('fair-2') === undefined, { what: 'the name is closed' });
  await (await lock('fair-2')).release();
  assert.equal(locks.find('fair-2')?.fair, false);
  assert.equal(view.writer, false);
});

test('permits of a dead worker come back, and other numbers are refused meanwhile', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const data = { name: 'permits', options: {}, sync: false, words, permits: 3 };
  await using team = runWorkers({ count: 1, module, name: 'stay', data });
  await team.started;
  await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds them' });
  assert.equal(await semaphore('permits', 3).tryAcquire(), null);
  await assert.rejects(semaphore('permits', 4).acquire(), {
    name: 'LockMisuseError',
    lock: 'permits',
    message: /'permits' is in use with 3 permits, and was asked for with 4/,
  });
  const wait = semaphore('permits', 3).acquire(2);
  await team.terminate(0);
  await (await wait).release();
  await (await semaphore('permits', 4).acquire(4)).release();
});

for (const how of ['timeout', 'abort'] as const) {
  test(`whoever waits for another thread and gives up leaves nothing, ${how}`, async () => {
    const name = `gives-up-${how}`;
    const words = new Int32Array(new SharedArrayBuffer(16));
    await using team = runWorkers({
      count: 1,
      module,
      name: 'stay',
      data: { name, options: {}, sync: true, words },
    });
    await team.started;
    await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
    const reason = new Error('enough');
    for (const options of [{}, { shared: true }, { external: true, lockPath }]) {
      const control = new AbortController();
      const limit = how === 'timeout' ? { timeout: 20 } : { signal: control.signal };
      const waits = [1, 2, 3].map(() => lock(name, { ...options, ...limit }));
      const [found] = await inspect(name);
      assert.deepEqual([found?.waiting, found?.waiters], [3, []], 'we are none of the others');
      if (how === 'abort') control.abort(reason);
      for (const wait of waits)
        await assert.rejects(
          wait,
          how === 'abort' ? (error) => error === reason : { name: 'LockTimeoutError' },
        );
      assert.equal((await inspect(name))[0]?.waiting, 0);
      const { outer } = locks.find(name) ?? {};
      assert.ok(outer === undefined || outer.waitingWriters === 0);
    }
    await team.terminate(0);
    await (await lock(name)).release();
    assert.deepEqual(await leftOver(), []);
    await waitUntil(() => countNames() <= 1, {
      what: 'the names are closed, but for the view of another test',
    });
  });
}

test('who is told to give up when the units of another thread arrive passes them on', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  await using team = runWorkers({
    count: 1,
    module,
    name: 'stay',
    data: { name: 'arrive', options: {}, sync: true, words },
  });
  await team.started;
  await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
  const control = new AbortController();
  const waits = [{}, { external: true, lockPath }].map((options) =>
    lock('arrive', { ...options, signal: control.signal }),
  );
  const ends = Promise.allSettled(waits);
  const behind = lock('arrive');
  const queue = locks.find('arrive');
  assert.ok(queue);
  // In the same go as the grant.
  queue.newGuard = (units) => {
    Reflect.deleteProperty(queue, 'newGuard');
    control.abort();
    return NamedQueue.prototype.newGuard.call(queue, units) as Hold;
  };
  await team.terminate(0);
  for (const end of await ends) assert.ok(end.status === 'rejected' && end.reason === control.signal.reason);
  const guard = await behind;
  assert.equal(guard.recovered, true, 'nobody else was told');
  await guard.release();
  assert.deepEqual(await leftOver(), []);
});
