/** `tierlock/oslo` within one process: names, options, and where it is better than what it copies. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as product from '../src/index.js';
import type { Guard } from '../src/index.js';
import {
  AcquireLockFailedException,
  externalLock,
  FairLocks,
  getLockPath,
  InterProcessLock,
  InterProcessReaderWriterLock,
  internalFairLock,
  internalLock,
  lock,
  lockWithPrefix,
  ReaderWriterLock,
  removeExternalLockFileWithPrefix,
  Semaphores,
  setDefaults,
  synchronized,
  synchronizedWithPrefix,
} from '../src/oslo.js';
import type { OsloLockOptions } from '../src/oslo.js';

const top = mkdtempSync(join(tmpdir(), 'tierlock-oslo-'));
after(() => rmSync(top, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(top, String(folders++));
const free = (name: string, options: OsloLockOptions = {}): Promise<boolean> =>
  lock(name, { ...options, blocking: false }).then(
    async (guard) => guard.release(),
    (error: unknown) => {
      assert.ok(error instanceof AcquireLockFailedException);
      return false;
    },
  );
const nothing = async (): Promise<void> => undefined;

test('a name is one name, however it is asked for', async () => {
  await using guard = await lock('orders');
  assert.equal(await free('orders'), false);
  assert.equal(await free('orders', { fair: true }), false);
  assert.equal(await product.tryLock('orders'), null);
  await assert.rejects(internalLock('orders', { blocking: false }), AcquireLockFailedException);
  assert.equal(internalFairLock('orders').owner, 'w');
  const waiting = internalFairLock('orders').readLock();
  await guard.release();
  await using reader = await waiting;
  assert.equal(reader.mode, 'shared');
  assert.equal(await free('orders'), false);
});

test('the prefix is part of the name, with one - between them', async () => {
  const nova = lockWithPrefix('nova');
  await using guard = await nova('orders');
  assert.equal(guard.name, 'nova-orders');
  assert.equal(await free('orders'), true);
  assert.equal(await free('orders', { lockFilePrefix: 'cinder' }), true);
  assert.equal(await free('orders', { lockFilePrefix: 'nova-' }), false);
  assert.equal(await free('nova-orders'), false);
  assert.equal(await nova('stock', async ({ name }) => name), 'nova-stock');
  assert.equal(await nova('stock', { lockFilePrefix: 'x' }, async ({ name }) => name), 'x-stock');
});

test('two names of one file have one file, and are two names without it', async () => {
  const options = { external: true, lockPath: newFolder() };
  await using guard = await lock('x/y', options);
  assert.equal(await free('x_y'), true);
  assert.equal(await free('x_y', options), false);
  assert.equal(
    await externalLock('x_y', options.lockPath ? { lockPath: options.lockPath } : {}).acquire({ timeout: 0 }),
    false,
  );
  const waiting = lock('x_y', options);
  await guard.release();
  await using next = await waiting;
  assert.equal(await free('x/y', options), false);
  assert.ok(next.held);
});

test('a container of semaphores is a name space of its own, but a file is a file', async () => {
  const lockPath = newFolder();
  const [one, two] = [new Semaphores(), new Semaphores()];
  await using ours = await lock('orders', { semaphores: one });
  assert.ok(ours.held);
  assert.equal(await free('orders', { semaphores: one }), false);
  assert.equal(await one.get('orders').tryAcquire(), null);
  assert.equal(await free('orders', { semaphores: two, fair: true }), true);
  assert.equal(await free('orders'), true);
  const semaphore = two.get('orders');
  assert.equal(two.get('orders'), semaphore);
  assert.deepEqual([two.size, new Semaphores().size], [1, 0]);
  await using held = await semaphore.acquire({ timeout: 10 });
  assert.ok(held.held);
  assert.equal(await free('orders', { semaphores: two }), false);
  await lock('x', { external: true, lockPath, semaphores: one }, async () => {
    assert.equal(await free('x', { external: true, lockPath, semaphores: two }), false);
    assert.equal(await free('x', { external: true, lockPath }), false);
  });
});

test('who would wait for himself is told, instead of waiting for ever', async () => {
  const options = { external: true, fair: true, lockPath: newFolder() };
  await lock('orders', options, async () => {
    await assert.rejects(lock('orders', options), { name: 'LockDeadlockError' });
    await assert.rejects(lock('orders', { blocking: false }), AcquireLockFailedException);
  });
  assert.equal(await free('orders', options), true);
});

test('without a folder there is no file', async () => {
  const before = process.env['OSLO_LOCK_PATH'];
  delete process.env['OSLO_LOCK_PATH'];
  try {
    assert.equal(getLockPath(), undefined);
    const missing = { name: 'LockMisuseError', message: /'orders' needs a file.*OSLO_LOCK_PATH/ };
    await assert.rejects(lock('orders', { external: true }), missing);
    assert.throws(() => externalLock('orders'), missing);
    await assert.rejects(removeExternalLockFileWithPrefix('nova')('orders'), missing);
    const later = synchronized('orders', { external: true })(nothing);
    await assert.rejects(later(), missing);
    assert.equal(await free('orders'), true, 'nothing was taken');
    process.env['OSLO_LOCK_PATH'] = 'locks';
    await assert.rejects(lock('orders', { external: true }), /make it an absolute path/);
    const [variable, set, asked] = [newFolder(), newFolder(), newFolder()];
    process.env['OSLO_LOCK_PATH'] = variable;
    await later();
    assert.ok(existsSync(join(variable, 'orders')));
    setDefaults(set);
    assert.equal(getLockPath(), set);
    await later();
    assert.ok(existsSync(join(set, 'orders')));
    await lock('orders', { external: true, lockPath: asked }, nothing);
    assert.deepEqual(readdirSync(asked), ['.tierlock', 'orders']);
    assert.throws(() => setDefaults(''), TypeError);
    assert.equal(await inWorker('getLockPath()'), set, 'a worker that is started now has it too');
    setDefaults(undefined);
    assert.equal(getLockPath(), variable);
  } finally {
    setDefaults(undefined);
    if (before === undefined) delete process.env['OSLO_LOCK_PATH'];
    else process.env['OSLO_LOCK_PATH'] = before;
  }
});

/** What an expression that uses the face gives in a worker thread, or the message of its error. */
async function inWorker(expression: string): Promise<unknown> {
  const face = new URL('../src/oslo.js', import.meta.url).href;
  const code = `import('${face}').then(({ getLockPath, lock }) => ${expression})
    .catch((error) => error.message)
    .then((said) => require('node:worker_threads').parentPort.postMessage(said))`;
  const worker = new Worker(code, { eval: true });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

test('a worker is kept out, too, by the name and by the file', async () => {
  await using guard = await lock('orders', { lockFilePrefix: 'nova' });
  assert.ok(guard.held);
  const said = await inWorker("lock('orders', { lockFilePrefix: 'nova', blocking: false })");
  assert.equal(said, 'Failed to acquire the lock orders');
  const lockPath = newFolder();
  await using file = await lock('x/y', { external: true, lockPath });
  assert.ok(file.held);
  const options = JSON.stringify({ external: true, lockPath, blocking: false });
  assert.equal(await inWorker(`lock('x_y', ${options})`), 'Failed to acquire the lock x_y');
});

test('options are checked before anything is taken', async () => {
  const wrong: [object, RegExp][] = [
    [{ lock_path: '/tmp' }, /unknown option 'lock_path'/],
    [{ external: 1 }, /'external' must be true or false, got number/],
    [{ blocking: 1 }, /'blocking' must be/],
    [{ delay: -1 }, /'delay' must not be negative/],
    [{ delay: '1' }, /'delay' must be a number/],
    [{ lockFilePrefix: null }, /'lockFilePrefix' must be a string/],
    [{ semaphores: {} }, /'semaphores' must be a Semaphores/],
    [{ timeout: 1, blocking: false }, /'timeout' makes no sense/],
    [{ external: true, lockPath: '' }, /'lockPath' must be the path/],
    [{ external: true, lockPath: top, lockFilePrefix: '../x' }, /its prefix would lead to another folder/],
  ];
  for (const [options, message] of wrong) await assert.rejects(lock('checked', options), message);
  await assert.rejects(lock('', {}), /'name' must not be empty/);
  await assert.rejects(lock('checked', {}, 1 as never), /'fn' must be a function/);
  assert.throws(() => synchronized('checked', { delay: -1 }), RangeError);
  assert.equal(await free('checked'), true);
  await lock('checked', { delay: 5, semaphores: undefined, lockPath: undefined, fair: undefined }, nothing);
});

test('a folder whose locks are taken otherwise is refused: Python would not see them', async () => {
  const lockPath = newFolder();
  mkdirSync(lockPath);
  await product.lock('orders', { external: true, lockPath, via: 'flock' }, nothing);
  await assert.rejects(lock('orders', { external: true, lockPath }), {
    name: 'LockMisuseError',
    message: /are taken via 'flock'/,
  });
  const other = newFolder();
  await lock('orders', { external: true, lockPath: other }, async () => {
    await product.lock('stock', { external: true, lockPath: other }, nothing);
  });
  assert.deepEqual(readdirSync(other), ['.tierlock', 'orders', 'stock.lock']);
});

test('synchronized is a decorator of both kinds, and no generator is wrapped', async () => {
  const decorate = synchronized('both kinds') as unknown as (...args: unknown[]) => PropertyDescriptor;
  const before = { value: async () => 42, writable: true, enumerable: false, configurable: true };
  const put = decorate({}, 'method', before);
  assert.notEqual(put.value, before.value);
  assert.equal(await put.value(), 42);
  assert.throws(() => decorate(function* several() {}), { name: 'TypeError', message: /not for generators/ });
});

test('synchronized holds until the promise has settled, and passes all through', async () => {
  class Stock {
    inside = 0;

    @(synchronizedWithPrefix('nova')('stock', { fair: true }))
    async take(amount: number): Promise<number> {
      assert.equal(++this.inside, 1);
      assert.equal(await free('stock', { lockFilePrefix: 'nova' }), false);
      this.inside--;
      if (amount < 0) throw new RangeError('less than nothing');
      return amount;
    }
  }
  const stock = new Stock();
  const results = await Promise.allSettled([stock.take(1), stock.take(-1), stock.take(2)]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason))),
    [1, 'RangeError: less than nothing', 2],
  );
  assert.deepEqual([stock.take.name, stock.take.length], ['take', 1]);
  const busy = synchronized('stock', { lockFilePrefix: 'nova', blocking: false })(() => 1);
  await lock('nova-stock', async () => assert.rejects(busy(), AcquireLockFailedException));
  assert.equal(await busy(), 1);
});

