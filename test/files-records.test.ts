/** Who holds what, as the page of the folder tells: from other processes, after deaths, in garbage and while it changes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { threadId, Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { hashOf, sumOf } from '../src/files/records.js';
import { holderOf, tokenOf } from './support/folders.js';
import type { Request } from './support/folders.js';
import { At, open, pageOf, poke } from './support/pages.js';
import { random } from '../src/testing/random.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/folders.js', import.meta.url);
const { newFolder } = temporary();
// See records.ts.
const SLOT = 64;

const peek = (path: string): Buffer => readFileSync(pageOf(path)).subarray(At.records);

/** Which slots are taken. */
function taken(path: string): number[] {
  const records = peek(path);
  return Array.from({ length: 1024 }, (_, i) => i).filter((i) => records.readInt32LE(i * SLOT + 4) !== 0);
}

test('who holds is told, until he lets go', () => {
  const folder = open(newFolder());
  const entry = folder.entry('lock', 'orders');
  assert.equal(entry.holder(), undefined);
  const before = Date.now();
  const record = entry.record('exclusive', 77n);
  const holder = entry.holder();
  assert.ok(typeof holder === 'object');
  const { since, ...rest } = holder;
  assert.equal(threadId, 0);
  assert.deepEqual(rest, {
    pid: process.pid,
    thread: process.pid,
    token: 77n,
    mode: 'exclusive',
    alive: true,
  });
  assert.ok(since.getTime() >= before && since.getTime() <= Date.now());
  assert.equal(folder.entry('semaphore', 'orders').holder(), undefined);
  assert.equal(folder.entry('lock', 'order', 's').holder(), undefined, 'the file counts');
  assert.deepEqual(folder.entry('lock', 'ers', 'ord').holder(), holder);
  record.clear();
  record.clear();
  assert.equal(entry.holder(), undefined);
});

test('readers are told one after the other, and none clears what is another reader’s', () => {
  const entry = open(newFolder()).entry('lock', 'a');
  const records = [1n, 2n, 3n].map((token) => entry.record('shared', token));
  assert.equal(holderOf(entry) !== 'unknown' && entry.holder() !== undefined, true);
  records[0]?.clear();
  records[0]?.clear();
  assert.deepEqual(holderOf(entry), { pid: process.pid, token: 2n });
  const again = entry.record('shared', 4n);
  records[0]?.clear();
  assert.deepEqual(holderOf(entry), { pid: process.pid, token: 4n });
  for (const record of [...records, again]) record.clear();
  assert.equal(entry.holder(), undefined);
});

test('a holder in another process is seen without taking the lock, and killed it counts as nothing', async () => {
  const lockPath = newFolder();
  const request: Request = { lockPath, name: 'orders' };
  const entry = open(lockPath).entry('lock', 'orders');
  const holder = await spawnTaker(module);
  const held = await holder.take(request).acquired;
  assert.deepEqual(holderOf(entry), { pid: holder.pid, token: held?.token });
  await holder.release();
  assert.equal(entry.holder(), undefined);
  const again = await holder.take(request).acquired;
  await holder.stop();
  assert.deepEqual(holderOf(entry), { pid: holder.pid, token: again?.token });
  assert.equal(taken(lockPath).length, 1);
  await holder.kill();
  assert.equal(entry.holder(), undefined);
  assert.deepEqual(taken(lockPath), [], 'whoever looks tidies up');
});

test('what a worker thread has left counts as nothing, though its process lives', async () => {
  const lockPath = newFolder();
  const entry = open(lockPath).entry('lock', 'a');
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { openFolder } from ${JSON.stringify(new URL('../src/files/folder.js', import.meta.url).href)};
    openFolder({ lockPath: workerData }).entry('lock', 'a').record('exclusive', 5n);
    parentPort.postMessage('');
    setInterval(() => {}, 1000);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: lockPath,
  });
  await once(worker, 'message');
  const holder = entry.holder();
  assert.ok(typeof holder === 'object' && holder.pid === process.pid && holder.thread !== process.pid);
  await worker.terminate();
  await waitUntil(() => entry.holder() === undefined, { what: 'its record counts as nothing' });
});

/** Changes the only record, and makes it look as if it had been written so. */
function rewrite(path: string, change: (words: Int32Array<ArrayBuffer>) => void): void {
  const [slot = 0] = taken(path);
  const record = peek(path).subarray(slot * SLOT, (slot + 1) * SLOT);
  const words = new Int32Array(16).map((_, i) => record.readInt32LE(4 * i));
  change(words);
  words[13] = sumOf(words, 0);
  poke(path, At.records + slot * SLOT, Buffer.from(words.buffer));
}

test('a process that has the number of a dead one is not mistaken for it', () => {
  const path = newFolder();
  const entry = open(path).entry('lock', 'a');
  entry.record('exclusive', 1n);
  rewrite(path, () => undefined);
  assert.ok(entry.holder());
  rewrite(path, (words) => (new Float64Array(words.buffer)[3] = 1)); // it began long ago
  assert.equal(entry.holder(), undefined);
});

test('whether somebody in another container lives is not known', () => {
  const path = newFolder();
  const entry = open(path).entry('lock', 'a');
  entry.record('exclusive', 1n);
  rewrite(path, (words) => (words[3] = 4711));
  const holder = entry.holder();
  assert.ok(typeof holder === 'object' && holder.alive === undefined && holder.pid === process.pid);
});

