/** Locks by name between a process and those that it starts: they exclude each other, and nothing is inherited. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { lock, tryLock } from '../src/index.js';
import { newFolder, runExample } from './support/examples.js';
import { stateOf } from '../src/testing/process-state.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/external.js', import.meta.url);

/** Who is not there any more has no state, or is a zombie that nobody has buried. */
const lives = (pid: number): boolean => !['', 'Z'].includes(stateOf(pid));

test('the example counts right', async (t) => {
  assert.deepEqual(await runExample('fork.mjs', newFolder(t)), {
    end: 0,
    stdout: '500 times counted: 500\n',
    stderr: '',
  });
});

test('a child waits for its parent, and the parent for its child', async (t) => {
  const lockPath = newFolder(t);
  const own = await lock('orders', { external: true, lockPath });
  // It is forked while the lock is held.
  await using child = await spawnTaker(module);
  const theirs = child.take({ name: 'orders', lockPath });
  await theirs.mustBlock();
  await own.release();
  const acquired = await theirs.acquired;
  assert.ok((acquired?.token ?? 0n) > own.token);

  assert.equal(await tryLock('orders', { external: true, lockPath }), null);
  const again = lock('orders', { external: true, lockPath });
  assert.equal(await theirs.release(), true);
  await (await again).release();
});

for (const kind of ['fork', 'spawn'] as const) {
  test(
    `${kind}: a child that outlives the holder holds nothing`,
    { skip: process.platform !== 'linux' },
    async (t) => {
      const lockPath = newFolder(t);
      await using holder = await spawnTaker(module);
      await holder.take({ name: 'orders', lockPath }).acquired;
      const child = Number(await holder.run('startChild', kind));
      t.after(() => lives(child) && process.kill(child, 'SIGKILL'));
      assert.equal(await tryLock('orders', { external: true, lockPath }), null);

      // Its parent's files are closed by the time its own program runs, which the parent has waited for.
      const open = readdirSync(`/proc/${child}/fd`).map((fd) => readlinkSync(`/proc/${child}/fd/${fd}`));
      assert.deepEqual(
        open.filter((path) => path.startsWith(lockPath)),
        [],
      );
      const next = lock('orders', { external: true, lockPath });
      await holder.kill();
      const guard = await next;
      assert.equal(lives(child), true);
      // Between processes nobody is told.
      assert.equal(guard.recovered, false);
      await guard.release();
    },
  );
}

test('children find the folder by the environment, and not by what their parent has configured', async (t) => {
  const lockPath = newFolder(t);
  const other = newFolder(t);
  await using parent = await spawnTaker(module, { env: { TIERLOCK_PATH: lockPath } });
  await parent.run('configure', { lockPath: other });
  assert.equal(await parent.run('pathOfChild'), lockPath);

  await using child = await spawnTaker(module, { env: { TIERLOCK_PATH: lockPath } });
  const guard = await lock('orders', { external: true, lockPath });
  assert.equal(await child.run('isFree', { name: 'orders' }), false);
  // The parent looks elsewhere: that is what goes wrong when only one of them is configured.
  assert.equal(await parent.run('isFree', { name: 'orders' }), true);
  await guard.release();
  assert.equal(await child.run('isFree', { name: 'orders' }), true);
});

test('a name that is opened where another one was has a file of its own', async (t) => {
  const lockPath = newFolder(t);
  await using other = await spawnTaker(module);
  await (await lock('first', { external: true, lockPath })).release();
  await waitUntil(() => loadAddon().names() === 0, { what: 'the first one is not open any more' });
  const guard = await lock('second', { external: true, lockPath });
  assert.deepEqual(
    await Promise.all([
      other.run('isFree', { name: 'first', lockPath }),
      other.run('isFree', { name: 'second', lockPath }),
    ]),
    [true, false],
  );
  await guard.release();
});
