/** The folder of lock files as a whole, and what may be removed from it while it is used. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Folder, openFolder } from '../src/files/folder.js';
import { FileLock, LockUnsupportedError } from '../src/index.js';
import type { Count } from './support/file-locks.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const locks = new URL('./support/file-locks.js', import.meta.url);
const cleaners = new URL('./support/folders.js', import.meta.url);
const full = process.env['TIERLOCK_TEST'] === 'full';
const { top, newFolder } = temporary();

test('a thread has one folder for a path and a naming', () => {
  const lockPath = newFolder();
  assert.equal(
    openFolder({ lockPath }),
    openFolder({ lockPath: `${lockPath}/../${lockPath.split('/').at(-1)}` }),
  );
  assert.notEqual(openFolder({ lockPath }), openFolder({ lockPath, naming: 'oslo' }));
  assert.throws(() => openFolder({ lockPath, naming: 'mine' as 'oslo' }), /'naming' must be/);
});

test('a name has its file', () => {
  const lockPath = newFolder();
  const folder = openFolder({ lockPath });
  assert.equal(folder.entry('lock', '../a', 'x').path, join(lockPath, 'x..%2Fa.lock'));
  assert.deepEqual(folder.nameOf('x..%2Fa.lock'), { kind: 'lock', key: 'x../a', complete: true });
  const oslo = openFolder({ lockPath, naming: 'oslo' });
  assert.equal(oslo.entry('lock', 'a/b', 'nova').path, join(lockPath, 'nova-a_b'));
  assert.equal(oslo.nameOf('nova-a_b'), undefined);
  assert.equal(folder.nextToken() + 1n, oslo.nextToken(), 'it is one folder all the same');
});

test('what nobody uses is removed, and nothing else', () => {
  const lockPath = newFolder();
  const folder = openFolder({ lockPath });
  const use = (name: string, kind: 'ofd' | 'flock'): FileLock =>
    new FileLock(folder.entry('lock', name).path, { kind });
  for (const name of ['free', '.', 'é', 'x'.repeat(300)]) use(name, 'ofd').lockSync().release();
  const held = [
    use('held', 'ofd').lockSync(),
    use('shared', 'ofd').lockSync({ shared: true }),
    use('flocked', 'flock').lockSync({ shared: true }),
  ];
  writeFileSync(join(lockPath, 'yarn.lock'), 'of somebody else');
  writeFileSync(join(lockPath, 'README'), '');
  writeFileSync(join(lockPath, '.hidden.lock'), '');
  writeFileSync(join(lockPath, 'ö.lock'), '');
  mkdirSync(join(lockPath, 'folder.lock'));
  symlinkSync('README', join(lockPath, 'link.lock'));
  assert.equal(spawnSync('mkfifo', [join(lockPath, 'pipe.lock')]).status, 0);
  const { removed, inUse } = folder.clean();
  const names = removed.map((file) => folder.nameOf(file)?.key.slice(0, 5) ?? '');
  assert.deepEqual(new Set(names), new Set(['.', 'free', 'xxxxx', 'é']));
  assert.deepEqual(inUse.toSorted(), ['flocked.lock', 'held.lock', 'shared.lock']);
  const stay = [
    '.hidden.lock',
    '.tierlock',
    'README',
    'flocked.lock',
    'folder.lock',
    'held.lock',
    'link.lock',
  ];
  assert.deepEqual(readdirSync(lockPath).toSorted(), [
    ...stay,
    'pipe.lock',
    'shared.lock',
    'yarn.lock',
    'ö.lock',
  ]);
  for (const guard of held) assert.equal(guard.release(), true);
  assert.equal(folder.remove('lock', 'held'), 'removed');
  assert.equal(folder.remove('lock', 'held'), 'left');
  const again = use('held', 'ofd').lockSync();
  assert.equal(folder.remove('lock', 'held'), 'in use');
  again.release();
  assert.equal(folder.remove('lock', 'yarn'), 'left');
});

test('a folder of oslo is not cleaned, because its programs would not notice; but one file can be removed', () => {
  const folder = openFolder({ lockPath: newFolder(), naming: 'oslo' });
  assert.throws(() => folder.clean(), { name: LockUnsupportedError.name, message: /does not notice/ });
  assert.equal(folder.remove('lock', 'a/b', 'nova'), 'left');
  const lock = new FileLock(folder.entry('lock', 'a/b', 'nova').path);
  const guard = lock.lockSync();
  assert.equal(folder.remove('lock', 'a/b', 'nova'), 'in use');
  guard.release();
  assert.equal(folder.remove('lock', 'a/b', 'nova'), 'removed');
  using again = lock.lockSync();
  assert.ok(again.held && existsSync(lock.path));
});

test('a folder that is gone is an error that says so', () => {
  const lockPath = newFolder();
  const folder = openFolder({ lockPath });
  rmSync(lockPath, { recursive: true });
  assert.throws(() => folder.clean(), { name: 'LockBackendError', message: /could not be read \(ENOENT\)/ });
  assert.ok(folder.nextToken() > 0n);
});

// The big count takes a while, and somebody else may need the machine.
const patient = full ? { timeoutMs: 600_000 } : {};

for (const how of ['async', 'sync'] as const) {
  test(`no update is lost while another process cleans all the time, ${how}`, async () => {
    const lockPath = newFolder();
    const folder = openFolder({ lockPath });
    const [counter, stop] = [join(top, `counter-${how}`), join(top, `stop-${how}`)];
    writeFileSync(counter, '0');
    const [one, two, cleaner, another] = await Promise.all([
      spawnTaker(locks, patient),
      spawnTaker(locks, patient),
      spawnTaker(cleaners, patient),
      spawnTaker(cleaners, patient),
    ]);
    const cleaning = [cleaner.run('clean', lockPath, stop), another.run('clean', lockPath, stop)];
    const { path } = folder.entry('lock', 'counter');
    const rounds = full ? 20_000 : 1000;
    const request: Count = { path, counter, rounds, ...(how === 'sync' ? { how } : {}) };
    await Promise.all([one.run('count', request), two.run('count', request)]);
    // However it went until now: once nobody holds it, it is removed.
    new FileLock(path).lockSync().release();
    await waitUntil(() => !existsSync(path), { what: 'the file is removed' });
    writeFileSync(stop, '');
    const removed = await Promise.all(cleaning);
    assert.equal(readFileSync(counter, 'utf8'), String(2 * rounds));
    assert.ok(Number(removed[0]) + Number(removed[1]) > 0);
    await Promise.all([one, two, cleaner, another].map((taker) => taker.kill()));
  });
}

test('a holder keeps its file whoever cleans, and a waiter gets the one that has the name', async () => {
  const lockPath = newFolder();
  const folder = openFolder({ lockPath });
  const request = { lockPath, name: 'a' };
  await using holder = await spawnTaker(cleaners);
  await using waiter = await spawnTaker(cleaners);
  await holder.take(request).acquired;
  const wait = waiter.take(request);
  await wait.mustBlock();
  assert.deepEqual(folder.clean(), { removed: [], inUse: ['a.lock'] });
  await wait.mustBlock();
  // Somebody does it by hand.
  unlinkSync(folder.entry('lock', 'a').path);
  await wait.mustBlock();
  await holder.release();
  await wait.acquired;
  assert.equal(folder.remove('lock', 'a'), 'in use');
});

test('our own folder is kept from those who remove old files, as long as somebody uses it', () => {
  const path = newFolder();
  const free = (): boolean => spawnSync('flock', ['--nonblock', '--exclusive', path, 'true']).status === 0;
  assert.ok(free());
  const folder = new Folder({ path, own: true });
  assert.ok(folder.nextToken() > 0n);
  assert.ok(!free());
});
