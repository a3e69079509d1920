/** What the system refuses a `FileLock`: space, rights, files, locks. Each is an error that says so, and nothing worse. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { explain } from '../src/files/open-files.js';
import { FileLock, LockBackendError } from '../src/index.js';
import { all, attempts, eachKind, kinds, mustWork } from './support/file-attempts.js';
import type { Request } from './support/file-locks.js';
import { mounted, noMount } from './support/mounts.js';
import { noStrace, trace } from './support/strace.js';
import { kernelLocks } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Taker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/file-attempts.js', import.meta.url);
// Not in the folder of the user who runs this: others may not look into that.
const { top, newPath, newFolder } = temporary('/tmp');
const root = process.geteuid?.() === 0;
const unmountable = noMount();

test('a full disk is an error that says so, and nothing worse', { skip: unmountable }, async () => {
  for (const kind of kinds) {
    const folder = newFolder();
    await mounted(folder, 'nr_inodes=3', async () => {
      const [last, other] = [join(folder, 'last'), join(folder, 'other')];
      for (const path of [last, other]) writeFileSync(path, '');
      const lock = new FileLock(join(folder, 'lock'), { kind });
      all(await attempts(lock), /\(ENOSPC\): the disk is full/);
      assert.deepEqual(readdirSync(folder).toSorted(), ['last', 'other']);
      // What is there can be locked still.
      await mustWork(new FileLock(last, { kind }), kind);
      unlinkSync(other);
      await mustWork(lock, kind);
    });
  }
});

test(
  'a read-only file system is an error that says so, and nothing worse',
  { skip: unmountable },
  async () => {
    await eachKind(async (kind) => {
      const folder = newFolder();
      await mounted(folder, 'size=1m', async (remount) => {
        const [there, missing] = [
          new FileLock(join(folder, 'there'), { kind }),
          new FileLock(join(folder, 'no'), { kind }),
        ];
        writeFileSync(there.path, '');
        remount('ro');
        all(
          await attempts(missing),
          /\(EROFS\): the file system is read-only: choose a folder that can be written/,
        );
        all(await attempts(there, true), /^ok$/);
        all(
          await attempts(there),
          kind === 'flock' ? /^ok$/ : /\(EBADF\): an exclusive lock .* needs the right to write the file/,
        );
        remount('rw');
        await mustWork(missing, kind);
        // What was opened for reading alone stays open for a while.
        await waitUntil(async () => (await attempts(there)).every((end) => end === 'ok'), {
          what: 'it is opened anew',
        });
        await mustWork(there, kind);
      });
    });
  },
);

const ask = async (taker: Taker, request: Request): Promise<string[]> =>
  (await taker.run('attemptsAt', request)) as string[];

test(
  'a user without rights is told which, and has the lock once he has them',
  { skip: !root && 'NOT TESTED: needs root' },
  async () => {
    chmodSync(top, 0o755);
    await using user = await spawnTaker(module);
    await user.run('become', 12345);
    await eachKind(async (kind) => {
      const [closed, file, readable] = [newFolder(), newPath(), newPath()];
      const missing: Request = { path: join(closed, 'lock'), kind };
      const secret: Request = { path: file, kind };
      for (const path of [file, readable]) writeFileSync(path, '');
      chmodSync(closed, 0o755);
      chmodSync(file, 0o600);
      chmodSync(readable, 0o644);
      const denied = /\(EACCES\): this user must be allowed to write the file, and to make it/;
      for (const request of [missing, secret]) all(await ask(user, request), denied);
      assert.deepEqual(readdirSync(closed), []);
      chmodSync(closed, 0o777);
      chmodSync(file, 0o666);
      for (const request of [missing, secret]) all(await ask(user, request), /^ok$/);

      // Who may only read can share it; flock(2) does not ask.
      const read: Request = { path: readable, kind };
      all(await ask(user, { ...read, shared: true }), /^ok$/);
      const mayNot = /\(EBADF\): an exclusive lock of this kind needs the right to write the file/;
      all(await ask(user, read), kind === 'flock' ? /^ok$/ : mayNot);
      const [end, ...still] = (await user.run('upgrade', read)) as [string, string, boolean];
      assert.match(end, kind === 'flock' ? /^null$/ : mayNot);
      assert.deepEqual(still, ['shared', true], 'what it had it has still');
      await waitUntil(() => kernelLocks(readable).length === 1, { what: 'it has just that' });
      assert.equal(await user.run('letGo', read), true);
      assert.deepEqual(kernelLocks(readable), []);
      chmodSync(readable, 0o666);
      await waitUntil(async () => (await ask(user, read)).every((way) => way === 'ok'), {
        what: 'it is opened anew',
      });
    });
  },
);

/** More than it has modules: on a machine that is slow to close them, all may be open at once while it starts. */
const withFewFiles = (): Promise<Taker> =>
  spawnTaker(module, { by: ['sh', '-c', 'ulimit -n 300; exec "$0" "$@"'] });

