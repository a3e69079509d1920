/** The block: how it is laid out, what is refused, and what happens without memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import type { Addon } from '../src/addon.js';
import { addonModule } from './support/addon-workers.js';
import { runProgram } from './support/child.js';
import { noIntegers } from './support/no-integers.js';
import { layout } from './support/small-block.js';

const addon = loadAddon();

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
  addon.openBlock(...layout);
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
