/** Tasks and blocking calls of one thread at a mutex that another thread wants too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Condition, LockDeadlockError, LockTimeoutError, Mutex } from '../src/index.js';
import type { SyncGuard } from '../src/index.js';
import type { Two } from './support/mutex-workers.js';
import { settled } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);

function shared(): Mutex {
  const mutex = new Mutex();
  void mutex.handle;
  return mutex;
}

/** A mutex that a worker holds until it is told to let go. */
async function heldElsewhere(fair: boolean = false): Promise<{ mutex: Mutex; letGo: () => Promise<void> }> {
  const mutex = new Mutex({ fair });
  const steps = new Int32Array(new SharedArrayBuffer(64));
  const data: Two = { a: mutex.handle, b: mutex.handle, steps };
  const team = runWorkers({ count: 1, module, name: 'holdUntilTold', data });
  await waitUntil(() => Atomics.load(steps, 0) === 1, { what: 'the worker holds it' });
  return {
    mutex,
    async letGo() {
      tell(steps);
      await team.results;
    },
  };
}

function tell(steps: Int32Array): void {
  Atomics.store(steps, 1, 1);
  Atomics.notify(steps, 1);
}

const outcome = (wait: Promise<SyncGuard>): Promise<unknown> =>
  wait.then(
    (guard) => guard,
    (error: unknown) => error,
  );

test('a blocking wait for what a task of the same thread holds fails at once', async () => {
  const mutex = shared();
  const guard = await mutex.lock();
  for (const options of [undefined, { timeout: 0 }, { timeout: 1e9 }, { timeout: Infinity }]) {
    assert.throws(() => mutex.lockSync(options), LockDeadlockError);
    assert.throws(() => mutex.runSync(() => assert.fail('not inside'), options), LockDeadlockError);
  }
  assert.equal(mutex.tryLock(), null);
  const waiting = mutex.lock();
  assert.throws(() => mutex.lockSync(), LockDeadlockError);
  guard.release();
  (await waiting).release();
  mutex.lockSync().release();
});

for (const fair of [false, true]) {
  test(`${fair ? 'fair' : 'open'}: a blocking wait goes past a task that waits, and the task goes on`, async () => {
    const mutex = new Mutex({ fair });
    const steps = new Int32Array(new SharedArrayBuffer(64));
    const data: Two = { a: mutex.handle, b: mutex.handle, steps };
    const team = runWorkers({ count: 1, module, name: 'holdUntilTold', data });
    await waitUntil(() => Atomics.load(steps, 0) === 1, { what: 'the worker holds it' });
    const waiting = [mutex.lock(), mutex.lock({ timeout: 5000 }), mutex.lock()];
    assert.equal(mutex.tryLock(), null);
    assert.throws(() => mutex.lockSync({ timeout: 2 }), LockTimeoutError);
    tell(steps);
    const guard = mutex.lockSync();
    assert.throws(() => mutex.lockSync(), LockDeadlockError);
    assert.equal(await settled(Promise.any(waiting)), false);
    guard.release();
    for (const wait of waiting) (await wait).release();
    await team.results;
    assert.equal(mutex.locked, false);
  });

  test(`${fair ? 'fair' : 'open'}: a task gets the lock after a blocking call has run out of time`, async () => {
    const { mutex, letGo } = await heldElsewhere(fair);
    const waiting = mutex.lock();
    for (let i = 0; i < 3; i++) assert.throws(() => mutex.lockSync({ timeout: i }), LockTimeoutError);
    await letGo();
    (await waiting).release();
  });
}

// The one that gives up stands first, in the middle, last; the others get the lock in their order.
for (const place of [0, 1, 2]) {
  for (const how of ['timeout', 'abort'] as const) {
    test(`number ${place + 1} of three who wait for another thread leaves by ${how}`, async () => {
      const { mutex, letGo } = await heldElsewhere();
      const controller = new AbortController();
      const limit = how === 'abort' ? { signal: controller.signal } : { timeout: 3 };
      const order: number[] = [];
      const waits = [0, 1, 2].map((i) =>
        outcome(mutex.lock(i === place ? limit : {})).then((result) => {
          if (i === place) return result;
          order.push(i);
          return (result as SyncGuard).release();
        }),
      );
      if (how === 'abort') controller.abort('enough');
      const left = await waits[place];
      assert.ok(how === 'abort' ? left === 'enough' : left instanceof LockTimeoutError, String(left));
      await letGo();
      await Promise.all(waits);
      assert.deepEqual(
        order,
        [0, 1, 2].filter((i) => i !== place),
      );
      assert.equal(mutex.locked, false);
    });
  }
}

test('all who wait leave in one turn, and one comes back in the same', async () => {
  const { mutex, letGo } = await heldElsewhere();
  const controller = new AbortController();
  const { signal } = controller;
  const waits = Array.from({ length: 5 }, () => outcome(mutex.lock({ signal })));
  controller.abort('enough');
  const back = mutex.lock();
  assert.deepEqual(await Promise.all(waits), Array.from({ length: 5 }).fill('enough'));
  const again = new AbortController();
  const short = outcome(mutex.lock({ signal: again.signal }));
  again.abort('again');
  assert.equal(await short, 'again');
  await letGo();
  (await back).release();
});

test('a guard released inside an abort listener goes past those whom the abort ends', async () => {
  const mutex = shared();
  const controller = new AbortController();
  const guard = mutex.lockSync();
  controller.signal.addEventListener('abort', () => guard.release());
  const ended = [0, 1].map(() => outcome(mutex.lock({ signal: controller.signal })));
  const next = mutex.lock();
  controller.abort('enough');
  assert.deepEqual(await Promise.all(ended), ['enough', 'enough']);
  (await next).release();
  assert.equal(mutex.locked, false);
});

test('a mutex is shared while tasks wait for it, and they get it in their order', async () => {
  const mutex = new Mutex();
  const guard = mutex.lockSync();
  const order: number[] = [];
  const waits = [0, 1, 2].map((i) => mutex.run(() => order.push(i), i === 1 ? { timeout: 5000 } : {}));
  const team = runWorkers<boolean>({ count: 1, module, name: 'comeAndGo', data: mutex.handle });
  await team.started;
  guard.release();
  await Promise.all(waits);
  assert.deepEqual([order, await team.results], [[0, 1, 2], [true]]);
});

test('a mutex is shared while a task waits for its condition', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = mutex.lockSync();
  const waiting = condition.wait(guard);
  const team = runWorkers<boolean>({ count: 1, module, name: 'comeAndGo', data: mutex.handle });
  assert.deepEqual(await team.results, [true]);
  condition.notify();
  await waiting;
  assert.throws(() => mutex.lockSync(), LockDeadlockError);
  guard.release();
});
