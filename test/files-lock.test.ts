/** A `FileLock` within one process: modes, kinds, ranges, and what it takes as arguments. */
import assert from 'node:assert/strict';
import { existsSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { FileLock, LockDeadlockError, LockTimeoutError, LockUnsupportedError } from '../src/index.js';
import { temporary } from './support/temporary.js';

const { newPath } = temporary();

for (const kind of ['ofd', 'flock', 'posix'] as const) {
  test(`${kind}: excludes, in this thread and beyond`, async () => {
    const path = newPath();
    const lock = new FileLock(path, { kind });
    const guard = await lock.lock();
    assert.equal(guard.mode, 'exclusive');
    assert.equal(lock.tryLock(), null);
    assert.equal(new FileLock(path, { kind }).tryLock(), null);
    assert.equal(lock.tryLock({ shared: true }), null);
    await assert.rejects(lock.lock({ timeout: 5 }), LockTimeoutError);
    assert.equal(guard.release(), true);
    lock.lockSync().release();
  });

  test(`${kind}: readers share, and hand on in order`, async () => {
    const lock = new FileLock(newPath(), { kind });
    const readers = [lock.lockSync({ shared: true }), await lock.lock({ shared: true })];
    assert.equal(lock.tryLock(), null);
    const order: string[] = [];
    const writing = lock.run(() => order.push('write'));
    const reading = lock.run(() => order.push('read'), { shared: true });
    assert.throws(() => lock.lockSync(), LockDeadlockError);
    for (const reader of readers) reader.release();
    await Promise.all([writing, reading]);
    assert.deepEqual(order, ['write', 'read']);
  });

  test(`${kind}: an abort ends the wait, and nothing is left of it`, async () => {
    const lock = new FileLock(newPath(), { kind });
    const guard = lock.lockSync();
    const controller = new AbortController();
    const waits = [lock.lock({ signal: controller.signal }), lock.lock({ timeout: 10_000, shared: true })];
    controller.abort('enough');
    await assert.rejects(waits[0] ?? assert.fail(), (reason) => reason === 'enough');
    guard.release();
    (await waits[1])?.release();
    lock.lockSync().release();
  });

  test(`${kind}: a file that is removed is locked anew, under its name`, () => {
    const path = newPath();
    const lock = new FileLock(path, { kind });
    lock.lockSync().release();
    unlinkSync(path);
    using guard = lock.lockSync();
    assert.ok(guard.held && existsSync(path));
  });
}

test('ofd: a reader becomes the writer and one again, and the kernel knows', async () => {
  const path = newPath();
  const lock = new FileLock(path);
  const other = new FileLock(path, { length: 1 });
  const guard = await lock.lock({ shared: true });
  assert.equal(other.tryLock({ shared: true })?.release(), true);
  assert.equal(guard.tryUpgrade(), guard);
  assert.equal(other.tryLock({ shared: true }), null);
  guard.downgrade();
  const beside = other.tryLock({ shared: true });
  assert.ok(beside);
  assert.equal(guard.tryUpgrade(), null);
  assert.equal(guard.mode, 'shared');
  beside.release();
  guard.release();
  assert.equal(other.tryLock()?.release(), true);
});

test('flock: does not upgrade, because the kernel would let go in between', async () => {
  const lock = new FileLock(newPath(), { kind: 'flock' });
  using guard = await lock.lock({ shared: true });
  assert.equal(guard.tryUpgrade(), null);
  assert.equal(guard.mode, 'shared');
});

test('ranges exclude where they overlap', () => {
  const path = newPath();
  const [first, second, both] = [
    new FileLock(path, { start: 0, length: 10 }),
    new FileLock(path, { start: 10, length: 10 }),
    new FileLock(path, { start: 9, length: 2 }),
  ];
  using a = first.lockSync();
  using b = second.lockSync();
  assert.ok(a.held && b.held);
  assert.equal(both.tryLock(), null);
  a.release();
  assert.equal(both.tryLock(), null);
  b.release();
  using c = both.tryLock();
  assert.ok(c?.held);
});

test('posix: handles of one process that overlap exclude each other, and share', () => {
  const path = newPath();
  const [all, some, first] = [
    new FileLock(path, { kind: 'posix' }),
    new FileLock(path, { kind: 'posix', start: 5, length: 10 }),
    new FileLock(path, { kind: 'posix', length: 6 }),
  ];
  const witness = new FileLock(path); // sees what the kernel knows
  const part = new FileLock(path, { start: 5, length: 1 });
  const guard = some.lockSync({ shared: true });
  assert.equal(all.tryLock(), null);
  const beside = [all.lockSync({ shared: true }), first.lockSync({ shared: true })];
  assert.equal(guard.tryUpgrade(), null);
  assert.equal(witness.tryLock(), null);
  beside[0]?.release();
  assert.equal(part.tryLock(), null, 'what two held is still held by one');
  assert.equal(new FileLock(path, { start: 100, length: 5 }).tryLock()?.release(), true);
  beside[1]?.release();
  assert.equal(part.tryLock(), null);
  assert.equal(guard.tryUpgrade(), guard);
  guard.release();
  assert.equal(witness.tryLock()?.release(), true);
});

test('readers of one thread stop joining each other when a writer has waited for them', async () => {
  const path = newPath();
  const readers = new FileLock(path);
  const writer = new FileLock(path, { length: 1 });
  const seen = { inside: 0, written: false };
  const read = async (): Promise<void> => {
    seen.inside++;
    for (let turns = 0; turns < 3; turns++) await setImmediate();
    seen.inside--;
  };
  const reading = [readers.run(read, { shared: true })];
  await setImmediate();
  const writing = writer.run(() => (seen.written = true));
  // There is always one of them inside, if they are let in.
  for (let i = 0; i < 1e5 && !seen.written; i++) {
    reading.push(readers.run(read, { shared: true }));
    await setImmediate();
  }
  await Promise.all([writing, ...reading]);
  assert.deepEqual(seen, { inside: 0, written: true });
});

test('the kernel says who holds a posix lock', () => {
  const path = newPath();
  const lock = new FileLock(path);
  assert.equal(lock.holder(), 0);
  using guard = new FileLock(path, { kind: 'posix' }).lockSync();
  assert.ok(guard.held);
  assert.equal(lock.holder(), process.pid);
  using own = new FileLock(newPath()).lockSync();
  assert.ok(own.held);
});

test('who holds it himself is told so', () => {
  const lock = new FileLock(newPath());
  using guard = lock.lockSync();
  assert.ok(guard.held);
  assert.throws(() => lock.holder(), LockUnsupportedError);
});

test('bad arguments are errors that name them', async () => {
  const bad = (make: () => unknown, message: RegExp): void => assert.throws(make, message);
  bad(() => new FileLock(''), /'path'/);
  bad(() => new FileLock('a\0b'), /'path'/);
  bad(() => new FileLock(newPath(), { kind: 'fcntl' as 'ofd' }), /'kind' must be/);
  bad(() => new FileLock(newPath(), { start: -1 }), /'start'/);
  bad(() => new FileLock(newPath(), { length: 0.5 }), /'length'/);
  bad(() => new FileLock(newPath(), { kind: 'flock', length: 1 }), /whole file/);
  bad(() => new FileLock(newPath(), { start: 2 ** 51, length: 2 ** 51 }), /2 \*\* 52/);
  bad(() => new FileLock(newPath()).lockSync({ shared: 1 as unknown as boolean }), /'shared'/);
  await assert.rejects(
    new FileLock(newPath()).lock({ exclusive: true } as object),
    /unknown option 'exclusive'/,
  );
});
