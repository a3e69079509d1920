/** A `FileLock` between worker threads of one process, which end while they hold it or wait for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { FileLock } from '../src/index.js';
import type { Place } from './support/file-workers.js';
import { random } from '../src/testing/random.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/file-workers.js', import.meta.url);
const full = process.env['TIERLOCK_TEST'] === 'full';
const { newPath } = temporary();

const newPlace = (kind: Place['kind'] = 'ofd'): Place => ({
  path: newPath(),
  kind,
  words: new Int32Array(new SharedArrayBuffer(64)),
});

for (const kind of ['ofd', 'flock', 'posix'] as const) {
  test(`${kind}: threads exclude each other, blocking and not`, async () => {
    const data = newPlace(kind);
    const team = runWorkers({
      count: 4,
      module,
      name: 'count',
      data: { ...data, rounds: 300 },
      timeoutMs: 60_000,
    });
    await team.results;
    assert.deepEqual([data.words[0], data.words[1]], [1200, 0]);
  });
}

for (const waits of ['sync', 'async'] as const) {
  test(`a thread that waits ${waits === 'sync' ? 'blocked' : 'without blocking'} can be terminated, and leaves nothing`, async () => {
    const data = newPlace();
    const lock = new FileLock(data.path);
    const guard = lock.lockSync();
    const before = loadAddon().waits();
    await using team = runWorkers({ count: 1, module, name: waits === 'sync' ? 'waitSync' : 'wait', data });
    await waitUntil(() => Atomics.load(data.words, 0) === 1, { what: 'it is about to wait' });
    if (waits === 'async') await waitUntil(() => loadAddon().waits() > before, { what: 'a thread waits' });
    const begin = performance.now();
    await team.terminate(0);
    assert.ok(performance.now() - begin < 5000, 'it ends at once');
    assert.equal(loadAddon().waits(), before);
    guard.release();
    lock.lockSync().release();
    assert.equal(Atomics.load(data.words, 1), 0, 'it was never granted');
  });
}

test('what a terminated thread held is free', async () => {
  const data = newPlace();
  await using team = runWorkers({ count: 1, module, name: 'hold', data });
  await waitUntil(() => Atomics.load(data.words, 0) === 1, { what: 'it holds' });
  const lock = new FileLock(data.path);
  assert.equal(lock.tryLock(), null);
  const waiting = lock.lock();
  await team.terminate(0);
  (await waiting).release();
});

test('threads die at any moment, and the others go on', async () => {
  const pick = random(11);
  const data = newPlace();
  for (let death = 0; death < (full ? 500 : 50); death += 5) {
    await using team = runWorkers({ count: 5, module, name: 'countForEver', data, timeoutMs: 60_000 });
    await team.started;
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, pick(10)));
      await team.terminate(i);
    }
    const guard = await new FileLock(data.path).lock({ timeout: 10_000 });
    // Who died inside has left it so.
    data.words[1] = 0;
    guard.release();
  }
  assert.ok((data.words[0] ?? 0) > 0);
  assert.equal(data.words[2], 0, 'two were inside');
  assert.equal(loadAddon().waits(), 0);
});