test('the log says what oslo says', () => {
  const face = new URL('../src/oslo.js', import.meta.url).href;
  const code = `
    import { lock, synchronized } from '${face}';
    const options = { external: true, lockPath: '${newFolder()}' };
    await lock('a', options, async () => {});
    await lock('a', { doLog: false }, async () => {});
    const one = synchronized('b')(async function one() { await synchronized('b', { blocking: false })(function two() {})().catch(() => {}); });
    await one();`;
  const env = { ...process.env, NODE_DEBUG: 'tierlock' };
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' });
  const said = ran.stderr
    .replaceAll(/^TIERLOCK \d+: /gm, '')
    .replaceAll(/\d\.\d{3}s/g, 'N')
    .trim();
  assert.deepEqual(said.split('\n'), [
    'Acquiring lock "a"',
    'Acquired lock "a"',
    'Acquired external semaphore "a"',
    'Releasing lock "a"',
    'Acquiring lock "b" by "one"',
    'Lock "b" acquired by "one" :: waited N',
    'Acquiring lock "b" by "two"',
    'Lock "b" "unacquired" by "two" :: held N/A',
    'Lock "b" "released" by "one" :: held N',
  ]);
});

test('a reader-writer lock lets in again who runs inside, and no reader becomes a writer', async () => {
  const rw = new ReaderWriterLock();
  assert.deepEqual(
    [rw.owner, rw.isReader(), rw.isWriter(), rw.hasPendingWriters],
    [null, false, false, false],
  );
  let late: Promise<void> | undefined;
  await rw.readLock(async () => {
    late = product.detach(() => rw.writeLock(async () => assert.ok(rw.isWriter())));
    assert.ok(rw.hasPendingWriters);
    await rw.readLock(async () => assert.ok(rw.isReader()));
    await assert.rejects(rw.writeLock(), { name: 'LockDeadlockError' });
    assert.deepEqual([rw.owner, rw.isReader(), rw.isWriter()], ['r', true, false]);
  });
  await late;
  await rw.writeLock(async () => {
    await rw.writeLock(async () => assert.ok(rw.isWriter()));
    assert.ok(!rw.isReader());
    await rw.readLock(async () =>
      assert.deepEqual([rw.owner, rw.isReader(), rw.isWriter()], ['w', true, true]),
    );
    await using inner = await rw.acquireReadLock();
    assert.ok(inner.held);
  });
  assert.equal(rw.owner, null);
});

