/** The native half: it loads, tells threads apart, and keeps its word when a thread ends, however it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../src/addon.js';
import { LockUnsupportedError, Mutex } from '../src/index.js';
import { addonModule, addonWorker, endingWorker, endings } from './support/addon-workers.js';
import { runProgram } from './support/child.js';
import { collectGarbage } from './support/heap.js';
import { noIntegers } from './support/no-integers.js';
import { spinUntil, waitUntil } from '../src/testing/wait.js';

const addon = loadAddon();

test(
  'threadId is the number that the kernel gives',
  { skip: process.platform !== 'linux' && 'procfs' },
  () => {
    assert.equal(String(addon.threadId()), basename(readlinkSync('/proc/thread-self')));
  },
);

for (const ending of endings) {
  test(`the last word of a thread is stored when it ${ending.what}`, async () => {
    const words = new Int32Array(new SharedArrayBuffer(16));
    const { id, worker, exited } = await endingWorker(words, 'addon.onThreadEnd(words, 1, -7);', ending);
    if (ending.terminate) {
      assert.equal(addon.threadAlive(id), true);
      assert.equal(Atomics.load(words, 1), 0, 'not before the end');
      void worker.terminate();
    }
    // This thread does not return to its loop meanwhile: nothing but the ending thread itself can have stored it.
    spinUntil(() => Atomics.load(words, 1) === -7, { what: 'the last word', timeoutMs: 20_000 });
    await exited;
    await waitUntil(() => !addon.threadAlive(id), { what: 'the thread is gone' });
  });
}

test('of the last words for one place the last promised stays, and a forgotten one is not stored', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const code = `
    const tickets = [1, 2, 3, 4].map((value) => addon.onThreadEnd(words, 0, value));
    addon.onThreadEnd(words, 1, 5);
    addon.forgetThreadEnd(tickets[3]);
    addon.forgetThreadEnd(addon.onThreadEnd(words, 2, 6));
  `;
  await once(addonWorker(code, words), 'exit');
  assert.deepEqual([...words], [3, 5, 0, 0]);
});

test('a forgotten promise lets go of its memory', async () => {
  const promise = (): [WeakRef<Int32Array>, number] => {
    const words = new Int32Array(new SharedArrayBuffer(4));
    return [new WeakRef(words), addon.onThreadEnd(words, 0, 1)];
  };
  const [words, ticket] = promise();
  // A WeakRef keeps its target for the rest of the job in which it was made or asked.
  const isKept = async (): Promise<boolean> => {
    await setImmediate();
    collectGarbage();
    return words.deref() !== undefined;
  };
  assert.equal(await isKept(), true);
  addon.forgetThreadEnd(ticket);
  await waitUntil(async () => !(await isKept()), { what: 'the memory is gone' });
});

test('forgetThreadEnd takes only what onThreadEnd gave to this thread', () => {
  const ticket = addon.onThreadEnd(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
  for (const no of noIntegers.filter((value) => value !== 2 ** 32)) {
    assert.throws(() => addon.forgetThreadEnd(no as number), /TypeError.*what onThreadEnd returned/);
  }
  assert.throws(() => addon.forgetThreadEnd(-1), TypeError);
  for (const no of [0, ticket + 1, 2 ** 32]) {
    assert.throws(() => addon.forgetThreadEnd(no), /RangeError.*no promise/);
  }
  addon.forgetThreadEnd(ticket);
  assert.throws(() => addon.forgetThreadEnd(ticket), /RangeError.*no promise/);
});

test('memory that JavaScript has dropped is kept for the last word', async () => {
  const ended = await runProgram(
    `
    import { loadAddon } from ${JSON.stringify(addonModule)};
    loadAddon().onThreadEnd(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    gc(); gc();
    console.log('kept');
  `,
    ['--expose-gc'],
  );
  assert.deepEqual([ended.code, ended.signal, ended.stdout], [0, null, 'kept\n']);
});

test('onThreadEnd refuses what it could not store into', () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const wrong = (words: unknown, index: unknown, value: unknown = 1): (() => void) => {
    return () => addon.onThreadEnd(words as Int32Array<SharedArrayBuffer>, index as number, value as number);
  };
  const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
  const detached = new Int32Array(2);
  structuredClone(detached, { transfer: [detached.buffer] });
  const memories = [new Int32Array(2), new Int32Array(resizable), detached, new DataView(shared.buffer)];
  for (const words of [...memories, new Uint32Array(shared.buffer), shared.buffer, [0], undefined]) {
    assert.throws(wrong(words, 0), /TypeError.*Int32Array on a SharedArrayBuffer or on a chunk/);
  }
  for (const index of [2, -1, 2 ** 31 - 1]) assert.throws(wrong(shared, index), RangeError);
  assert.throws(wrong(new Int32Array(shared.buffer, 4), 1), RangeError);
  for (const no of noIntegers) {
    assert.throws(wrong(shared, no), /TypeError.*index must be/);
    // An explicit undefined would be the default of `wrong`.
    if (no !== undefined) assert.throws(wrong(shared, 0, no), /TypeError.*value must be/);
  }
});

test('threadAlive refuses what is no number of a thread', () => {
  for (const no of noIntegers) assert.throws(() => addon.threadAlive(no as number), TypeError);
  assert.throws(() => addon.threadAlive(2 ** 32 + addon.threadId()), TypeError);
  for (const id of [0, -1, -(2 ** 31)]) assert.equal(addon.threadAlive(id), false);
});

/** What the types of Node 20 do not know. */
interface Growing extends SharedArrayBuffer {
  grow(bytes: number): void;
}
declare const WebAssembly: {
  Memory: new (pages: object) => { readonly buffer: SharedArrayBuffer; grow(pages: number): void };
};

