/** Programs of `tierlock/oslo`, and Python programs that lock files as oslo.concurrency and fasteners do, exclude each other. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as always } from 'node:test';
import {
  externalLock,
  InterProcessLock,
  InterProcessReaderWriterLock,
  lock,
  removeExternalLockFile,
  synchronized,
} from '../src/oslo.js';
import { Python, python } from './support/python.js';
import { spawnTaker } from '../src/testing/taker.js';

const top = mkdtempSync(join(tmpdir(), 'tierlock-oslo-'));
after(() => rmSync(top, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(top, String(folders++));

const programs = new URL('./support/oslo-programs.js', import.meta.url);
const skip = python === undefined && 'there is no Python on this machine';
const test = (name: string, fn: () => Promise<void>): void => void always(name, { skip }, fn);

test('Node waits while Python holds, and Python while Node does', async () => {
  const request = { folder: newFolder(), name: 'orders' };
  await using py = new Python();
  await using node = await spawnTaker(programs);
  assert.equal(await py.ask('take', request), 'got');
  const wait = node.take(request);
  await wait.mustBlock();
  const options = { external: true, lockPath: request.folder };
  await assert.rejects(lock('orders', { ...options, blocking: false }), {
    name: 'AcquireLockFailedException',
    message: 'Failed to acquire the lock orders',
  });
  await assert.rejects(lock('orders', { ...options, timeout: 1 }), { name: 'LockTimeoutError' });
  assert.equal(await py.ask('release', request), 'released');
  await wait.acquired;
  assert.equal(await py.ask('take', request), 'blocked');
  await node.release();
  assert.equal(await py.heard(), 'got');
});

test('a Python program that is killed leaves the lock to Node, and the other way round', async () => {
  const request = { folder: newFolder(), name: 'orders' };
  await using py = new Python();
  await using node = await spawnTaker(programs);
  await py.ask('take', request);
  const wait = node.take(request);
  await wait.mustBlock();
  await py.kill();
  await wait.acquired;
  await using next = new Python();
  assert.equal(await next.ask('take', request), 'blocked');
  await node.kill();
  assert.equal(await next.heard(), 'got');
});

for (const [name, prefix, file] of [
  ['orders', undefined, 'orders'],
  ['orders', 'nova', 'nova-orders'],
  ['orders', 'nova-', 'nova-orders'],
  ['a/b/c', undefined, 'a_b_c'],
  ['/var/lib/x', 'nova', 'nova-_var_lib_x'],
  ['é %2F.lock', undefined, 'é %2F.lock'],
] as const) {
  test(`'${name}' under '${prefix ?? ''}' is the file that Python makes`, async () => {
    const folder = newFolder();
    await using py = new Python();
    const request = { folder, name, ...(prefix === undefined ? {} : { prefix }) };
    const options = { external: true, lockPath: folder, lockFilePrefix: prefix };
    await lock(name, options, async () => assert.equal(await py.ask('try', request), 'taken'));
    assert.deepEqual(readdirSync(folder).toSorted(), ['.tierlock', file].toSorted());
    assert.equal(await py.ask('try', request), 'got');
    assert.equal(
      await externalLock(name, { lockPath: folder, lockFilePrefix: prefix }).acquire({ timeout: 0 }),
      false,
    );
  });
}

test('two names of one file exclude each other, and the first to leave does not let Python in', async () => {
  const folder = newFolder();
  const options = { external: true, lockPath: folder };
  await using py = new Python();
  let inside = 0;
  const visits: string[] = [];
  const visit = (name: string) => async (): Promise<void> => {
    assert.equal(++inside, 1);
    visits.push(name);
    if (visits.length % 10 === 1) assert.equal(await py.ask('try', { folder, name: 'x_y' }), 'taken');
    await Promise.resolve();
    inside--;
  };
  const all = Array.from({ length: 60 }, (_, i) => {
    const name = i % 3 === 0 ? 'x_y' : 'x/y';
    return lock(name, options, visit(name));
  });
  await Promise.all(all);
  assert.equal(visits.filter((name) => name === 'x_y').length, 20);
  assert.equal(await py.ask('try', { folder, name: 'x/y' }), 'got');
});

test('two Node processes and a Python process lose no update', async () => {
  const request = { folder: newFolder(), name: 'counter', prefix: 'nova' };
  const counter = join(top, 'counter');
  writeFileSync(counter, '0');
  await using py = new Python();
  await using one = await spawnTaker(programs, { timeoutMs: 60_000 });
  await using two = await spawnTaker(programs, { timeoutMs: 60_000 });
  const rounds = 400;
  const counted = [one, two].map((node) => node.run('count', request, counter, rounds));
  await Promise.all([...counted, py.count(request, counter, rounds)]);
  assert.equal(readFileSync(counter, 'utf8'), String(3 * rounds));
});

test('synchronized holds the file until the promise has settled, and lets go when it rejects', async () => {
  const folder = newFolder();
  const request = { folder, name: 'orders' };
  await using py = new Python();
  const fail = synchronized('orders', { external: true, lockPath: folder })(async () => {
    assert.equal(await py.ask('try', request), 'taken');
    throw new Error('on purpose');
  });
  await assert.rejects(fail(), /on purpose/);
  assert.equal(await py.ask('try', request), 'got');
});

test('an inner fair hold does not let Python in when it ends', async () => {
  const folder = newFolder();
  const request = { folder, name: 'orders' };
  const options = { external: true, fair: true, lockPath: folder };
  await using py = new Python();
  await lock('orders', options, async () => {
    await assert.rejects(
      lock('orders', options, async () => undefined),
      { name: 'LockDeadlockError' },
    );
    assert.equal(await py.ask('try', request), 'taken');
  });
  assert.equal(await py.ask('try', request), 'got');
});

test('a lock file is removed if nobody holds it, and not if somebody does', async () => {
  const folder = newFolder();
  const request = { folder, name: 'a/b', prefix: 'nova' };
  const options = { lockPath: folder, lockFilePrefix: 'nova' };
  await using py = new Python();
  await py.ask('take', request);
  await assert.rejects(removeExternalLockFile('a/b', options), {
    name: 'LockMisuseError',
    message: /nova-a_b' is in use/,
  });
  await py.ask('release', request);
  assert.equal(await removeExternalLockFile('a/b', options), true);
  assert.equal(existsSync(join(folder, 'nova-a_b')), false);
  assert.equal(await removeExternalLockFile('a/b', options), false);
  await lock('a/b', { ...options, external: true }, async () => {
    assert.equal(await py.ask('try', request), 'taken');
  });
});

test('a lock of another object, and its readers and writers, are those of Python', async () => {
  const folder = newFolder();
  const request = { folder, name: 'shared' };
  await using py = new Python();
  const rw = new InterProcessReaderWriterLock(join(folder, 'shared'));
  assert.equal(await py.ask('take', { ...request, shared: true }), 'got');
  assert.equal(await rw.acquireReadLock({ blocking: false }), true);
  assert.equal(await rw.acquireWriteLock({ blocking: false }), false);
  rw.releaseReadLock();
  assert.equal(await rw.acquireWriteLock({ timeout: 1 }), false);
  await py.ask('release', request);
  await rw.readLock(async () => {
    assert.equal(await py.ask('try', { ...request, shared: true }), 'got');
    await py.ask('release', request);
    assert.equal(await py.ask('try', request), 'taken');
  });
  await rw.writeLock(async () => {
    assert.equal(await py.ask('try', { ...request, shared: true }), 'taken');
    assert.equal(await py.ask('take', request), 'blocked');
  });
  assert.equal(await py.heard(), 'got');
  const plain = new InterProcessLock(join(folder, 'shared'));
  assert.equal(await plain.acquire({ blocking: false }), false);
  const later = plain.acquire();
  await py.ask('release', request);
  assert.equal(await later, true);
  assert.equal(await py.ask('try', request), 'taken');
  plain.release();
});
