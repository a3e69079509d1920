/** The native half: it loads, tells threads apart, and keeps its word when a thread ends, however it ends. */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../src/addon.js';
import { LockUnsupportedError, Mutex } from '../src/index.js';
import { runProgram } from './support/child.js';
import { spinUntil, waitUntil } from './support/wait.js';

const addon = loadAddon();

test(
  'threadId is the number that the kernel gives',
  { skip: process.platform !== 'linux' && 'procfs' },
  () => {
    assert.equal(String(addon.threadId()), basename(readlinkSync('/proc/thread-self')));
  },
);

const loadHere = new URL('../src/addon.js', import.meta.url).href;

// Runs in a worker: registers for words[1], says who it is in words[0], then `ends` in one way or another.
function endingWorker(words: Int32Array, how: string, options: object = {}): Worker {
  const code = `
    const { workerData: words } = require('node:worker_threads');
    import(${JSON.stringify(loadHere)}).then(({ loadAddon }) => {
      const addon = loadAddon();
      addon.onThreadEnd(words, 1, -7);
      Atomics.store(words, 0, addon.threadId());
      Atomics.notify(words, 0);
      ${how}
    });
  `;
  return new Worker(code, { eval: true, workerData: words, stdout: true, stderr: true, ...options });
}

const endings: [what: string, how: string, terminate: boolean, options?: object][] = [
  ['returns', '', false],
  ['calls process.exit', 'process.exit(3);', false],
  ['throws', "setImmediate(() => { throw new Error('on purpose'); });", false],
  ['is terminated while idle', 'setInterval(() => {}, 1000);', true],
  ['is terminated in a busy loop', 'for (;;);', true],
  ['is terminated while it blocks in Atomics.wait', 'Atomics.wait(words, 2, 0);', true],
  [
    'runs out of memory',
    'const all = []; for (;;) all.push(new Array(1000).fill({}));',
    false,
    { resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 } },
  ],
];

for (const [what, how, terminate, options] of endings) {
  test(`the last word of a thread is stored when it ${what}`, async () => {
    const words = new Int32Array(new SharedArrayBuffer(16));
    const worker = endingWorker(words, how, options);
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.on('error', () => {});
    await waitUntil(() => Atomics.load(words, 0) !== 0, { what: 'the worker is registered' });
    const id = Atomics.load(words, 0);
    if (terminate) {
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

test('memory that JavaScript has dropped is kept for the last word', async () => {
  const ended = await runProgram(
    `
    import { loadAddon } from ${JSON.stringify(loadHere)};
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
  const wrong = (words: unknown, index: number): (() => void) => {
    return () => addon.onThreadEnd(words as Int32Array<SharedArrayBuffer>, index, 1);
  };
  assert.throws(wrong(new Int32Array(2), 0), /TypeError.*Int32Array on a SharedArrayBuffer/);
  assert.throws(wrong(new Uint32Array(new SharedArrayBuffer(8)), 0), TypeError);
  assert.throws(wrong(undefined, 0), TypeError);
  assert.throws(wrong(shared, 2), RangeError);
  assert.throws(wrong(shared, -1), RangeError);
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

test('a binary of another release is refused', () => {
  assert.throws(
    () => loadAddon(['test/support/other-addon.cjs']),
    /has version 0, but version 1 is needed.*npm rebuild tierlock/,
  );
});
