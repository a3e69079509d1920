/** What shared mutexes cost a process: nothing that keeps it alive, and no memory once they are dropped. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './support/child.js';

test('a wait for another thread keeps the process alive, an idle mutex does not', async () => {
  // The worker does not keep it alive.
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    const mutex = new Mutex();
    const idle = Mutex.from(new Mutex().handle);
    const url = new URL(${JSON.stringify(new URL('./support/mutex-keeper.js', import.meta.url).href)});
    const worker = new Worker(url, { workerData: mutex.handle, execArgv: [] });
    await once(worker, 'message');
    worker.unref();
    const before = process.getActiveResourcesInfo().length;
    for (const timeout of [0, 1, 2]) await mutex.lock({ timeout }).catch(() => {});
    const controller = new AbortController();
    const aborted = mutex.lock({ signal: controller.signal }).catch(() => {});
    controller.abort();
    await aborted;
    // The second gets it on the spot, after it has been given back to all.
    const other = Mutex.from(new Mutex().handle);
    const guard = other.lockSync();
    const end = new AbortController();
    end.signal.addEventListener('abort', () => guard.release());
    const first = other.lock({ signal: end.signal }).catch(() => {});
    const second = other.lock();
    end.abort();
    await first;
    (await second).release();
    console.log(process.getActiveResourcesInfo().length - before);
    worker.postMessage('let go');
    mutex.lock().then((guard) => {
      guard.release();
      console.log('granted', idle.locked);
    });
  `);
  assert.deepEqual(ended, { code: 0, signal: null, stdout: '0\ngranted false\n', stderr: '' });
});

const life = JSON.stringify(new URL('../src/words/life.js', import.meta.url).href);
const collect = `
  const collect = async () => {
    for (let i = 0; i < 6; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
`;

test('ten thousand mutexes come and go and leave no memory behind', async () => {
  const ended = await runProgram(
    `
    import { Mutex } from 'tierlock';
    ${collect}
    const use = () => {
      for (let i = 0; i < 2500; i++) {
        const mutex = new Mutex();
        Mutex.from(mutex.handle).runSync(() => {});
      }
    };
    const size = async () => {
      await collect();
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers;
    };
    use();
    const before = await size();
    for (let i = 0; i < 4; i++) {
      use();
      await collect();
    }
    const grown = (await size()) - before;
    console.log(grown < 2e6 ? 'small' : grown);
  `,
    ['--expose-gc'],
  );
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'small\n', stderr: '' });
});

test('the thread leaves a block that it has dropped, and not before', async () => {
  const ended = await runProgram(
    `
    import { Mutex } from 'tierlock';
    const { slotLives } = await import(${life});
    const { Memory } = await import(${life.replace('life.js', 'memory.js')});
    ${collect}
    let guard, waiting, buffers = [];
    (() => {
      // Locks fill blocks of 32: of the first two something is in use, the third is dropped, the last takes new ones.
      const all = Array.from({ length: 4 * 32 }, () => new Mutex());
      for (const mutex of all) {
        const { memory } = mutex.handle;
        if (buffers.at(-1) !== memory) buffers.push(memory);
      }
      guard = all[0].lockSync();
      const held = all[32].lockSync();
      waiting = all[32].run((again) => again.held);
      globalThis.release = () => held.release();
    })();
    const lives = () => buffers.map((buffer) => slotLives(new Memory(new Int32Array(buffer)), 0));
    await collect();
    console.log(lives().join());
    console.log(guard.release());
    globalThis.release();
    console.log(await waiting);
    guard = waiting = globalThis.release = undefined;
    // The last wait of a thread is kept until the next one.
    const local = new Mutex();
    const first = local.lockSync();
    const second = local.lock();
    first.release();
    (await second).release();
    await collect();
    console.log(lives().join());
    // A thread that comes back is another member.
    const again = Mutex.from({ tierlock: 'mutex', memory: buffers[2], slot: 0 });
    console.log(lives().join(), again.tryLock()?.recovered);
  `,
    ['--expose-gc'],
  );
  const stdout = 'true,true,false,true\ntrue\ntrue\nfalse,false,false,true\nfalse,false,false,true false\n';
  assert.deepEqual(ended, { code: 0, signal: null, stdout, stderr: '' });
});
