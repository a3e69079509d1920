/** ES modules and CommonJS in one process, and several copies of the package: one name is one lock. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as own from '../src/index.js';
import { newFolder, runExample } from './support/examples.js';
import { mustBlock } from '../src/testing/settled.js';

type Package = typeof own;

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);

test('the example finds one lock from both sides', async (t) => {
  assert.deepEqual(await runExample('commonjs.cjs', newFolder(t)), {
    end: 0,
    stdout: 'true\nnull\nnull\n',
    stderr: '',
  });
});

test('require() and import give the same package', async () => {
  const here = Object.entries<unknown>(own);
  assert.deepEqual(Object.entries(require('tierlock') as Package), here);
  assert.deepEqual(Object.entries(await import('tierlock')), here);
  assert.equal((require('tierlock') as Package).lock, own.lock);
});

/** Another copy, as `npm install` leaves it when two packages want one of their own. */
function copyTo(folder: string): string {
  const to = join(folder, 'node_modules', 'tierlock');
  for (const part of ['package.json', 'dist/src', 'native/load.mjs', 'build/Release/tierlock.node']) {
    mkdirSync(join(to, part, '..'), { recursive: true });
    cpSync(join(root, part), join(to, part), { recursive: true });
  }
  return join(folder, 'index.cjs');
}

/** Loads a copy of its own by require(), as a program in that folder would. */
function load(t: { after(fn: () => void): void }): { other: Package; file: string } {
  const file = copyTo(newFolder(t));
  const other = createRequire(file)('tierlock') as Package;
  assert.notEqual(other.lock, own.lock);
  return { other, file };
}

test('two copies exclude each other by name, and hand the lock to each other', async (t) => {
  const { other } = load(t);
  const guard = await own.lock('orders');
  assert.equal(await other.tryLock('orders'), null);
  assert.equal(other.tryLockSync('orders', { shared: true }), null);
  const { wait } = await mustBlock(other.lock('orders'));
  await guard.release();
  const theirs = await wait;
  const again = await mustBlock(own.lock('orders'));
  assert.equal(await theirs.release(), true);
  const last = await again.wait;
  assert.ok(guard.token < theirs.token && theirs.token < last.token);
  assert.equal(last.recovered, false);
  await last.release();
});

test('so they do with a file, and with permits', async (t) => {
  const { other } = load(t);
  const options = { external: true, lockPath: newFolder(t) };
  const guard = await own.lock('orders', options);
  assert.equal(await other.tryLock('orders', options), null);
  const { wait } = await mustBlock(other.lock('orders', options));
  await guard.release();
  const theirs = await wait;
  assert.ok(guard.token < theirs.token);
  assert.equal(await own.tryLock('orders', options), null);
  await theirs.release();

  const permit = await own.semaphore('downloads', 2).acquire();
  const second = await other.semaphore('downloads', 2).acquire();
  assert.equal(await own.semaphore('downloads', 2).tryAcquire(), null);
  assert.equal(await other.semaphore('downloads', 2).tryAcquire(), null);
  assert.throws(() => other.semaphore('downloads', 3).acquireSync(), { code: 'ERR_LOCK_MISUSE' });
  await permit.release();
  await second.release();
});

test('the errors of a copy are known by their code, not by their class', async (t) => {
  const { other } = load(t);
  const guard = await own.lock('orders');
  await assert.rejects(other.lock('orders', { timeout: 1 }), (error: Error & { code: string }) => {
    return error.code === 'ERR_LOCK_TIMEOUT' && !(error instanceof own.LockTimeoutError);
  });
  await guard.release();
});
