/**
 * A reader who waits beside one of the same handle that reads: in the kernel's eyes they are one, so what happens to the
 * one must not be done to the other.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { FileLock } from '../src/index.js';
import type { RWGuard } from '../src/index.js';
import { kernelLocks } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Taker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { spinUntil, waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/file-locks.js', import.meta.url);
const { newPath } = temporary();

interface Scene extends AsyncDisposable {
  /** It reads; a writer of another process waits for it, and a reader of ours for that writer. */
  readonly reader: RWGuard;
  readonly second: Promise<RWGuard>;
  /** Takes the lock in another process, if it can be had now. */
  readonly intrude: (shared?: boolean) => Promise<boolean>;
  /** Ends the writer, and stays in this very moment until our second reader's thread has the lock. */
  readonly letSecondIn: () => void;
}

async function scene(signal?: AbortSignal): Promise<Scene> {
  const path = newPath();
  const lock = new FileLock(path);
  const [writer, other]: Taker[] = await Promise.all([spawnTaker(module), spawnTaker(module)]);
  assert.ok(writer !== undefined && other !== undefined);
  const reader = lock.lockSync({ shared: true });
  const blocked = (): number => kernelLocks(path).filter(({ waits }) => waits).length;
  void writer.take({ path }).acquired.catch(() => undefined);
  await waitUntil(() => blocked() === 1, { what: 'a writer waits' });
  // For some milliseconds readers come in all the same.
  let second = lock.lock({ shared: true, ...(signal !== undefined && { signal }) });
  while (loadAddon().waits() === 0) {
    const come = await Promise.race([
      second,
      waitUntil(() => loadAddon().waits() > 0, { what: 'a thread waits' }),
    ]);
    if (come === true) break;
    (await second).release();
    second = lock.lock({ shared: true, ...(signal !== undefined && { signal }) });
  }
  await waitUntil(() => blocked() === 2, { what: 'a reader waits, too' });
  return {
    reader,
    second,
    intrude: async (shared = false) => (await other.take({ path, shared, how: 'try' }).acquired) !== null,
    letSecondIn: () => {
      process.kill(writer.pid, 'SIGKILL');
      spinUntil(() => blocked() === 0, { what: 'nobody waits any more' });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([writer.kill(), other.kill()]);
    },
  };
}

test('who comes in while the other lets go has the lock', async () => {
  await using set = await scene();
  set.letSecondIn();
  set.reader.release();
  const guard = await set.second;
  assert.ok(guard.held);
  assert.equal(await set.intrude(), false, 'a writer came in');
  guard.release();
  assert.equal(await set.intrude(), true);
});

test('who comes in while the other becomes the writer waits for it', async () => {
  await using set = await scene();
  assert.equal(set.reader.tryUpgrade(), set.reader);
  set.letSecondIn();
  assert.equal(await set.intrude(true), false, 'a reader came in');
  let granted = false;
  void set.second.then(() => (granted = true));
  assert.equal(await set.intrude(true), false, 'a reader came in');
  assert.equal(granted, false, 'our own reader came in');
  set.reader.release();
  (await set.second).release();
  assert.equal(await set.intrude(), true);
});

test('who gives up takes nothing from the other', async () => {
  const controller = new AbortController();
  await using set = await scene(controller.signal);
  controller.abort('enough');
  await assert.rejects(set.second, (reason) => reason === 'enough');
  set.letSecondIn();
  assert.equal(await set.intrude(), false, 'a writer came in');
  set.reader.release();
  assert.equal(await set.intrude(), true);
});