test('a slot that somebody is writing is unknown, and whoever writes next takes another', () => {
  const path = newFolder();
  const entry = open(path).entry('lock', 'a');
  const record = entry.record('exclusive', 1n);
  const [slot = 0] = taken(path);
  const odd = Buffer.alloc(4);
  odd.writeInt32LE(peek(path).readInt32LE(slot * SLOT) + 1);
  poke(path, At.records + slot * SLOT, odd);
  assert.equal(entry.holder(), 'unknown');
  record.clear();
  assert.equal(entry.holder(), 'unknown');
  const next = entry.record('exclusive', 2n);
  assert.deepEqual(holderOf(entry), { pid: process.pid, token: 2n });
  next.clear();
});

test('garbage in the slots is nothing, harms nobody, and gives way', () => {
  const pick = random(3);
  const path = newFolder();
  const folder = open(path);
  const names = Array.from({ length: 300 }, (_, i) => `name ${i}`);
  for (let round = 0; round < 20; round++) {
    const garbage = Buffer.from(Array.from({ length: 1024 * SLOT }, () => pick(256)));
    // Even, so that they look finished, and with the hashes of names, so that somebody looks into them.
    for (let slot = 0; slot < 1024; slot++) {
      garbage.writeInt32LE(2 * pick(1000), slot * SLOT);
      const { low, high } = hashOf(folder.fileOf('lock', names[pick(names.length)] ?? ''));
      garbage.writeInt32LE(low, slot * SLOT + 16);
      garbage.writeInt32LE(high, slot * SLOT + 20);
    }
    poke(path, At.records, garbage);
    for (const name of names) assert.equal(folder.entry('lock', name).holder(), undefined);
    for (const name of names) folder.entry('lock', name).record('exclusive', 1n).clear();
    open(path);
    assert.deepEqual(taken(path), []);
  }
  // And with any number at all in front.
  poke(path, At.records, Buffer.from(Array.from({ length: 1024 * SLOT }, () => pick(256))));
  for (const name of names)
    assert.ok([undefined, 'unknown'].includes(folder.entry('lock', name).holder() as string));
  for (const name of names) folder.entry('lock', name).record('exclusive', 1n).clear();
  open(path).clean();
});

test('what is read while several processes write has been written by one of them', async () => {
  const lockPath = newFolder();
  const stop = join(lockPath, 'stop');
  const entry = open(lockPath).entry('lock', 'a');
  const takers = await Promise.all([spawnTaker(module), spawnTaker(module)]);
  const runs = takers.map((taker) => taker.run('scribble', { lockPath, name: 'a' }, stop));
  const seen = new Set<number>();
  await waitUntil(
    () => {
      for (let i = 0; i < 1000; i++) {
        const holder = entry.holder();
        if (typeof holder !== 'object') continue;
        const { pid, token, thread, mode } = holder;
        assert.ok(takers.some((taker) => taker.pid === pid));
        assert.ok(token >= tokenOf(pid, 0) && token < tokenOf(pid, 1000), `${token} is not of ${pid}`);
        assert.ok(thread === pid && mode === 'shared');
        seen.add(pid);
      }
      return seen.size === takers.length;
    },
    { what: 'both were seen', timeoutMs: 30_000 },
  );
  writeFileSync(stop, '');
  await Promise.all(runs);
  await Promise.all(takers.map((taker) => taker.kill()));
  assert.equal(entry.holder(), undefined);
});

test('a full table loses records, and nothing else; the dead make room', async () => {
  const lockPath = newFolder();
  const folder = open(lockPath);
  const taker = await spawnTaker(module);
  await taker.run('fill', lockPath, 20_000);
  assert.equal(taken(lockPath).length, 1024);
  const entry = folder.entry('lock', 'a');
  const lost = entry.record('exclusive', 1n);
  assert.equal(entry.holder(), undefined);
  lost.clear();
  assert.equal(taken(lockPath).length, 1024);
  await taker.kill();
  // This folder has not looked for dead ones before.
  const later = open(lockPath);
  assert.deepEqual(taken(lockPath), []);
  const record = later.entry('lock', 'a').record('exclusive', 2n);
  assert.deepEqual(holderOf(entry), { pid: process.pid, token: 2n });
  record.clear();
});

test('a neighbourhood of dead ones makes room for whoever writes, without anybody opening the folder', async () => {
  const lockPath = newFolder();
  const folder = open(lockPath);
  const taker = await spawnTaker(module);
  await taker.run('fill', lockPath, 20_000);
  await taker.kill();
  const entry = folder.entry('lock', 'a');
  const record = entry.record('exclusive', 2n);
  assert.deepEqual(holderOf(entry), { pid: process.pid, token: 2n });
  record.clear();
});

test('names spread over the slots', () => {
  const counts = new Int32Array(1024);
  const whole = new Set<string>();
  for (let i = 0; i < 20_480; i++) {
    const { low, high } = hashOf(`orders-${i}.lock`);
    counts[(low >>> 0) % 1024]!++;
    whole.add(`${low} ${high}`);
  }
  assert.equal(whole.size, 20_480);
  assert.ok(
    Math.max(...counts) < 60 && Math.min(...counts) > 1,
    `${Math.min(...counts)} to ${Math.max(...counts)}`,
  );
});