test('the last word goes where the view looks, also in memory that grows later', async () => {
  const fixed = new Int32Array(new SharedArrayBuffer(32), 8, 4);
  const growing: Growing = Reflect.construct(SharedArrayBuffer, [8, { maxByteLength: 1 << 20 }]);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 8, shared: true });
  const views = [fixed, new Int32Array(growing), new Int32Array(memory.buffer)];
  const code = `
    import(${JSON.stringify(addonModule)}).then(({ loadAddon }) => {
      const { parentPort, workerData: views } = require('node:worker_threads');
      for (const view of views) loadAddon().onThreadEnd(view, 1, 5);
      parentPort.postMessage('registered');
      setInterval(() => {}, 1000);
    });
  `;
  const worker = new Worker(code, { eval: true, workerData: views });
  await once(worker, 'message');
  memory.grow(7);
  growing.grow(1 << 20);
  await worker.terminate();
  for (const view of views) assert.equal(view[1], 5);
  assert.equal(new Int32Array(memory.buffer)[1], 5);
});

test('a thread that is terminated while the addon throws takes nobody with it', async () => {
  const code = `
    import(${JSON.stringify(addonModule)}).then(({ loadAddon }) => {
      const addon = loadAddon();
      require('node:worker_threads').parentPort.postMessage('throwing');
      for (;;) try { addon.onThreadEnd(); } catch {}
    });
  `;
  const ended = await runProgram(`
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(${JSON.stringify(code)}, { eval: true, execArgv: [] });
      await once(worker, 'message');
      await worker.terminate();
    }
    console.log('alive');
  `);
  assert.deepEqual([ended.code, ended.signal, ended.stdout], [0, null, 'alive\n']);
});

test('looking for the binary asks neither other threads nor the network', async () => {
  const ended = await runProgram(`
    process.report.getReport = () => { throw new Error('it waits for both'); };
    const { loadAddon } = await import(${JSON.stringify(addonModule)});
    console.log(loadAddon().threadId() > 0);
  `);
  assert.deepEqual([ended.code, ended.stdout], [0, 'true\n']);
});

test('without a binary the loader says what is missing, where it looked and what to do; locks work', async () => {
  assert.throws(
    () => loadAddon(['build/nowhere/tierlock.node', 'binding.gyp']),
    (error: unknown) =>
      error instanceof LockUnsupportedError &&
      /missing on \w+-\w+ \(build\/nowhere\/tierlock\.node: not there; binding\.gyp: /.test(error.message) &&
      /npm rebuild tierlock/.test(error.message),
  );
  (await new Mutex().lock()).release();
});

test('a binary of another release is refused, and the next one taken', () => {
  const other = 'test/support/other-addon.cjs';
  assert.throws(() => loadAddon([other]), /has version 0, but version \d+ is needed.*npm rebuild tierlock/);
  assert.equal(loadAddon([other, 'build/Release/tierlock.node']).version, addon.version);
});

test('a system that the addon does not know is told so', async () => {
  const ended = await runProgram(`
    Object.defineProperty(process, 'platform', { value: 'aix' });
    const { loadAddon } = await import(${JSON.stringify(addonModule)});
    try { loadAddon(['nowhere.node']); } catch (error) { console.log(error.code, error.message); }
  `);
  assert.match(ended.stdout, /^ERR_LOCK_UNSUPPORTED .*missing on aix-.*There is none for this system yet/);
  assert.doesNotMatch(ended.stdout, /npm rebuild/);
});
