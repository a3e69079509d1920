/** Names: one slot of the block for one name in all threads, from its first use to its last. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { addonWorker } from './support/addon-workers.js';
import { inWorker, wordsOf } from './support/small-block.js';

const addon = loadAddon();
const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

test('a name has one slot in all threads, and its memory is one', async () => {
  const slot = addon.openName('orders');
  assert.equal(addon.openName('orders'), slot);
  const code = `${inWorker}
    const slot = addon.openName('orders');
    Atomics.add(wordsOf(slot), 3, 40);
    parentPort.postMessage(slot);
    addon.closeName(slot);
  `;
  const workers = [1, 2, 3].map(() => addonWorker(code, shared(1)));
  assert.deepEqual(await Promise.all(workers.map((worker) => once(worker, 'message'))), [
    [slot],
    [slot],
    [slot],
  ]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  assert.equal(wordsOf(slot)[3], 120);
  addon.closeName(slot);
  assert.equal(wordsOf(slot)[3], 120, 'it is still in use');
  addon.closeName(slot);
  assert.deepEqual(wordsOf(slot), new Int32Array(16), 'it is free, and all zeroes');
  assert.equal(addon.names(), 0);
});

test('keys are compared whole, whatever is in them', () => {
  const long = Array.from({ length: 6 }, (_, i) => 'x'.repeat(253 + i));
  const huge = 'é'.repeat(1 << 20);
  const odd = [
    '',
    '\0',
    '\0\0',
    'a',
    'a\0',
    '\0a',
    'a\0b',
    'a\0c',
    '\ud800',
    '\udc00',
    '\ufffd',
    '\ud800\udc00',
  ];
  const keys = [
    ...odd,
    'é',
    'e\u0301',
    'É',
    '1',
    ' 1',
    ...long,
    ...long.map((key) => `${key}\0`),
    huge,
    `${huge}a`,
  ];
  const slots = keys.map((key) => addon.openName(key));
  assert.equal(new Set(slots).size, keys.length);
  assert.equal(addon.names(), keys.length);
  const again = keys.map((key) => addon.openName(key.split('').join('')));
  assert.deepEqual(again, slots);
  for (const slot of [...slots, ...again]) addon.closeName(slot);
  assert.equal(addon.names(), 0);
});

test('the block grows by chunks that begin with the header, and slots are used again', () => {
  const keys = Array.from({ length: 300 }, (_, i) => `grow ${i}`);
  const slots = keys.map((key) => addon.openName(key));
  assert.deepEqual(
    slots.toSorted((a, b) => a - b),
    keys.map((_, i) => i),
    'no slot is left out',
  );
  for (const n of [0, 1, 74]) {
    const all = new Int32Array(addon.chunk(n));
    assert.deepEqual([all.length, ...all.subarray(0, 4)], [1024, 71, 72, 0, 0]);
    assert.ok(all.subarray(2).every((word) => word === 0));
  }
  assert.equal(addon.chunk(3), addon.chunk(3));
  for (const slot of slots) wordsOf(slot).fill(slot);
  for (const slot of slots)
    assert.ok(
      wordsOf(slot).every((word) => word === slot),
      'slots do not overlap',
    );

  const [first = -1, second = -1] = [slots[150], slots[10]];
  addon.closeName(first);
  addon.closeName(second);
  assert.deepEqual([addon.openName('new 1'), addon.openName('new 2')], [second, first]);
  assert.ok(wordsOf(first).every((word) => word === 0));
  for (const slot of slots) addon.closeName(slot);
  const again = keys.toReversed().map((key) => addon.openName(key));
  assert.ok(Math.max(...again) < 300, 'what was freed comes before what is new');
  assert.ok(again.every((slot) => wordsOf(slot).every((word) => word === 0)));
  for (const slot of again) addon.closeName(slot);
  assert.equal(addon.names(), 0);
});

test('a thread closes only what it has opened itself', async () => {
  const slot = addon.openName('mine');
  const code = `${inWorker}
    try { addon.closeName(${slot}); } catch (error) { parentPort.postMessage(String(error)); }
  `;
  const [answer] = (await once(addonWorker(code, shared(1)), 'message')) as [string];
  assert.match(answer, /^RangeError: closeName: this thread has no use of slot \d+$/);
  addon.closeName(slot);
});

test('a name that is closed with something left in it is kept, if that is wanted', () => {
  const slot = addon.openName('kept');
  assert.throws(
    () => addon.closeName(slot, 1 as unknown as boolean),
    /TypeError.*keepHeld must be a boolean/,
  );
  Atomics.store(wordsOf(slot), 1, 7);
  addon.closeName(slot, true);
  assert.equal(addon.names(), 0, 'only the first word counts');
  assert.equal(addon.openName('kept'), slot);
  Atomics.store(wordsOf(slot), 0, 7);
  addon.closeName(slot, true);
  assert.throws(() => addon.closeName(slot), /RangeError.*no use/);
  assert.equal(addon.names(), 1);
  assert.equal(addon.openName('kept'), slot);
  assert.equal(wordsOf(slot)[0], 7);
  addon.closeName(slot);
  assert.equal(addon.names(), 0);
});
