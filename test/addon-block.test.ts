/** The block: one slot for one name in all threads, and what becomes of it when its users close it, or end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import type { Addon } from '../src/addon.js';
import { addonModule, addonWorker, endingWorker, endings } from './support/addon-workers.js';
import { runProgram } from './support/child.js';
import { noIntegers } from './support/no-integers.js';
import { random } from './support/random.js';
import { waitUntil } from './support/wait.js';

// All tests of this file share one block, because the process has but one. Four slots make many chunks of it.
const addon = loadAddon();
const geometry = [4, 64, 128, 4096, new Int32Array([71, 72])] as const;
const state = `addon.openBlock(4, 64, 128, 4096, new Int32Array([71, 72]));
  const wordOf = (slot) => new Int32Array(addon.chunk(slot >> 2), 128 + (slot & 3) * 64, 16);`;
addon.openBlock(...geometry);
const wordsOf = (slot: number): Int32Array =>
  new Int32Array(addon.chunk(slot >> 2), 128 + (slot & 3) * 64, 16);
const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

test('a name has one slot in all threads, and its memory is one', async () => {
  const slot = addon.openName('orders');
  assert.equal(addon.openName('orders'), slot);
  const code = `${state}
    const slot = addon.openName('orders');
    Atomics.add(wordOf(slot), 3, 40);
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

for (const ending of endings) {
  test(`a thread that ${ending.what} closes its names; one that it holds keeps its slot`, async () => {
    const words = shared(8);
    const slot = addon.openName('shared');
    const first = `${state}
      for (const key of ['shared', 'shared', 'unheld', 'unheld', 'told']) addon.openName(key);
      const held = addon.openName('held');
      Atomics.store(wordOf(held), 0, -5);
      Atomics.store(wordOf(addon.openName('unheld')), 1, 1);
      addon.onThreadEnd(wordOf(addon.openName('told')), 0, 9);
      words[3] = held;
    `;
    const { worker, exited } = await endingWorker(words, first, ending);
    if (ending.terminate) void worker.terminate();
    await exited;
    assert.equal(addon.names(), 3, 'ours, the held one, and the one that its last word has made held');
    assert.equal(addon.openName('held'), words[3]);
    const told = addon.openName('told');
    assert.deepEqual([...wordsOf(words[3] ?? -1).subarray(0, 2)], [-5, 0]);
    assert.equal(wordsOf(told)[0], 9);
    for (const mine of [words[3] ?? -1, told]) {
      addon.closeName(mine);
      assert.throws(() => addon.closeName(mine), /RangeError.*no use/);
      assert.equal(wordsOf(mine)[0], 0, 'closed in order, so not kept');
    }
    addon.closeName(slot);
    assert.equal(addon.names(), 0);
  });
}

test(
  'two hundred threads that are terminated anywhere leave the names as they should be',
  { timeout: 120_000 },
  async () => {
    const n = random(11);
    const kept = ['name 0', 'name 7', 'ours'];
    const slots = kept.map((key) => addon.openName(key));
    const code = `${state}
    let x = workerData.seed;
    const n = (below) => (x = (x * 48271) % 2147483647) % below;
    const open = [];
    parentPort.postMessage('begun');
    for (let i = 0; i < workerData.rounds; i++) {
      if (open.length < 20 && n(2) === 0) open.push(addon.openName('name ' + n(60)));
      else if (open.length > 0) addon.closeName(open.splice(n(open.length), 1)[0]);
      for (const slot of open) Atomics.add(wordOf(slot), 1, 1);
    }
  `;
    const one = async (i: number): Promise<void> => {
      const rounds = n(2) === 0 ? Infinity : n(2000);
      const worker = addonWorker(code, shared(1), { workerData: { words: shared(1), seed: i + 1, rounds } });
      const exited = once(worker, 'exit');
      await once(worker, 'message');
      if (rounds === Infinity) void worker.terminate();
      await exited;
    };
    for (let i = 0; i < 200; i += 8) await Promise.all(Array.from({ length: 8 }, (_, j) => one(i + j)));
    assert.equal(addon.names(), kept.length);
    assert.deepEqual(
      kept.map((key) => addon.openName(key)),
      slots,
    );
    for (const slot of [...slots, ...slots]) addon.closeName(slot);
    assert.equal(addon.names(), 0);
  },
);

test('a thread closes only what it has opened itself', async () => {
  const slot = addon.openName('mine');
  const code = `${state}
    try { addon.closeName(${slot}); } catch (error) { parentPort.postMessage(String(error)); }
  `;
  const [answer] = (await once(addonWorker(code, shared(1)), 'message')) as [string];
  assert.match(answer, /^RangeError: closeName: this thread has no use of slot \d+$/);
  addon.closeName(slot);
});

test('whoever states another layout of the block is told so', () => {
  const others: Parameters<Addon['openBlock']>[] = [
    [5, 64, 128, 4096, new Int32Array([71, 72])],
    [4, 68, 128, 4096, new Int32Array([71, 72])],
    [4, 64, 132, 4096, new Int32Array([71, 72])],
    [4, 64, 128, 8192, new Int32Array([71, 72])],
    [4, 64, 128, 4096, new Int32Array([71, 73])],
    [4, 64, 128, 4096, new Int32Array([71])],
    [4, 64, 128, 4096, new Int32Array([71, 72, 0])],
  ];
  for (const other of others) {
    assert.throws(() => addon.openBlock(...other), {
      code: 'ERR_LOCK_LAYOUT',
      message: /another geometry or another header/,
    });
  }
  addon.openBlock(...geometry);
});

test('the functions of the block refuse what they cannot use, and change nothing', () => {
  const before = addon.names();
  const open =
    (...args: unknown[]) =>
    (): unknown =>
      addon.openBlock(...(args as Parameters<Addon['openBlock']>));
  const header = new Int32Array(2);
  for (const no of noIntegers.filter((value) => value !== 2 ** 32)) {
    for (let i = 0; i < 4; i++) {
      const numbers: unknown[] = [4, 64, 128, 4096];
      numbers[i] = no;
      assert.throws(open(...numbers, header), /TypeError.*must be integers/);
    }
    assert.throws(() => addon.closeName(no as number), /TypeError.*what openName returned/);
    assert.throws(() => addon.chunk(no as number), /TypeError.*n must be/);
    assert.throws(open(4, 64, 128, 4096, no), /TypeError.*header must be an Int32Array/);
    if (typeof no !== 'string')
      assert.throws(() => addon.openName(no as string), /TypeError.*key must be a string/);
  }
  const wrong = [
    [0, 64, 128, 4096],
    [4, 0, 128, 4096],
    [4, 66, 128, 4096],
    [4, 64, 126, 4096],
    [4, 64, 128, 4098],
    [4, 1024, 4, 4096],
    [4, 64, 8192, 4096],
    [2 ** 31 - 1, 2 ** 31 - 4, 0, 2 ** 53 - 4],
    [4, 64, 4, 4096],
  ];
  for (const numbers of wrong) assert.throws(open(...numbers, header), RangeError);
  assert.throws(open(4, 64, 128, 4096, new Uint32Array(2)), TypeError);
  for (const slot of [-1, 3, 2 ** 31 - 1])
    assert.throws(() => addon.closeName(slot), /RangeError.*no use of slot/);
  for (const n of [-1, 1000, 2 ** 31 - 1])
    assert.throws(() => addon.chunk(n), /RangeError.*there is no chunk/);
  assert.equal(addon.names(), before);
});

test('before openBlock there is no block; without memory there is no name, and all goes on', async () => {
  const ended = await runProgram(`
    import { loadAddon } from ${JSON.stringify(addonModule)};
    const addon = loadAddon();
    const attempt = (f) => { try { console.log(f()); } catch (error) { console.log(error.code, error.message); } };
    attempt(() => addon.openName('a'));
    attempt(() => addon.chunk(0));
    addon.openBlock(1, 4, 0, 2 ** 52, new Int32Array(0));
    for (let i = 0; i < 2; i++) attempt(() => addon.openName('a'));
    attempt(() => addon.chunk(0));
    attempt(() => addon.names());
  `);
  const none = 'undefined chunk: there is no chunk 0\n';
  const full = 'ENOMEM openName: out of memory\n';
  assert.equal(ended.stdout, `undefined openName: call openBlock first\n${none}${full}${full}${none}0\n`);
  assert.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, '']);
});

test('memory of the block takes last words, and outlives all views of it', async () => {
  const slot = addon.openName('told');
  const words = shared(1);
  const worker = addonWorker(
    `${state}
     const slot = addon.openName('told');
     const ticket = addon.onThreadEnd(wordOf(slot), 5, 1);
     addon.onThreadEnd(wordOf(slot), 4, 2);
     addon.forgetThreadEnd(ticket);
     for (const no of [new Int32Array(new ArrayBuffer(64)), new Int32Array(addon.chunk(0).slice(0, 64)),
       new Uint32Array(addon.chunk(0))]) {
       try { addon.onThreadEnd(no, 0, 1); } catch (error) { parentPort.postMessage(error.message); }
     }
     Atomics.store(words, 0, 1);`,
    words,
  );
  const messages: string[] = [];
  worker.on('message', (message: string) => messages.push(message));
  await once(worker, 'exit');
  await waitUntil(() => messages.length === 3, { what: 'the refusals' });
  for (const message of messages)
    assert.match(message, /words must be an Int32Array on a SharedArrayBuffer or on a chunk/);
  assert.deepEqual([...wordsOf(slot).subarray(4, 6)], [2, 0]);
  addon.closeName(slot);
});
