/** The page that the processes of a folder share: its counter, what becomes of it, and what else may be in its file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { Folder } from '../src/files/folder.js';
import { PAGE_BYTES } from '../src/files/page.js';
import { LockBackendError, LockMisuseError } from '../src/index.js';
import { runProgram } from './support/child.js';
import { noIntegers } from './support/no-integers.js';
import { spawnTaker } from './support/taker.js';
import type { Taker } from './support/taker.js';
import { spinUntil } from './support/wait.js';

const module = new URL('./support/folders.js', import.meta.url);
const top = mkdtempSync(join(tmpdir(), 'tierlock-'));
after(() => rmSync(top, { recursive: true }));

let folders = 0;
function newFolder(): string {
  const path = join(top, `folder-${folders++}`);
  mkdirSync(path);
  return path;
}
const pageOf = (path: string): string => join(path, '.tierlock');
const open = (path: string): Folder => new Folder({ path, own: false });

// Where in the file: see page.ts.
const At = { magic: 0, layout: 4, via: 8, boot: 16, floor: 24, tokens: 64 };
const JUMP = 1n << 32n;

/** What another program does to the page. */
function poke(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(pageOf(path), 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}
function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

async function drawIn(taker: Taker, path: string, count: number): Promise<bigint[]> {
  return (await taker.run('draw', path, count)) as bigint[];
}

test('tokens grow, by one, in all threads and processes', async () => {
  const path = newFolder();
  const folder = open(path);
  const first = folder.nextToken();
  assert.equal(folder.nextToken(), first + 1n);
  assert.equal(open(path).nextToken(), first + 2n);
  await using taker = await spawnTaker(module);
  let last = first + 2n;
  for (let i = 0; i < 20; i++) {
    const [theirs] = await drawIn(taker, path, 1);
    assert.equal(theirs, last + 1n);
    assert.equal((last = folder.nextToken()), theirs + 1n);
  }
});

test('processes that draw at the same time, from the first moment of the page on, never see a token twice', async () => {
  const path = newFolder();
  const takers = await Promise.all(Array.from({ length: 4 }, () => spawnTaker(module)));
  const all = await Promise.all(takers.map((taker) => drawIn(taker, path, 5000)));
  await Promise.all(takers.map((taker) => taker.kill()));
  for (const drawn of all) assert.ok(drawn.every((token, i) => i === 0 || token > (drawn[i - 1] ?? token)));
  const tokens = new Set(all.flat());
  assert.equal(tokens.size, 20_000);
  const next = open(path).nextToken();
  assert.ok([...tokens].every((token) => token < next));
});

test('the counter outlives those who drew, and cleaning', async () => {
  const path = newFolder();
  const taker = await spawnTaker(module);
  const last = (await drawIn(taker, path, 10)).at(-1) ?? 0n;
  await taker.kill();
  const folder = open(path);
  folder.clean();
  assert.ok(existsSync(pageOf(path)));
  assert.equal(folder.nextToken(), last + 1n);
});

test('after another boot the counter jumps, and what was agreed stays', () => {
  const path = newFolder();
  const folder = open(path);
  folder.agree('flock');
  const before = folder.nextToken();
  const entry = folder.entry('lock', 'a');
  const record = entry.record('exclusive', before);
  assert.ok(entry.holder());
  poke(path, At.boot, long(12_345n));
  const later = open(path);
  assert.equal(later.entry('lock', 'a').holder(), undefined);
  assert.equal(later.via, 'flock');
  const next = later.nextToken();
  assert.equal(next, before + JUMP + 1n);
  assert.equal(open(path).nextToken(), next + 1n, 'it jumps once');
  assert.equal(folder.nextToken(), next + 2n);
  record.clear();
});

test('after another boot with an old state of the page it is the clock that is ahead', () => {
  const path = newFolder();
  const before = open(path).nextToken();
  poke(path, At.tokens, long(5n));
  poke(path, At.floor, long(1n));
  poke(path, At.boot, long(12_345n));
  assert.ok(open(path).nextToken() >= before);
});

/** The clock's next millisecond. */
function tick(): void {
  const now = Date.now();
  spinUntil(() => Date.now() > now, { what: 'the clock goes on' });
}

test('a page that was removed begins ahead of the old one', () => {
  const path = newFolder();
  const before = open(path).nextToken();
  unlinkSync(pageOf(path));
  tick();
  assert.ok(open(path).nextToken() > before);
});

test('a page that was wiped begins ahead, and who has seen it go back says so', () => {
  const path = newFolder();
  const folder = open(path);
  const before = folder.nextToken();
  poke(path, 0, Buffer.alloc(PAGE_BYTES));
  assert.throws(() => folder.nextToken(), {
    name: LockBackendError.name,
    message: /gone back.*remove the file/,
  });
  tick();
  assert.ok(open(path).nextToken() > before);
  assert.ok(folder.nextToken() > before);
});

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
  const target = join(newFolder(), 'target');
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

test('the way to take locks is agreed once', async () => {
  const path = newFolder();
  const folder = open(path);
  assert.equal(folder.via, undefined);
  folder.agree('ofd');
  folder.agree('ofd');
  assert.equal(folder.via, 'ofd');
  const error = { name: LockMisuseError.name, message: /taken via 'ofd', so 'flock'.*remove '.*\.tierlock'/ };
  assert.throws(() => open(path).agree('flock'), error);
  assert.throws(() => folder.agree('nfs' as 'ofd'), {
    name: 'TypeError',
    message: /ofd, flock, mapped, lockfile/,
  });
  poke(path, At.via, Buffer.from([77, 0, 0, 0]));
  assert.throws(() => folder.agree('ofd'), { name: LockBackendError.name, message: /says no way/ });
});

test('a full disk is an error, and nothing worse', (t) => {
  const path = newFolder();
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'none', path]);
  if (status !== 0) {
    console.log(`# NOT TESTED: a full disk, because nothing can be mounted here: ${String(stderr)}`);
    t.skip('cannot mount');
    return;
  }
  try {
    assert.throws(() => open(path), { name: LockBackendError.name, message: /ENOSPC.*disk is full/ });
    assert.throws(() => open(path), /ENOSPC/);
    assert.equal(spawnSync('mount', ['-o', 'remount,size=1m', path]).status, 0);
    const folder = open(path);
    assert.ok(folder.nextToken() > 0n);
    folder.entry('lock', 'a').record('exclusive', 1n).clear();
  } finally {
    // It stays mapped until this process ends.
    spawnSync('umount', ['-l', path]);
  }
});

