/** Life slots: what dead threads leave in a block must not keep living ones out. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { LockUnsupportedError, Mutex } from '../src/index.js';
import { DEAD, generationOf, join, leave, lives, slotLives, slotOf } from '../src/words/life.js';
import { ARENA, IDENTITY, JOINED, Memory } from '../src/words/memory.js';
import { threadId } from '../src/words/thread.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);
const newMemory = (): Memory => new Memory(new Int32Array(new SharedArrayBuffer(4 * Memory.size(ARENA))));

/** The number of a thread that has been and is no more: a process's first thread has the process's. */
const deadId = (): number => spawnSync(process.execPath, ['--version']).pid;

function joinAll(memory: Memory, id: number, count: number = ARENA.threads): number[] {
  return Array.from({ length: count }, () => join(memory, id) ?? assert.fail('no room'));
}

test('every life slot is given out once, and then none', () => {
  const memory = newMemory();
  const names = joinAll(memory, threadId);
  assert.deepEqual(
    names.map(slotOf),
    Array.from({ length: 256 }, (_, i) => i),
  );
  assert.equal(memory.joined, 256);
  assert.ok(names.every((name) => generationOf(name) === 1 && lives(memory, name)));
  assert.equal(join(memory, threadId), undefined);
});

test('a slot that was given back is given out again under another name', () => {
  const memory = newMemory();
  const names = joinAll(memory, threadId);
  const old = names[7] ?? assert.fail();
  leave(memory, old);
  assert.equal(slotLives(memory, 7), false);
  const name = join(memory, threadId) ?? assert.fail('no room');
  assert.equal(slotOf(name), 7);
  assert.deepEqual([lives(memory, name), lives(memory, old)], [true, false]);
});

test('a slot whose thread has died without a word is given out again', () => {
  const memory = newMemory();
  const dead = deadId();
  const names = joinAll(memory, dead);
  const name = join(memory, threadId) ?? assert.fail('no room');
  assert.deepEqual([lives(memory, name), lives(memory, names[slotOf(name)] ?? 0)], [true, false]);
});

test('a slot whose thread has died while it took it is given out again', () => {
  const memory = newMemory();
  const dead = deadId();
  for (let slot = 0; slot < ARENA.threads; slot++) memory.words[memory.life + 2 * slot] = -dead;
  const name = join(memory, threadId) ?? assert.fail('no room');
  assert.equal(lives(memory, name), true);
  for (let slot = 1; slot < ARENA.threads; slot++) memory.words[memory.life + 2 * slot] = -threadId;
  assert.equal(join(memory, threadId), undefined);
});

test('generations begin anew after the last one, and never are 0', () => {
  const memory = newMemory();
  const at = memory.life + 1;
  memory.words[at] = 0x3ffffe;
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) {
    const name = join(memory, threadId) ?? assert.fail('no room');
    seen.push(generationOf(name));
    assert.deepEqual([slotOf(name), lives(memory, name)], [0, true]);
    // As if nobody had ever been here, but for the generation.
    memory.words[memory.life] = 0;
  }
  assert.deepEqual(seen, [0x3fffff, 1, 2]);
});

test('whoever joins finds none of the waits of the last one in the slot', () => {
  const memory = newMemory();
  const name = join(memory, threadId) ?? assert.fail('no room');
  for (let lock = 0; lock < ARENA.locks; lock++) memory.words[memory.row(0, lock)] = 2;
  memory.words[memory.life] = 0;
  assert.equal(slotOf(join(memory, threadId) ?? -1), slotOf(name));
  for (let lock = 0; lock < ARENA.locks; lock++) assert.equal(memory.words[memory.row(0, lock)], 0);
});

test('the thread that finds no room is told', () => {
  const { handle } = new Mutex();
  // The block as another thread sees it: with a random number of its own, for it to be new here.
  const copy = { ...handle, memory: new SharedArrayBuffer(handle.memory.byteLength) };
  const memory = new Memory(new Int32Array(copy.memory));
  memory.words.set(new Int32Array(handle.memory));
  memory.words[IDENTITY] = 12345;
  joinAll(memory, threadId, ARENA.threads - 1);
  assert.throws(
    () => Mutex.from(copy),
    (error) => error instanceof LockUnsupportedError && /256 threads share this memory/.test(error.message),
  );
  Atomics.store(memory.words, memory.life + 2 * 200, DEAD);
  Mutex.from(copy).lockSync().release();
});

const workers = process.env['TIERLOCK_TEST'] === 'full' ? 300 : 6;

test('threads come and go without end', { timeout: 120_000 }, async () => {
  const mutex = new Mutex();
  const memory = new Memory(new Int32Array(mutex.handle.memory));
  // Room for two more, unless the slots of dead threads are used again.
  joinAll(memory, threadId, ARENA.threads - 3);
  for (let gone = 0; gone < workers; gone += 2) {
    const team = runWorkers<boolean>({ count: 2, module, name: 'comeAndGo', data: mutex.handle });
    assert.deepEqual(await team.results, [true, true]);
  }
  assert.equal(Atomics.load(memory.words, JOINED), 256);
  mutex.lockSync().release();
});
