import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockTimeoutError, RWLock } from '../src/index.js';
import { mustBlock, turn } from '../src/testing/settled.js';

test('readers share, a writer is alone', async () => {
  const lock = new RWLock();
  const readers = await Promise.all([lock.read(), lock.read(), lock.read()]);
  assert.equal(lock.readers, 3);
  assert.equal(lock.writer, false);
  assert.equal(readers[0].mode, 'shared');
  const { wait } = await mustBlock(lock.write());
  assert.equal(lock.waitingWriters, 1);
  for (const reader of readers) reader.release();
  const writer = await wait;
  assert.deepEqual([lock.readers, lock.writer, lock.waitingWriters], [0, true, 0]);
  assert.equal(writer.mode, 'exclusive');
  await mustBlock(lock.read());
  await mustBlock(lock.write());
  writer.release();
});

test('a reader never overtakes a writer who waits', async () => {
  const lock = new RWLock();
  const reader = await lock.read();
  const writing = lock.write();
  const { wait: late } = await mustBlock(lock.read());
  assert.equal(lock.tryRead(), null);
  reader.release();
  const writer = await writing;
  await mustBlock(late);
  writer.release();
  (await late).release();
});

test('readers who stand together enter together, up to the next writer', async () => {
  const lock = new RWLock();
  const order: string[] = [];
  const first = await lock.write();
  const enter = async (who: string, guard: Promise<{ release(): boolean }>): Promise<void> => {
    const held = await guard;
    order.push(`${who}+`);
    await turn();
    order.push(`${who}-`);
    held.release();
  };
  const all = [
    enter('r1', lock.read()),
    enter('r2', lock.read()),
    enter('w', lock.write()),
    enter('r3', lock.read()),
    enter('r4', lock.read()),
  ];
  first.release();
  await Promise.all(all);
  assert.deepEqual(order, ['r1+', 'r2+', 'r1-', 'r2-', 'w+', 'w-', 'r3+', 'r4+', 'r3-', 'r4-']);
});

test('a writer who gives up lets the readers behind it in at once', async () => {
  const lock = new RWLock();
  const reader = await lock.read();
  const controller = new AbortController();
  const aborted = lock.write({ signal: controller.signal });
  // Caught from the start: on a busy machine it comes while we still look whether the readers block.
  const timedOut = assert.rejects(lock.write({ timeout: 5 }), LockTimeoutError);
  const { wait: readers } = await mustBlock(Promise.all([lock.read(), lock.read()]));
  controller.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  await timedOut;
  assert.equal((await readers).length, 2);
  assert.equal(lock.readers, 3);
  reader.release();
});

test('a writer who times out is told how many readers there are', async () => {
  const lock = new RWLock();
  await Promise.all([lock.read(), lock.read()]);
  await assert.rejects(lock.write({ timeout: 1 }), {
    message: 'timed out after 1 ms waiting for the reader-writer lock (2 held; others waiting: 0)',
  });
});

test('waitingWriters counts no readers, however they wait', async () => {
  const lock = new RWLock();
  const guard = await lock.write();
  const waits = [lock.read(), lock.read({ timeout: 60_000 }), lock.write(), lock.write({ timeout: 60_000 })];
  assert.equal(lock.waitingWriters, 2);
  guard.release();
  for (const wait of waits) (await wait).release();
  assert.equal(lock.waitingWriters, 0);
});

test('tryRead and tryWrite never wait', () => {
  const lock = new RWLock();
  const reader = lock.tryRead();
  assert.notEqual(reader, null);
  assert.notEqual(lock.tryRead(), null);
  assert.equal(lock.tryWrite(), null);
  const other = new RWLock();
  assert.notEqual(other.tryWrite(), null);
  assert.equal(other.tryRead(), null);
  assert.equal(other.tryWrite(), null);
});

test('downgrade keeps reading with no gap for another writer, and lets readers in', async () => {
  const lock = new RWLock();
  const guard = await lock.write();
  const readers = Promise.all([lock.read(), lock.read()]);
  const writing = lock.write();
  assert.equal(guard.downgrade(), guard);
  assert.equal(guard.mode, 'shared');
  assert.equal(lock.readers, 3);
  for (const reader of await readers) reader.release();
  await mustBlock(writing);
  assert.equal(guard.downgrade(), guard, 'a reader stays a reader');
  assert.equal(guard.release(), true);
  (await writing).release();
  assert.deepEqual([lock.readers, lock.writer], [0, false]);
});

test('tryUpgrade makes the only reader the writer, past writers who wait, and never waits', async () => {
  const lock = new RWLock();
  const reader = await lock.read();
  const other = await lock.read();
  const writing = lock.write();
  assert.equal(reader.tryUpgrade(), null);
  assert.equal(reader.held, true);
  assert.equal(reader.mode, 'shared');
  other.release();
  assert.equal(reader.tryUpgrade(), reader);
  assert.equal(reader.mode, 'exclusive');
  assert.deepEqual([lock.readers, lock.writer], [0, true]);
  assert.equal(reader.tryUpgrade(), reader, 'a writer stays the writer');
  await mustBlock(writing);
  reader.release();
  (await writing).release();
});

test('two readers who both want to upgrade are both told no, and neither hangs', async () => {
  const lock = new RWLock();
  const [one, two] = await Promise.all([lock.read(), lock.read()]);
  assert.equal(one.tryUpgrade(), null);
  assert.equal(two.tryUpgrade(), null);
  one.release();
  two.release();
});
