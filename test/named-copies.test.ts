/** Two copies of the package in one process, each with its own modules and its own binary, mean one lock by a name. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runProgram } from './support/child.js';
import { mustBeCorrect } from './support/history.js';
import { countNames, lock, mutexes, tryLock } from './support/named-mutexes.js';
import type { Hammer } from './support/named-mutexes.js';
import { readThreadLog, threadLog } from './support/record.js';
import { mustBlock } from '../src/testing/settled.js';
import { runWorkers } from './support/workers.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tierlock-named-copies-'));
after(() => rmSync(folder, { recursive: true }));

/** Another copy of the package; `layout` makes it one of another release. */
function copy(name: string, layout?: number): string {
  const to = join(folder, name);
  for (const part of [
    'package.json',
    'dist/src',
    'dist/test/support',
    'native/load.mjs',
    'build/Release/tierlock.node',
  ]) {
    mkdirSync(join(to, part, '..'), { recursive: true });
    cpSync(join(root, part), join(to, part), { recursive: true });
  }
  if (layout !== undefined) {
    const file = join(to, 'dist/src/words/memory.js');
    const source = readFileSync(file, 'utf8');
    const changed = source.replace(/LAYOUT_VERSION = \d+;/, `LAYOUT_VERSION = ${layout};`);
    assert.notEqual(changed, source);
    writeFileSync(file, changed);
  }
  return pathToFileURL(join(to, 'dist/test/support/named-mutexes.js')).href;
}

type Named = typeof import('./support/named-mutexes.js');
const module = new URL('./support/named-mutexes.js', import.meta.url);

test('copies in one thread exclude each other, and hand the lock to each other', async () => {
  const other = (await import(copy('in-one-thread'))) as Named;
  assert.notEqual(other.mutexes, mutexes);
  const guard = await lock('a');
  assert.equal(other.tryLock('a'), null);
  const { wait } = await mustBlock(other.lock('a'));
  guard.release();
  const theirs = await wait;
  assert.equal(tryLock('a'), null);
  const again = await mustBlock(lock('a'));
  assert.equal(theirs.release(), true);
  assert.equal((await again.wait).release(), true);
  assert.equal(countNames(), 0);
});

test('copies in several threads exclude each other', async () => {
  const rounds = 300;
  const log = threadLog(4, rounds * 6, ['orders', 'stock']);
  const data: Hammer = { log, rounds, counters: new Int32Array(new SharedArrayBuffer(8)) };
  const modules = [module.href, copy('in-threads')];
  const hammers = Array.from({ length: 4 }, (_one, index) => {
    const other = new URL(modules[index % 2] ?? '');
    return runWorkers({ count: 1, module: other, name: 'hammer', data: { ...data, writer: index } });
  });
  await Promise.all(hammers.map(({ results }) => results));
  mustBeCorrect(readThreadLog(log));
  assert.equal(countNames(), 0);
});

test('a copy with another layout does not touch what is there, and says why', async () => {
  const ended = await runProgram(`
    const one = await import(${JSON.stringify(module.href)});
    const two = await import(${JSON.stringify(copy('other', 4711))});
    const guard = one.lockSync('a');
    try { two.lockSync('a'); } catch (error) { console.log(error.code, error.message); }
    console.log(guard.release(), one.lockSync('a').release());
  `);
  assert.equal(ended.stderr, '');
  assert.match(
    ended.stdout,
    /^ERR_LOCK_LAYOUT openBlock: .*make all packages of this process use one release of tierlock\ntrue true\n$/,
  );
});
