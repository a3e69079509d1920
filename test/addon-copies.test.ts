/** Several copies of the binary in one process: one set of names, of bells and of memory, whoever came first. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { runProgram } from './support/child.js';
import type { Ended } from './support/child.js';

const folder = mkdtempSync(join(tmpdir(), 'tierlock-copies-'));
after(() => rmSync(folder, { recursive: true }));
const binary = fileURLToPath(new URL('../../build/Release/tierlock.node', import.meta.url));
const copy = join(folder, 'copy.node');
const same = join(folder, 'same.node');
copyFileSync(binary, copy);
symlinkSync(binary, same);

/**
 * Runs a program in a process of its own. There `own`, `copy` and `same` are paths for `load`, which gives a binary's
 * exports with the block opened; `run` gives a worker for which the same holds.
 */
async function runCopies(source: string): Promise<Ended> {
  const prelude = `
    const { Worker, parentPort } = require('node:worker_threads');
    const { once } = require('node:events');
    const assert = require('node:assert/strict');
    const [own, copy, same, foreign] = ${JSON.stringify([binary, copy, same, join(folder, 'foreign.node')])};
    const raw = (path) => { const into = { exports: {} }; process.dlopen(into, path); return into.exports; };
    const load = (path) => {
      const addon = raw(path);
      addon.openBlock(4, 64, 64, 4096, new Int32Array([1]));
      return addon;
    };
    const run = (code) => new Worker(prelude + code, { eval: true, execArgv: [] });
    const wordsOf = (addon, slot) => new Int32Array(addon.chunk(slot >> 2), 64 + (slot & 3) * 64, 16);
  `;
  return runProgram(`
    import { createRequire } from 'node:module';
    const require = createRequire(${JSON.stringify(import.meta.url)});
    const prelude = ${JSON.stringify(prelude)};
    ${prelude}
    ${source}
    console.log('done');
  `);
}

function assertDone(ended: Ended): void {
  assert.deepEqual([ended.stderr, ended.stdout, ended.code, ended.signal], ['', 'done\n', 0, null]);
}

test('several copies of the binary live in one thread, each with its own last words', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const paths = [binary, binary, copy, same];
  const code = `
      const words = require('node:worker_threads').workerData;
      for (const [index, path] of ${JSON.stringify(paths)}.entries()) {
        const copy = { exports: {} };
        process.dlopen(copy, path);
        copy.exports.onThreadEnd(words, index, index + 1);
      }
    `;
  await once(new Worker(code, { eval: true, workerData: words }), 'exit');
  assert.deepEqual([...words], [1, 2, 3, 4]);
});

for (const [first, second] of [
  ['own', 'copy'],
  ['copy', 'own'],
  ['own', 'own'],
  ['same', 'own'],
]) {
  test(`names and memory are one: ${first} is loaded by a worker alone, then ${second} by the main thread`, async () => {
    assertDone(
      await runCopies(`
        const worker = run(\`
          const addon = load(${first});
          const slots = ['a', 'b', 'c', 'd', 'e', 'f'].map(addon.openName);
          wordsOf(addon, slots[4])[0] = 5;
          parentPort.once('message', () => parentPort.close());
          parentPort.postMessage(slots);
        \`);
        const [slots] = await once(worker, 'message');
        const addon = load(${second});
        assert.equal(addon.openName('f'), slots[5]);
        assert.equal(addon.openName('e'), slots[4]);
        assert.equal(wordsOf(addon, slots[4])[0], 5);
        addon.closeName(slots[4]);
        // Node unloads what the last environment has left; the memory and its names stay all the same.
        worker.postMessage('end');
        await once(worker, 'exit');
        assert.equal(addon.names(), 2);
        assert.equal(wordsOf(addon, addon.openName('e'))[0], 5);
        assert.equal(addon.openName('f'), slots[5]);
        assert.equal(wordsOf(addon, addon.openName('g'))[0], 0);
      `),
    );
  });
}