test('without a function the guard is who holds a reader-writer lock', async () => {
  const rw = new FairLocks().get('orders');
  const readers = [await rw.acquireReadLock(), await rw.readLock()] as const;
  await assert.rejects(rw.acquireWriteLock({ timeout: 1 }), { name: 'LockTimeoutError' });
  assert.equal(rw.hasPendingWriters, false, 'whoever gives up leaves nothing behind');
  assert.throws(() => rw.releaseWriteLock(readers[0]), { name: 'LockMisuseError' });
  assert.throws(() => new ReaderWriterLock().releaseReadLock(readers[0]), { name: 'LockMisuseError' });
  assert.throws(() => rw.releaseReadLock(undefined as unknown as Guard), { name: 'LockMisuseError' });
  for (const guard of readers) rw.releaseReadLock(guard);
  assert.throws(() => rw.releaseReadLock(readers[0]), { name: 'LockMisuseError' });
  const writer = await rw.writeLock();
  assert.equal(rw.owner, 'w');
  rw.releaseWriteLock(writer);
  assert.equal(rw.owner, null);
});

test('containers give one object as long as somebody has it', () => {
  const locks = new FairLocks();
  const one = locks.get('orders');
  assert.equal(locks.get('orders'), one);
  assert.notEqual(new FairLocks().get('orders'), one);
  assert.equal(locks.size, 1);
});

