/** Sleeping on a word of the block or of a SharedArrayBuffer, and being woken. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import type { Words } from '../src/addon.js';
import { addonWorker } from './support/addon-workers.js';
import { noIntegers } from './support/no-integers.js';
import { spinUntil } from '../src/testing/wait.js';

const addon = loadAddon();
const shared = (length: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(length * 4));
addon.openBlock(4, 64, 0, 4096, new Int32Array(0));
const slot = addon.openName('futex');
const mapped = new Int32Array(addon.chunk(0), slot * 64, 16);
const other = shared(16);

const places: [what: string, words: Words, inWorker: string][] = [
  ['the block', mapped, `new Int32Array(addon.chunk(0), ${slot * 64}, 16)`],
  ['a SharedArrayBuffer', other, 'words'],
];

for (const [what, words, inWorker] of places) {
  test(`a thread that sleeps on ${what} is woken, as many as are asked for`, async () => {
    const code = `
      addon.openBlock(4, 64, 0, 4096, new Int32Array(0));
      const there = ${inWorker};
      parentPort.postMessage('here');
      let result = 2;
      while (result === 2) result = addon.futexWait(there, 3, 0, 1000);
      parentPort.postMessage(result);
    `;
    const workers = [1, 2, 3].map(() => addonWorker(code, other));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const results = Promise.all(workers.map((worker) => once(worker, 'message')));
    // Whoever is woken was asleep, so this proves that all three were.
    for (let woken = 0; woken < 3;) {
      const now = addon.futexWake(words, 3, 1);
      assert.ok(now <= 1);
      woken += now;
      assert.equal(addon.futexWake(words, 4, 10), 0, 'nobody sleeps there');
    }
    assert.deepEqual(await results, [[0], [0], [0]]);
    assert.equal(addon.futexWake(words, 3, 2 ** 31 - 1), 0);
    assert.equal(addon.futexWake(words, 3, 0), 0);
  });

  test(`nobody sleeps on a word of ${what} that is not what was expected, nor longer than told`, () => {
    words[5] = -7;
    assert.equal(addon.futexWait(words, 5, 0, 1000), 1);
    assert.equal(addon.futexWait(words, 5, 7, 0), 1);
    for (const ms of [0, -0, 1e-9, 0.5, 3]) {
      const begin = performance.now();
      assert.equal(addon.futexWait(words, 5, -7, ms), 2);
      assert.ok(performance.now() - begin >= ms - 0.01, 'not before the time');
    }
  });
}

test('a thread that sleeps in slices is terminated', async () => {
  const code = `
    parentPort.postMessage('here');
    for (;;) addon.futexWait(words, 0, 0, 5);
  `;
  const worker = addonWorker(code, other);
  await once(worker, 'message');
  assert.equal(await worker.terminate(), 1);
});

test('the sleeper sees what was stored before it was woken', async () => {
  const words = shared(4);
  const code = `
    for (let i = 0; i < 1000; i++) {
      while (Atomics.load(words, 0) !== i + 1) addon.futexWait(words, 0, i, 1000);
      if (words[1] !== i) throw new Error('stale');
      Atomics.store(words, 2, i + 1);
    }
  `;
  const worker = addonWorker(code, words);
  for (let i = 0; i < 1000; i++) {
    words[1] = i;
    Atomics.store(words, 0, i + 1);
    addon.futexWake(words, 0, 1);
    spinUntil(() => Atomics.load(words, 2) === i + 1, { what: `turn ${i}` });
  }
  assert.deepEqual(await once(worker, 'exit'), [0]);
});

test('futexWait and futexWake refuse what they cannot use', () => {
  const memories = [
    new Int32Array(4),
    new Uint32Array(mapped.buffer),
    mapped.buffer,
    [0],
    undefined,
    null,
    'words',
  ];
  for (const words of memories) {
    assert.throws(
      () => addon.futexWait(words as Words, 0, 0, 0),
      /TypeError.*Int32Array on a SharedArrayBuffer/,
    );
    assert.throws(
      () => addon.futexWake(words as Words, 0, 1),
      /TypeError.*Int32Array on a SharedArrayBuffer/,
    );
  }
  for (const index of [-1, 16, 2 ** 31 - 1]) {
    assert.throws(() => addon.futexWait(mapped, index, 0, 0), /RangeError.*outside of the words/);
    assert.throws(() => addon.futexWake(other, index, 1), /RangeError.*outside of the words/);
  }
  for (const no of noIntegers as number[]) {
    assert.throws(() => addon.futexWait(mapped, no, 0, 0), /TypeError.*index/);
    assert.throws(() => addon.futexWait(mapped, 0, no, 0), /TypeError.*expected/);
    assert.throws(() => addon.futexWake(mapped, no, 0), /TypeError.*index/);
    assert.throws(() => addon.futexWake(mapped, 0, no), /TypeError.*count/);
    if (typeof no !== 'number')
      assert.throws(() => addon.futexWait(mapped, 0, 0, no), /TypeError.*timeoutMs/);
  }
  assert.throws(() => addon.futexWake(mapped, 0, -1), /TypeError.*count/);
  for (const no of [-1, 1000.1, Infinity, Number.NaN]) {
    assert.throws(() => addon.futexWait(mapped, 0, 0, no), /RangeError.*from 0 to 1000/);
  }
});
