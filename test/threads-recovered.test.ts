/** Of a thread that died inside, exactly the next one to enter is told, whoever that turns out to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryAddon } from '../src/addon.js';
import { Condition, Mutex } from '../src/index.js';
import type { Two } from './support/mutex-workers.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);

/** A mutex whose holder, in another thread, has died. */
async function orphaned(): Promise<Mutex> {
  const mutex = new Mutex();
  await runWorkers({ count: 1, module, name: 'dieHolding', data: mutex.handle }).results;
  return mutex;
}

/** A mutex that a worker holds, and the death of that worker. */
async function heldElsewhere(other?: Mutex): Promise<{ mutex: Mutex; kill: () => Promise<void> }> {
  const mutex = new Mutex();
  const steps = new Int32Array(new SharedArrayBuffer(64));
  const data: Two = { a: mutex.handle, b: (other ?? new Mutex()).handle, steps };
  const team = runWorkers({ count: 1, module, name: 'holdForEver', data });
  await waitUntil(() => Atomics.load(steps, 0) === 1, { what: 'the worker holds it' });
  return { mutex, kill: () => team.terminate(0) };
}

/** Whether the next three who enter are told. */
function told(mutex: Mutex): boolean[] {
  return [0, 1, 2].map(() => mutex.runSync((guard) => guard.recovered));
}

test('the next holder is told, and nobody after it', async () => {
  assert.deepEqual(told(await orphaned()), [true, false, false]);
  const mutex = await orphaned();
  assert.equal(await mutex.run((guard) => guard.recovered), true);
  assert.deepEqual(told(mutex), [false, false, false]);
});

test('tryLock gets a lock whose holder has died', async () => {
  const mutex = await orphaned();
  // Not at once where nobody tells of deaths: then it asks now and then.
  const guard = await waitUntil(() => mutex.tryLock(), { what: 'the death is noticed' });
  assert.equal(guard?.recovered, true);
  guard.release();
  assert.equal((await orphaned()).lockSync({ timeout: 0 }).recovered, true);
});

test('whoever waits when the holder dies is told', async () => {
  for (const timeout of [undefined, 5000]) {
    const { mutex, kill } = await heldElsewhere();
    const [first, second] = [0, 1].map(() =>
      mutex.run((guard) => guard.recovered, timeout === undefined ? {} : { timeout }),
    );
    await kill();
    assert.deepEqual([await first, await second], [true, false]);
  }
});

test('a lock whose holder has died counts as free', { skip: tryAddon() === undefined }, async () => {
  const { mutex, kill } = await heldElsewhere();
  assert.equal(mutex.locked, true);
  await kill();
  assert.equal(mutex.locked, false);
  assert.deepEqual(told(mutex), [true, false, false]);
});

test('a task that comes back from a condition is told, and nobody after it', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = mutex.lockSync();
  const waiting = condition.wait(guard);
  await runWorkers({ count: 1, module, name: 'dieHolding', data: mutex.handle }).results;
  condition.notify();
  await waiting;
  assert.equal(guard.recovered, true);
  guard.release();
  assert.deepEqual(told(mutex), [false, false, false]);
});

/**
 * A wait that is granted when the holder dies, and aborted before its task goes on: another lock of the same holder
 * goes to a task of ours that was first in line for it, and aborts.
 */
async function abortedGrant(): Promise<{
  mutex: Mutex;
  aborted: Promise<unknown>;
  kill: () => Promise<void>;
}> {
  const other = new Mutex();
  const { mutex, kill } = await heldElsewhere(other);
  const controller = new AbortController();
  const aborting = other.lock().then((guard) => {
    assert.equal(mutex.locked, true, 'it has been granted already');
    controller.abort('enough');
    return guard;
  });
  const aborted = mutex.lock({ signal: controller.signal }).catch((reason: unknown) => reason);
  return { mutex, aborted: Promise.all([aborted, aborting]).then(([reason]) => reason), kill };
}

test('a grant that meets an abort tells the next task of the thread', async () => {
  const { mutex, aborted, kill } = await abortedGrant();
  const next = mutex.run((guard) => guard.recovered);
  await kill();
  assert.equal(await aborted, 'enough');
  assert.equal(await next, true);
  assert.deepEqual(told(mutex), [false, false, false]);
});

test('a grant that meets an abort tells whoever comes next', async () => {
  const { mutex, aborted, kill } = await abortedGrant();
  await kill();
  assert.equal(await aborted, 'enough');
  assert.deepEqual(told(mutex), [true, false, false]);
});

test('a grant that meets an abort tells the next thread', async () => {
  const { mutex, aborted, kill } = await abortedGrant();
  await kill();
  assert.equal(await aborted, 'enough');
  const team = runWorkers<boolean>({ count: 1, module, name: 'isTold', data: mutex.handle });
  assert.deepEqual(await team.results, [true]);
  assert.deepEqual(told(mutex), [false, false, false]);
});

test('a function that is not run because of an abort was told nothing', async () => {
  const other = new Mutex();
  const { mutex, kill } = await heldElsewhere(other);
  const controller = new AbortController();
  // `run` asks for its signal before it waits, and looks at it once more before it runs the function.
  const aborting = other.lock().then((guard) => {
    queueMicrotask(() => controller.abort('enough'));
    return guard;
  });
  const { signal } = controller;
  const running = mutex
    .run(() => assert.fail('it must not run'), { signal })
    .catch((reason: unknown) => reason);
  await kill();
  await aborting;
  assert.equal(await running, 'enough');
  assert.deepEqual(told(mutex), [true, false, false]);
});
