/** The addon's calls for the kernel's locks on files: what they refuse, and how long they wait. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadAddon, Locked } from '../src/addon.js';
import { noIntegers } from './support/no-integers.js';

const folder = mkdtempSync(join(tmpdir(), 'tierlock-'));
after(() => rmSync(folder, { recursive: true }));

const addon = loadAddon();
const [ofd, flock, posix] = [1, 3, 5] as const;
const open = (): number => openSync(join(folder, 'lock'), 'a+');
// In the order of their arguments; the waits have the time before the range.
const calls = {
  tryLockFile: [],
  convertLockFile: [],
  unlockFile: [],
  whoLocksFile: [],
  isGateClosed: [],
  beginWait: [],
  waitLockFile: [0],
};

for (const [name, between] of Object.entries(calls)) {
  test(`${name} refuses what is no file, no kind and no range, and locks nothing`, () => {
    const fd = open();
    const other = open();
    const call = (addon as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    const refuses = (...args: unknown[]): void => {
      assert.throws(
        () => call?.(...args),
        (error) => error instanceof TypeError && error.message.startsWith(`${name}: `),
        args.map(String).join(),
      );
    };
    refuses();
    for (const no of noIntegers) {
      refuses(no, ofd, ...between);
      refuses(no, ofd, ...between, 0, 1);
      refuses(fd, no, ...between);
    }
    // A file may be longer than 32 bits tell.
    for (const no of noIntegers.filter((each) => each !== 2 ** 32)) {
      refuses(fd, ofd, ...between, no, 1);
      refuses(fd, ofd, ...between, 0, no);
    }
    for (const no of [-1, 2 ** 31]) refuses(no, ofd, ...between);
    for (const no of [-1, 6]) refuses(fd, no, ...between);
    for (const no of [-1, 2 ** 52]) refuses(fd, ofd, ...between, no, 1);
    for (const no of [-1, 2 ** 52 + 1]) refuses(fd, ofd, ...between, 0, no);
    refuses(fd, ofd, ...between, 2 ** 51, 2 ** 51 + 1);
    refuses(fd, ofd, ...between, 0);
    for (const how of [ofd, flock]) {
      assert.equal(addon.tryLockFile(other, how), Locked.Yes);
      addon.unlockFile(other, how);
    }
  });
}

test('waitLockFile refuses what is no time', () => {
  const fd = open();
  for (const lie of [undefined, null, NaN, -1, 1000.5, '1', -Infinity]) {
    assert.throws(() => addon.waitLockFile(fd, ofd, lie as number), RangeError);
    assert.throws(() => addon.waitLockFile(fd, ofd, lie as number, 0, 1), RangeError);
  }
});

test('what the system refuses comes with its code', () => {
  for (const how of [ofd, flock, posix]) {
    for (const call of [
      addon.tryLockFile,
      addon.unlockFile,
      (fd: number) => addon.waitLockFile(fd, how, 1),
    ]) {
      assert.throws(() => call(2 ** 31 - 1, how), { code: 'EBADF' });
    }
  }
});

for (const [kind, how] of Object.entries({ ofd, flock })) {
  test(`${kind}: a wait with a limit takes what is free, and ends in time if it is taken`, () => {
    const [fd, other] = [open(), open()];
    for (const ms of [0, 5, Infinity]) {
      assert.equal(addon.waitLockFile(fd, how, ms), Locked.Yes);
      assert.equal(addon.waitLockFile(other, how, 0), Locked.Interrupted);
      const before = performance.now();
      assert.equal(addon.waitLockFile(other, how, 5), Locked.Interrupted);
      assert.ok(performance.now() - before >= 4.9);
      addon.unlockFile(fd, how);
    }
  });
}

// The kernel tells of a process's timers there.
const timers = (): number => readFileSync('/proc/self/timers', 'utf8').match(/^ID: /gm)?.length ?? 0;

const untold = existsSync('/proc/self/timers') ? false : 'the kernel does not tell of timers here';

test('a thread has one timer for all its waits', { skip: untold }, () => {
  const [fd, other] = [open(), open()];
  addon.tryLockFile(fd, ofd);
  const wait = (): number => addon.waitLockFile(other, ofd, 1);
  wait();
  const before = timers();
  for (let i = 0; i < 10; i++) assert.equal(wait(), Locked.Interrupted);
  assert.equal(timers(), before);
  assert.ok(before > 0);
  addon.unlockFile(fd, ofd);
});