test('an InterProcessLock excludes other objects, and tasks that share it', async () => {
  const path = join(newFolder(), 'deep', 'job.lock');
  const one = new InterProcessLock(path);
  const other = new InterProcessLock(path);
  assert.deepEqual([one.exists(), one.acquired], [false, false]);
  assert.throws(() => one.release(), { name: 'LockMisuseError', message: /is not held by this object/ });
  assert.equal(await one.acquire(), true);
  assert.deepEqual([one.exists(), one.acquired, other.acquired], [true, true, false]);
  assert.equal(await other.acquire({ blocking: false }), false);
  assert.equal(await one.acquire({ timeout: 1 }), false);
  assert.ok(one.acquired);
  await assert.rejects(other.acquire({ signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  await assert.rejects(other.acquire({ delay: -1 }), RangeError);
  await assert.rejects(other.acquire({ blocking: 1 } as object), TypeError);
  const second = one.acquire();
  one.release();
  assert.ok(await second);
  one.release();
  assert.equal(one.acquired, false);
  assert.throws(() => one.release(), { name: 'LockMisuseError' });
  await assert.rejects(
    one.run(() => {
      assert.ok(one.acquired);
      throw new Error('on purpose');
    }),
    /on purpose/,
  );
  {
    await using lent = new InterProcessLock(path);
    await lent.acquire();
  }
  assert.equal(await other.acquire({ blocking: false }), true);
  other.release();
});

test('an InterProcessReaderWriterLock counts its readers', async () => {
  const rw = new InterProcessReaderWriterLock(join(newFolder(), 'settings'));
  assert.ok((await rw.acquireReadLock()) && (await rw.acquireReadLock({ timeout: 0 })));
  rw.releaseReadLock();
  assert.equal(await rw.acquireWriteLock({ blocking: false }), false);
  rw.releaseReadLock();
  assert.throws(() => rw.releaseReadLock(), { name: 'LockMisuseError' });
  await rw.writeLock(async () => assert.equal(await rw.acquireReadLock({ blocking: false }), false));
  assert.throws(() => rw.releaseWriteLock(), { name: 'LockMisuseError' });
});
