/** What becomes of names and of words of the block when the threads that use them end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { addonWorker, endingWorker, endings } from './support/addon-workers.js';
import { random } from '../src/testing/random.js';
import { inWorker, wordsOf } from './support/small-block.js';
import { waitUntil } from '../src/testing/wait.js';

const addon = loadAddon();
const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

for (const ending of endings) {
  test(`a thread that ${ending.what} closes its names; one that it holds keeps its slot`, async () => {
    const words = shared(8);
    const slot = addon.openName('shared');
    const first = `${inWorker}
      for (const key of ['shared', 'shared', 'unheld', 'unheld', 'told']) addon.openName(key);
      const held = addon.openName('held');
      Atomics.store(wordsOf(held), 0, -5);
      Atomics.store(wordsOf(addon.openName('unheld')), 1, 1);
      addon.onThreadEnd(wordsOf(addon.openName('told')), 0, 9);
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
    const code = `${inWorker}
    let x = workerData.seed;
    const n = (below) => (x = (x * 48271) % 2147483647) % below;
    const open = [];
    parentPort.postMessage('begun');
    for (let i = 0; i < workerData.rounds; i++) {
      if (open.length < 20 && n(2) === 0) open.push(addon.openName('name ' + n(60)));
      else if (open.length > 0) addon.closeName(open.splice(n(open.length), 1)[0]);
      for (const slot of open) Atomics.add(wordsOf(slot), 1, 1);
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

test('memory of the block takes last words, and outlives all views of it', async () => {
  const slot = addon.openName('told');
  const words = shared(1);
  const worker = addonWorker(
    `${inWorker}
     const slot = addon.openName('told');
     const ticket = addon.onThreadEnd(wordsOf(slot), 5, 1);
     addon.onThreadEnd(wordsOf(slot), 4, 2);
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
