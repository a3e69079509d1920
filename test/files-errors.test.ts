/**
 * What is wrong with a lock's file: each is an error that says what to do, in every way to take the lock; nothing is left
 * locked, nobody waiting, and once it is put right the same object works.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { FileLock, LockBackendError } from '../src/index.js';
import { all, attempts, kinds, mustWork } from './support/file-attempts.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { top, newPath, newFolder } = temporary();

interface Trouble {
  readonly path: string;
  readonly message: RegExp;
  /** Puts it right, where that can be. */
  readonly repair?: () => void;
}

const troubles: Record<string, () => Trouble> = {
  'a missing folder': () => {
    const folder = newPath();
    return {
      path: join(folder, 'lock'),
      message: /\(ENOENT\): its folder does not exist/,
      repair: () => mkdirSync(folder),
    };
  },
  'a folder in the way': () => {
    const path = newFolder();
    return {
      path,
      message: /\(EISDIR\): it is a folder: name a file in it/,
      repair: () => rmSync(path, { recursive: true }),
    };
  },
  'a file as a folder': () => {
    const folder = newPath();
    writeFileSync(folder, '');
    const repair = (): void => {
      unlinkSync(folder);
      mkdirSync(folder);
    };
    return { path: join(folder, 'lock'), message: /\(ENOTDIR\): a part of the path is no folder/, repair };
  },
  'a link to itself': () => {
    const [path, other] = [newPath(), newPath()];
    symlinkSync(other, path);
    symlinkSync(path, other);
    return { path, message: /\(ELOOP\): its symbolic links lead nowhere/, repair: () => unlinkSync(path) };
  },
  'a link to a missing folder': () => {
    const [path, folder] = [newPath(), newPath()];
    symlinkSync(join(folder, 'lock'), path);
    return { path, message: /\(ENOENT\): its folder does not exist/, repair: () => mkdirSync(folder) };
  },
  'a pipe': () => {
    const path = newPath();
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    return { path, message: /is no regular file: name a file of its own/, repair: () => unlinkSync(path) };
  },
  'a device': () => ({ path: '/dev/null', message: /is no regular file: name a file of its own/ }),
  'a long name': () => ({
    path: join(top, 'x'.repeat(300)),
    message: /\(ENAMETOOLONG\): choose a shorter name/,
  }),
  'a long path': () => ({
    path: join(top, 'x/'.repeat(3000)),
    message: /\(ENAMETOOLONG\): choose a shorter name/,
  }),
};

for (const [what, make] of Object.entries(troubles)) {
  test(`${what} is an error that says what to do, and nothing worse`, async () => {
    for (const kind of kinds) {
      const { path, message, repair } = make();
      const lock = new FileLock(path, { kind });
      for (const shared of [false, true]) all(await attempts(lock, shared), message);
      const together = [lock.lock(), lock.lock({ timeout: 1000 }), lock.run(() => assert.fail('never'))];
      for (const wait of together) await assert.rejects(wait, { name: LockBackendError.name, message });
      repair?.();
      if (repair !== undefined) await mustWork(lock, kind);
    }
  });
}

test('a file that cannot be had any more while tasks wait for it is an error for each of them', async () => {
  const inner = newFolder();
  const path = join(inner, 'lock');
  const guard = new FileLock(path, { length: 1 }).lockSync();
  const lock = new FileLock(path);
  const waits = [lock.lock(), lock.lock({ timeout: 10_000 }), lock.run(() => assert.fail('never'))];
  await waitUntil(() => loadAddon().waits() > 0, { what: 'a thread waits' });
  rmSync(inner, { recursive: true });
  guard.release();
  for (const wait of waits) await assert.rejects(wait, { name: LockBackendError.name, message: /folder/ });
  assert.equal(loadAddon().waits(), 0);
  mkdirSync(inner);
  await mustWork(lock, 'ofd');
});
