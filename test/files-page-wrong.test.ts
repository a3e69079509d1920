/** What is wrong with the page of a folder is said, and what to do; and nothing is overwritten. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { PAGE_BYTES } from '../src/files/page.js';
import { LockBackendError } from '../src/index.js';
import { mounted, noMount } from './support/mounts.js';
import { At, long, open, pageOf, poke } from './support/pages.js';
import { temporary } from './support/temporary.js';

const { newPath, newFolder } = temporary();

test('a page on whose making somebody died is made again', () => {
  for (const bytes of [0, 1, 4096, PAGE_BYTES - 1, PAGE_BYTES]) {
    const path = newFolder();
    writeFileSync(pageOf(path), Buffer.alloc(bytes));
    assert.ok(open(path).nextToken() > 0n);
    assert.equal(statSync(pageOf(path)).size, PAGE_BYTES);
  }
  const path = newFolder();
  const before = open(path).nextToken();
  poke(path, At.magic, Buffer.alloc(4));
  poke(path, At.layout, Buffer.alloc(4));
  assert.ok(open(path).nextToken() > before);
});

const wrong: Record<string, [at: number, bytes: Buffer, message: RegExp]> = {
  'of another layout': [At.layout, Buffer.from([99, 0, 0, 0]), /layout 99; this one has 1.*one release/],
  'no page': [At.magic, Buffer.from('text'), /no page of tierlock/],
  'without a counter': [At.tokens, long(0n), /its counter is none/],
  'with a counter below where it began': [At.tokens, long(1n << 40n), /its counter is none/],
  'with a negative counter': [At.tokens, long(-1n), /its counter is none/],
  'with a counter beyond all': [At.tokens, long(1n << 61n), /its counter is none/],
};

for (const [what, [at, bytes, message]] of Object.entries(wrong)) {
  test(`a file that is ${what} is an error that says what to do`, () => {
    const path = newFolder();
    open(path);
    poke(path, at, bytes);
    const error = { name: LockBackendError.name, message };
    assert.throws(() => open(path), error);
    assert.throws(() => open(path), /remove the file.*another lockPath|another lockPath/);
    const left = readFileSync(pageOf(path));
    assert.ok(left.subarray(at, at + bytes.length).equals(bytes), 'and nothing is written');
  });
}

test('another boot does not hide what is wrong with the counter', () => {
  for (const counter of [0n, -1n, 1n << 60n]) {
    const path = newFolder();
    open(path);
    poke(path, At.tokens, long(counter));
    poke(path, At.boot, long(12_345n));
    assert.throws(() => open(path), /its counter is none/);
    assert.throws(() => open(path), /its counter is none/);
  }
});

test('a short file that is no page is left as it is', () => {
  const path = newFolder();
  writeFileSync(pageOf(path), 'a text that somebody needs');
  assert.throws(() => open(path), /no page of tierlock/);
  assert.equal(readFileSync(pageOf(path), 'utf8'), 'a text that somebody needs');
});

test('what is no regular file is refused', () => {
  const [linked, folder] = [newFolder(), newFolder()];
  const target = newPath();
  symlinkSync(target, pageOf(linked));
  assert.throws(() => open(linked), /symbolic link/);
  assert.ok(!existsSync(target));
  mkdirSync(pageOf(folder));
  assert.throws(() => open(folder), LockBackendError);
});

test('a page that stays locked by something else is an error, not a hang', () => {
  const path = newFolder();
  const addon = loadAddon();
  const fd = openSync(pageOf(path), 'w');
  addon.tryLockFile(fd, 1);
  assert.throws(() => open(path), /stays locked by another process/);
  closeSync(fd);
  assert.ok(open(path).nextToken() > 0n);
});

test('a full disk is an error, and nothing worse', { skip: noMount() }, async () => {
  const path = newFolder();
  await mounted(path, 'size=32k', (remount) => {
    assert.throws(() => open(path), { name: LockBackendError.name, message: /ENOSPC.*disk is full/ });
    assert.throws(() => open(path), /ENOSPC/);
    remount('size=1m');
    const folder = open(path);
    assert.ok(folder.nextToken() > 0n);
    folder.entry('lock', 'a').record('exclusive', 1n).clear();
  });
});