test('a page is mapped once in a process, and outlives the thread that opened it', async () => {
  const { stdout, stderr } = await runProgram(`
    import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const folder = ${JSON.stringify(new URL('../src/files/folder.js', import.meta.url).href)};
    const path = ${JSON.stringify(newFolder())};
    const { Folder } = await import(folder);
    const code = \`import { workerData } from 'node:worker_threads';
      import(\${JSON.stringify(folder)}).then(({ Folder }) => new Folder({ path: workerData, own: false }).nextToken());\`;
    const run = () => new Promise((resolve) => new Worker(code, { eval: true, workerData: path }).once('exit', resolve));
    for (let i = 0; i < 3; i++) await run();
    const folders = Array.from({ length: 20 }, () => new Folder({ path, own: false }));
    const [first, second] = [folders[0].nextToken(), folders[7].nextToken()];
    console.log(readFileSync('/proc/self/maps', 'utf8').split(path).length - 1, second - first, first % 100n);
  `);
  assert.equal(stdout, `1 1n ${stdout.split(' ').at(-1)}`, stderr);
});

test('mapFile takes only what it can map', () => {
  const addon = loadAddon();
  const path = join(newFolder(), 'file');
  writeFileSync(path, Buffer.alloc(100));
  const fd = openSync(path, 'r+');
  const memory = addon.mapFile(fd, 100);
  assert.equal(addon.mapFile(fd, 100), memory);
  new Uint8Array(memory)[99] = 7;
  assert.equal(readFileSync(path)[99], 7);
  assert.throws(() => addon.mapFile(fd, 101), /RangeError.*that many bytes/);
  for (const no of noIntegers) {
    assert.throws(() => addon.mapFile(no as number, 100), TypeError);
    assert.throws(() => addon.mapFile(fd, no as number), /TypeError|RangeError/);
  }
  for (const no of [-1, 0, 2 ** 30 + 1]) assert.throws(() => addon.mapFile(fd, no), TypeError);
  assert.throws(() => addon.mapFile(1_000_000, 1), { code: 'EBADF' });
  const folder = openSync(top, 'r');
  assert.throws(() => addon.mapFile(folder, 1), RangeError);
  const readOnly = openSync(path, 'r');
  assert.throws(() => addon.mapFile(readOnly, 50), { code: 'EACCES' });
  for (const opened of [fd, folder, readOnly]) closeSync(opened);
  truncateSync(path, 200);
});
