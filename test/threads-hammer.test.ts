/** Threads that take one mutex in all ways at once: nobody ever enters beside another, nobody waits for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mutex } from '../src/index.js';
import { WORD } from '../src/words/seat.js';
import { Memory } from '../src/words/memory.js';
import { mustBeCorrect } from './support/history.js';
import { run } from './support/mutex-hammer.js';
import type { Hammer } from './support/mutex-hammer.js';
import { readThreadLog, threadLog } from './support/record.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-hammer.js', import.meta.url);
const factor = process.env['TIERLOCK_TEST'] === 'full' ? 20 : 1;
const seed = Date.now() % 2 ** 20;

function newHammer(mutex: Mutex, threads: number, rounds: number, tasks: number): Hammer {
  return {
    handle: mutex.handle,
    log: threadLog(threads + 1, 3 * rounds * tasks, ['m']),
    rounds,
    tasks,
    lazy: 20,
    seed,
    count: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/** Nobody's, and nobody is on the way to it. */
function mustBeFree(mutex: Mutex): void {
  assert.equal(mutex.locked, false);
  mutex.lockSync({ timeout: 0 }).release();
  const memory = new Memory(new Int32Array(mutex.handle.memory));
  assert.equal(Atomics.load(memory.words, memory.slot(mutex.handle.slot) + WORD), 0);
}

for (const fair of [false, true]) {
  for (const threads of [2, 4, 8]) {
    const name = `${threads} threads and the main one, ${fair ? 'fair' : 'open'}, seed ${seed}`;
    test(name, { timeout: 60_000 * factor }, async () => {
      const mutex = new Mutex({ fair });
      const rounds = (factor * 800) / threads;
      const hammer = newHammer(mutex, threads, rounds, 2);
      const team = runWorkers<number>({ count: threads, module, data: hammer, timeoutMs: 30_000 * factor });
      await team.started;
      const own = await run(threads, hammer);
      const held = (await team.results).reduce<number>((sum, count) => sum + (count ?? 0), own);
      mustBeCorrect(readThreadLog(hammer.log));
      assert.equal(hammer.count[0], held);
      assert.ok(held > rounds, `only ${held} holds`);
      mustBeFree(mutex);
    });
  }
}

test(`a storm of short waits leaves nobody behind, seed ${seed}`, { timeout: 60_000 * factor }, async () => {
  const mutex = new Mutex();
  const hammer = newHammer(mutex, 8, 600 * factor, 1);
  const team = runWorkers<number>({
    count: 8,
    module,
    name: 'storm',
    data: hammer,
    timeoutMs: 30_000 * factor,
  });
  const held = (await team.results).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  mustBeCorrect(readThreadLog(hammer.log));
  assert.equal(hammer.count[0], held);
  mustBeFree(mutex);
});
