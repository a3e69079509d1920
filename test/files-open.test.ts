/** For how long the file of a `FileLock` stays open. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import { openFiles } from './support/system.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newPath } = temporary();

const openFds = (path: string): number => openFiles('self').filter((file) => file === path).length;

test('a file stays open for a while after its last use, and not for ever', async () => {
  const path = newPath();
  const lock = new FileLock(path);
  lock.lockSync().release();
  lock.lockSync().release();
  assert.equal(openFds(path), 1);
  await waitUntil(() => openFds(path) === 0, { what: 'it is closed', timeoutMs: 10_000 });
  using guard = lock.lockSync();
  assert.ok(guard.held);
});

test('many files do not stay open', () => {
  const paths = Array.from({ length: 300 }, newPath);
  for (const path of paths) new FileLock(path).lockSync().release();
  assert.ok(paths.filter((path) => openFds(path) > 0).length < 250);
});

test('posix: a file stays open while another handle holds it', async () => {
  const path = newPath();
  const idle = new FileLock(path, { kind: 'posix', start: 50, length: 1 });
  using guard = new FileLock(path, { kind: 'posix', length: 1 }).lockSync();
  idle.lockSync().release();
  assert.equal(openFds(path), 2);
  // Some files more than are kept open, so that the idle ones are closed.
  for (let i = 0; i < 250; i++) new FileLock(newPath()).lockSync().release();
  assert.equal(openFds(path), 2);
  assert.ok(guard.held);
  assert.equal(new FileLock(path).tryLock(), null);
});