test('too many open files are an error that says so, and nothing worse', async () => {
  for (const kind of kinds) {
    await using taker = await withFewFiles();
    const request: Request = { path: newPath(), kind };
    await taker.run('openAll');
    all(
      await ask(taker, request),
      /\(EMFILE\): this process has too many files open: close some, or raise its limit/,
    );
    await taker.run('closeAll');
    all(await ask(taker, request), /^ok$/);
    assert.deepEqual(kernelLocks(request.path), []);
  }
});

test('the files that stay open for a while are closed when there may be no more', async () => {
  await using taker = await withFewFiles();
  await taker.run('lockMany', newPath(), 500);
});

const traceless = noStrace();

test(
  'a system that has no locks left is an error that says so',
  { skip: traceless && `NOT TESTED: ${traceless}` },
  async () => {
    await using taker = await spawnTaker(module);
    for (const kind of kinds) {
      const request: Request = { path: newPath(), kind };
      writeFileSync(request.path, '');
      const none =
        /\(ENOLCK\): the file system, perhaps one of the network, has no locks left .* choose a local folder/;
      // The kernel's answer to each call that concerns the file.
      const spoilt = await trace(taker.pid, '-P', request.path, '-e', 'inject=fcntl,flock:error=ENOLCK');
      all(await ask(taker, request), none);
      await spoilt.stop();
      all(await ask(taker, request), /^ok$/);
      assert.deepEqual(kernelLocks(request.path), []);
    }
  },
);

test(
  'a system that has no locks left while a task waits is an error, too',
  { skip: traceless && `NOT TESTED: ${traceless}` },
  async () => {
    const request: Request = { path: newPath() };
    const guard = new FileLock(request.path).lockSync();
    await using taker = await spawnTaker(module);
    const wait = taker.take(request);
    await waitUntil(() => kernelLocks(request.path).some(({ waits }) => waits), { what: 'a thread waits' });
    // Attached to, the thread begins its call again.
    const spoilt = await trace(taker.pid, '-P', request.path, '-e', 'inject=fcntl:error=ENOLCK');
    await assert.rejects(wait.acquired, { name: LockBackendError.name, message: /\(ENOLCK\)/ });
    await spoilt.stop();
    guard.release();
    all(await ask(taker, request), /^ok$/);
    await waitUntil(() => kernelLocks(request.path).length === 0, { what: 'nobody has it' });
  },
);

test('what the system says in numbers alone has its name', () => {
  for (const [number, name, remedy] of [
    [-37, 'ENOLCK', /has no locks left/],
    [-122, 'EDQUOT', /share of the disk is full/],
  ] as const) {
    const error = Object.assign(new Error('why'), { code: `Unknown system error ${number}` });
    const { message, cause } = explain(error, '/lock', 'locked');
    assert.match(message, new RegExp(`could not be locked \\(${name}\\): `));
    assert.match(message, remedy);
    assert.equal(cause, error);
  }
});
