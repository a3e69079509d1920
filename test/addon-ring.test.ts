/** Rings: a thread hears on its own loop that another has ended, or that somebody wants it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { loadAddon } from '../src/addon.js';
import { addonModule, addonWorker, endingWorker, endings } from './support/addon-workers.js';
import { runProgram } from './support/child.js';
import { random } from '../src/testing/random.js';
import { spinUntil, waitUntil } from '../src/testing/wait.js';

const addon = loadAddon();
const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

for (const ending of endings) {
  test(`another thread hears that one ${ending.what}, though the main thread is blocked`, async () => {
    const words = shared(8);
    const listener = addonWorker(
      `addon.onRing(() => {
         if (Atomics.load(words, 4) === 0) Atomics.store(words, 3, Atomics.load(words, 1));
         Atomics.add(words, 4, 1);
       });
       parentPort.on('message', () => {});
       parentPort.postMessage('listens');`,
      words,
    );
    await once(listener, 'message');
    const { worker, exited } = await endingWorker(words, 'addon.onThreadEnd(words, 1, -7);', ending);
    if (ending.terminate) {
      assert.equal(Atomics.load(words, 4), 0, 'not before the end');
      void worker.terminate();
    }
    spinUntil(() => Atomics.load(words, 4) !== 0, { what: 'the ring', timeoutMs: 20_000 });
    assert.equal(Atomics.load(words, 3), -7, 'the last word was there before');
    await Promise.all([exited, listener.terminate()]);
  });
}

test('a thread rings for another, which need not end for that', async () => {
  const words = shared(2);
  const me = addon.threadId();
  let rings = 0;
  addon.onRing(() => rings++);
  const worker = addonWorker(
    `addon.onRing(() => parentPort.postMessage(addon.ring(${me})));
     parentPort.postMessage(addon.threadId());
     parentPort.on('message', () => {});`,
    words,
  );
  const [id] = (await once(worker, 'message')) as [number];
  const answered = once(worker, 'message');
  assert.equal(addon.ring(id), true);
  assert.deepEqual(await answered, [true]);
  await waitUntil(() => rings > 0, { what: 'the ring back' });
  await worker.terminate();
  assert.equal(addon.ring(id), false, 'it has ended');
});

test('only who has called onRing is there to ring for', async () => {
  for (const id of [0, -1, 2 ** 31 - 1]) assert.equal(addon.ring(id), false);
  const worker = addonWorker(
    "parentPort.on('message', () => {}); parentPort.postMessage(addon.threadId());",
    shared(1),
  );
  const [id] = (await once(worker, 'message')) as [number];
  assert.equal(addon.threadAlive(id), true);
  assert.equal(addon.ring(id), false);
  await worker.terminate();
});

test('rings that come together are heard once, one that comes meanwhile is heard after, the last callback counts', async () => {
  const me = addon.threadId();
  const heard: string[] = [];
  addon.onRing(() => heard.push('replaced'));
  addon.onRing(() => {
    heard.push('first');
    if (heard.length === 1) addon.ring(me);
  });
  for (let i = 0; i < 100; i++) assert.equal(addon.ring(me), true);
  await waitUntil(() => heard.length === 2, { what: 'the ring and the ring from the callback' });
  addon.onRing(() => heard.push('second'));
  addon.ring(me);
  await waitUntil(() => heard.length > 2, { what: 'the ring for the second callback' });
  await setImmediate();
  assert.deepEqual(heard, ['first', 'first', 'second']);
});

test('a callback keeps no loop alive, and a ring that comes too late is not heard', async () => {
  const program = (end: string): string => `
    import { loadAddon } from ${JSON.stringify(addonModule)};
    const addon = loadAddon();
    addon.onRing(() => console.log('heard'));
    ${end}
  `;
  const ended = await runProgram(program(''));
  assert.deepEqual([ended.code, ended.signal, ended.stdout, ended.stderr], [0, null, '', '']);
  const late = await runProgram(
    program("process.on('exit', () => console.log(addon.ring(addon.threadId())));"),
  );
  assert.deepEqual([late.code, late.signal, late.stdout, late.stderr], [0, null, 'true\n', '']);
  const words = shared(1);
  const code = `
    addon.onRing(() => Atomics.store(words, 0, 1));
    addon.ring(addon.threadId());
    process.exit(5);
  `;
  assert.deepEqual(await once(addonWorker(code, words), 'exit'), [5]);
  assert.equal(words[0], 0);
});

test('what the callback throws is an uncaught exception', async () => {
  const ended = await runProgram(`
    import { loadAddon } from ${JSON.stringify(addonModule)};
    const addon = loadAddon();
    const alive = setInterval(() => {}, 1000);
    addon.onRing(() => { throw new Error('on purpose'); });
    process.on('uncaughtException', (error) => {
      console.log(error.message);
      addon.onRing(() => clearInterval(alive));
      addon.ring(addon.threadId());
    });
    addon.ring(addon.threadId());
  `);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'on purpose\n', '']);
});

test('a thread is terminated in its callback', async () => {
  const words = shared(1);
  const code = `
    addon.onRing(() => { parentPort.postMessage('in it'); for (;;); });
    addon.ring(addon.threadId());
    setInterval(() => {}, 1000);
  `;
  const worker = addonWorker(code, words);
  await once(worker, 'message');
  assert.equal(await worker.terminate(), 1);
});

test('threads may be rung for while they end', async () => {
  const total = 200;
  const words = shared(total + 1);
  // words[i] is the number of worker i once it listens; words[total] ends the ringing.
  const ringer = addonWorker(
    `parentPort.postMessage('here');
     while (Atomics.load(words, ${total}) === 0) {
       for (let i = 0; i < ${total}; i++) {
         const id = Atomics.load(words, i);
         if (id !== 0) addon.ring(id);
       }
     }`,
    words,
  );
  await once(ringer, 'message');
  const n = random(5);
  const one = async (i: number): Promise<void> => {
    const code = `
      addon.onRing(() => {});
      Atomics.store(words, workerData.i, addon.threadId());
      setInterval(() => {}, 1000);
      ${['', 'for (;;);', 'process.exit();'][n(3)]}
    `;
    const worker = addonWorker(code, words, { workerData: { words, i } });
    await waitUntil(() => Atomics.load(words, i) !== 0, { what: 'it listens', timeoutMs: 30_000 });
    await worker.terminate();
    assert.equal(addon.ring(Atomics.load(words, i)) && !addon.threadAlive(Atomics.load(words, i)), false);
  };
  for (let i = 0; i < total; i += 8) {
    await Promise.all(Array.from({ length: Math.min(8, total - i) }, (_, j) => one(i + j)));
  }
  Atomics.store(words, total, 1);
  assert.deepEqual(await once(ringer, 'exit'), [0]);
});

test('onRing and ring refuse what they cannot use', () => {
  for (const no of [undefined, null, 1, 'callback', {}, Symbol('callback')]) {
    assert.throws(() => addon.onRing(no as () => void), /TypeError.*callback must be a function/);
  }
  for (const no of [undefined, null, '1', 0.5, Number.NaN, 2 ** 32 + addon.threadId()]) {
    assert.throws(() => addon.ring(no as number), /TypeError.*id must be a 32-bit integer/);
  }
});