test('the first copy serves after its last user has ended, before another comes', async () => {
  assertDone(
    await runCopies(`
      const worker = run("const addon = load(copy); wordsOf(addon, addon.openName('held'))[0] = 7;");
      await once(worker, 'exit');
      const addon = load(own);
      assert.equal(addon.names(), 1);
      assert.equal(wordsOf(addon, addon.openName('held'))[0], 7);
    `),
  );
});

test('copies ring for each other, and both of one thread hear', async () => {
  assertDone(
    await runCopies(`
      const [one, two] = [load(own), load(copy)];
      const alive = setInterval(() => {}, 1000);
      const heard = () => Promise.all([one, two].map((addon) => new Promise((resolve) => addon.onRing(resolve))));
      let rung = heard();
      const worker = run(\`
        const addon = load(copy);
        addon.onRing(() => { addon.ring(\${one.threadId()}); });
        parentPort.once('message', () => parentPort.close());
        parentPort.postMessage(addon.threadId());
      \`);
      const [id] = await once(worker, 'message');
      assert.equal(one.ring(id), true);
      await rung;
      rung = heard();
      const exited = once(worker, 'exit'); // it may come before the ring is heard
      worker.postMessage('end');
      await rung;
      await exited;
      assert.equal(one.ring(id), false);
      clearInterval(alive);
    `),
  );
});

test('two copies in one thread have one name, and count their own uses', async () => {
  assertDone(
    await runCopies(`
      const [one, two] = [load(copy), load(own)];
      const slot = one.openName('a');
      assert.throws(() => two.closeName(slot), RangeError);
      assert.equal(two.openName('a'), slot);
      wordsOf(one, slot)[1] = 3;
      one.closeName(slot);
      assert.throws(() => one.closeName(slot), RangeError);
      assert.equal(wordsOf(two, slot)[1], 3);
      two.closeName(slot);
      assert.equal(one.names(), 0);
    `),
  );
});

test('each copy takes the words that another has given', async () => {
  assertDone(
    await runCopies(`
      const [one, two] = [load(copy), load(own)];
      const words = wordsOf(one, one.openName('a'));
      assert.equal(two.futexWait(words, 0, 1, 0), 1);
      assert.equal(two.futexWake(words, 0, 1), 0);
      two.forgetThreadEnd(two.onThreadEnd(words, 0, 1));
    `),
  );
});

/** A copy that says of itself that it lays the memory out otherwise: its note's type is the layout. */
function writeForeign(layout: number): void {
  const bytes = readFileSync(binary);
  const note = bytes.indexOf(Buffer.from('\t\0\0\0\u0004\0\0\0\u0002\0\0\0tierlock\0', 'latin1'));
  assert.notEqual(note, -1);
  bytes.writeInt32LE(layout, note + 8);
  writeFileSync(join(folder, 'foreign.node'), bytes);
}

test(
  'where another layout came first, all that is shared says so, and what is not shared works',
  { skip: process.platform !== 'linux' && 'the note of an ELF binary' },
  async () => {
    writeForeign(4711);
    assertDone(
      await runCopies(`
        raw(foreign);
        const addon = raw(own);
        for (const use of [
          () => addon.openBlock(4, 64, 64, 4096, new Int32Array([1])),
          () => addon.openName('a'),
          () => addon.chunk(0),
          () => addon.names(),
          () => addon.onRing(() => {}),
          () => addon.ring(1),
        ]) assert.throws(use, { code: 'ERR_LOCK_LAYOUT', message: /another release.*first.*4711, not 2/ });
        assert.throws(() => addon.closeName(0), RangeError);
        const words = new Int32Array(new SharedArrayBuffer(4));
        addon.onThreadEnd(words, 0, 1);
        assert.equal(addon.futexWait(words, 0, 1, 0), 1);
        assert.throws(() => addon.futexWake(new Int32Array(1), 0, 1), TypeError);
        await once(run("raw(own); raw(foreign);"), 'exit');
      `),
    );
  },
);

test(
  'where ours came first, a later release with another layout changes nothing for us',
  { skip: process.platform !== 'linux' && 'the note of an ELF binary' },
  async () => {
    writeForeign(2);
    assertDone(
      await runCopies(`
        const addon = load(own);
        raw(foreign);
        assert.equal(load(copy).openName('a'), addon.openName('a'));
      `),
    );
  },
);
