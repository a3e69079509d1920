/** The page that the processes of a folder share: its counter, what becomes of it, and how it is mapped. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { PAGE_BYTES } from '../src/files/page.js';
import { LockBackendError, LockMisuseError } from '../src/index.js';
import { runProgram } from './support/child.js';
import { noIntegers } from './support/no-integers.js';
import { At, long, open, pageOf, poke } from './support/pages.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Taker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { spinUntil } from '../src/testing/wait.js';

const module = new URL('./support/folders.js', import.meta.url);
const { top, newPath, newFolder } = temporary();

/** After another boot the counter is ahead by so many. */
const JUMP = 1n << 32n;

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
  const path = newPath();
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
