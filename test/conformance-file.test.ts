/** The files of a folder as a store, in the conformance suite; and what only they promise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { conformance } from '../src/conformance.js';
import { connect, LockMisuseError, LockUnsupportedError, lock, tryLock } from '../src/index.js';
import { moduleFor } from './support/store-at.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';

const { newFolder } = temporary();
const folder = newFolder();
const url = pathToFileURL(folder).href;

conformance({
  test,
  name: 'file',
  open: () => connect(url),
  leftovers: () => connect(url).list?.('') ?? [],
  module: moduleFor(url),
});

test('one key has one record: the file that external: true locks in that folder', async () => {
  await using store = connect(url);
  {
    await using guard = await lock('one', { distributed: store });
    assert.ok(guard.held);
    // The thread tier would keep it out as well, so another process asks.
    await using other = await spawnTaker(new URL('./support/external.js', import.meta.url), {
      env: { TIERLOCK_PATH: folder },
    });
    assert.equal(await other.run('isFree', { name: 'one' }), false);
  }
  await assert.rejects(
    tryLock('one', { distributed: store, external: true, lockPath: folder }),
    LockMisuseError,
  );
  const beside = await tryLock('one', { distributed: store, external: true, lockPath: newFolder() });
  assert.equal(await beside?.release(), true);
});

test('a file cannot be taken from a process that lives, which is named', async () => {
  await using store = connect(url);
  await using guard = await lock('stays', { distributed: store });
  await assert.rejects(store.break?.('lock:stays') ?? Promise.resolve(), (error: unknown) => {
    assert.ok(error instanceof LockUnsupportedError);
    assert.match(error.message, new RegExp(`process ${process.pid}\\b`));
    return true;
  });
  assert.ok(guard.held);
});

test('who holds a file when its store is closed has lost it, and is told', async () => {
  const store = connect(url);
  const guard = await lock('closed', { distributed: store });
  await store.close();
  assert.equal(guard.held, false);
  assert.ok(guard.signal.aborted);
  assert.equal(await guard.release(), false);
  await using next = connect(url);
  assert.ok(await tryLock('closed', { distributed: next }));
});
