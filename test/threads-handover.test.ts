/** What passes a mutex on from thread to thread, and what must not hold it up on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mutex } from '../src/index.js';
import type { Two } from './support/mutex-workers.js';
import { waitUntil } from './support/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);
const newSteps = (): Int32Array => new Int32Array(new SharedArrayBuffer(64));
const step = (steps: Int32Array, i: number, what: string): Promise<unknown> =>
  waitUntil(() => Atomics.load(steps, i) === 1, { what });

for (const fair of [false, true]) {
  // The thread that the lock was passed to is blocked, by one who waits for that very lock.
  test(`${fair ? 'fair' : 'open'}: a lock passed to a blocked thread goes on to the next`, async () => {
    const [a, b] = [new Mutex({ fair }), new Mutex()];
    const data: Two = { a: a.handle, b: b.handle, steps: newSteps() };
    const guard = b.lockSync();
    const holder = runWorkers({ count: 1, module, name: 'holdUntilTold', data });
    await step(data.steps, 0, 'a is held');
    const blocked = runWorkers<string[]>({ count: 1, module, name: 'awaitOneBlockOnOther', data });
    await step(data.steps, 2, 'a is waited for');
    const waiting = a.lock({ timeout: 5000 });
    Atomics.store(data.steps, 1, 1);
    Atomics.notify(data.steps, 1);
    (await waiting).release();
    guard.release();
    await holder.results;
    assert.deepEqual(await blocked.results, [['b', 'a']]);
  });
}
