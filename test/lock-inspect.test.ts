/** Who holds what and who waits for it, in this thread, in others, and in other processes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { configure, inspect, lock, lockSync, semaphore } from '../src/index.js';
import type { Participant } from '../src/index.js';
import { threadId } from '../src/words/thread.js';
import { newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/locks.js', import.meta.url);
const workers = new URL('./support/lock-workers.js', import.meta.url);

test('what nobody uses is not there, and a look changes nothing', async () => {
  assert.deepEqual(await inspect(), []);
  assert.deepEqual(await inspect('nothing'), []);
  await (await lock('nothing')).release();
  assert.deepEqual(await inspect(), []);
});

test('holders and waiters of this thread', async () => {
  const guard = await lock('here');
  const { wait } = await mustBlock(
    Promise.all([lock('here', () => 1), lock('here', { shared: true }, () => 2)]),
  );
  const holder = { tier: 'thread', pid: process.pid, thread: threadId, mode: 'exclusive', since: undefined };
  const expected = {
    name: 'here',
    kind: 'lock',
    holders: [{ ...holder, token: guard.token }],
    waiters: [],
    waiting: 2,
    waitsBy: undefined,
  };
  assert.deepEqual(await inspect('here'), [expected]);
  assert.deepEqual(await inspect(), [expected]);
  await guard.release();
  assert.deepEqual(await wait, [1, 2]);
  assert.deepEqual(await inspect(), []);
});

test('readers are told from writers, and permits are counted', async () => {
  const readers = [lockSync('read', { shared: true }), lockSync('read', { shared: true })];
  using permits = semaphore('permits', 5).acquireSync(3);
  const found = await inspect();
  assert.deepEqual(
    found.map(({ name, kind, holders }) => [name, kind, holders.map(({ mode }) => mode)]),
    [
      ['permits', 'semaphore', [3]],
      ['read', 'lock', ['shared']],
    ],
  );
  assert.deepEqual(
    (await inspect('its', { prefix: 'perm' })).map(({ name }) => name),
    ['permits'],
  );
  assert.deepEqual(
    (await inspect(undefined, { prefix: 'perm' })).map(({ name }) => name),
    ['permits'],
  );
  for (const hold of readers) hold.release();
  permits.release();
  assert.deepEqual(await inspect(), []);
});

test('holders and waiters of other threads, and for what they wait', async () => {
  const names = ['theirs', 'ours'];
  const words = new Int32Array(new SharedArrayBuffer(16));
  const hold = lockSync('ours');
  for (const shared of [false, true]) {
    await using team = runWorkers({
      count: 1,
      module: workers,
      name: 'holdAndWait',
      data: { names, words, shared },
    });
    await team.started;
    const look = async (): Promise<readonly Participant[]> => (await inspect('ours'))[0]?.waiters ?? [];
    await waitUntil(async () => (await look()).length > 0, { what: 'the worker waits' });
    const waiters = await look();
    assert.deepEqual(
      waiters.map(({ tier, thread, mode }) => [tier, thread, mode]),
      [['thread', Atomics.load(words, 0), shared ? 'shared' : 'exclusive']],
    );
    assert.ok((waiters[0]?.since?.getTime() ?? Infinity) <= Date.now());
    const [theirs] = await inspect('theirs');
    assert.deepEqual(
      theirs?.holders.map(({ thread, mode }) => [thread, mode]),
      [[Atomics.load(words, 0), 'exclusive']],
    );
    await team.terminate(0);
    assert.deepEqual(await inspect('theirs'), []);
  }
  hold.release();
  assert.deepEqual(await inspect(), []);
});

test('holders in other processes, of names that we know nothing of as well', async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  await using taker = await spawnTaker(module);
  const held = await taker.take({ name: 'far/away', ...options }).acquired;
  for (const found of [await inspect('far/away', options), await inspect(undefined, options)]) {
    assert.deepEqual(
      found.map(({ name, holders }) => [
        name,
        holders.map(({ tier, pid, mode, token }) => [tier, pid, mode, token]),
      ]),
      [['far/away', [['process', taker.pid, 'exclusive', held?.token]]]],
    );
    assert.ok((found[0]?.holders[0]?.since?.getTime() ?? Infinity) <= Date.now());
  }
  assert.deepEqual(await inspect(), []);
  await taker.kill();
  assert.deepEqual(await inspect('far/away', options), []);
});

test('since when it is held: of grants that were watched, and of no others', async (t) => {
  t.after(() => configure({ debug: undefined }));
  const since = async (name: string): Promise<Date | undefined> =>
    (await inspect(name)).find(({ kind }) => kind === 'lock')?.holders[0]?.since;
  configure({ debug: true });
  const before = Date.now();
  const watched = lockSync('since');
  const told = (await since('since'))?.getTime() ?? NaN;
  assert.ok(told >= before && told <= Date.now());
  watched.release();
  configure({ debug: false });
  using unwatched = lockSync('since');
  assert.equal(await since('since'), undefined, 'not that of the one before');
  configure({ debug: true });
  using permit = semaphore('since', 1).acquireSync();
  assert.equal(await since('since'), undefined, 'nor that of the semaphore');
  unwatched.release();
  permit.release();
});

test('what is no option of a look is refused', async () => {
  for (const options of [{ timeout: 1 }, { shared: true }, { lockpath: '/' }])
    await assert.rejects(inspect('a', options as object), { name: 'TypeError', message: /unknown option '/ });
  await assert.rejects(inspect(''), TypeError);
});

test('whoever locks the file without a name is seen, and how we wait for him', async () => {
  const lockPath = newFolder();
  const options = { external: true, lockPath } as const;
  await (await lock('foreign', options)).release();
  const path = join(lockPath, 'foreign.lock');
  await using taker = await spawnTaker(new URL('./support/file-locks.js', import.meta.url));
  for (const [kind, pid] of [
    ['posix', taker.pid],
    ['ofd', undefined],
  ] as const) {
    const theirs = taker.take({ path, kind });
    await theirs.acquired;
    const [found] = await inspect('foreign', options);
    const unknown = { thread: undefined, mode: undefined, since: undefined, token: undefined };
    assert.deepEqual(found?.holders, [{ tier: 'process', pid, ...unknown }]);
    for (const [waitingThreads, way] of [
      [undefined, 'thread'],
      [0, 'tries'],
    ] as const) {
      configure({ waitingThreads });
      const controller = new AbortController();
      const waits = lock('foreign', { ...options, signal: controller.signal });
      const seen = async (): Promise<boolean> => (await inspect('foreign', options))[0]?.waitsBy === way;
      await waitUntil(seen, { what: `it waits by ${way}` });
      controller.abort();
      await assert.rejects(waits, { name: 'AbortError' });
    }
    await theirs.release();
  }
  configure({ waitingThreads: undefined });
  assert.deepEqual(await inspect('foreign', options), []);
});
