/** One condition and several real threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Condition, LockDeadlockError, LockMisuseError, LockTimeoutError, Mutex } from '../src/index.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/condition-workers.js', import.meta.url);
const many = process.env['TIERLOCK_TEST'] === 'full' ? 20_000 : 2000;

function make(): { mutex: Mutex; filled: Condition; basket: Int32Array } {
  const mutex = new Mutex();
  const basket = new Int32Array(new SharedArrayBuffer(12));
  return { mutex, filled: new Condition(mutex), basket };
}

/** All these threads have given the mutex back and wait. */
async function waiting(mutex: Mutex, basket: Int32Array, count: number): Promise<void> {
  for (;;) {
    const guard = await mutex.lock();
    const there = basket[2];
    guard.release();
    if (there === count) return;
    await sleep(1);
  }
}

for (const impatient of [false, true]) {
  test(`what is put in one by one is taken out by ${impatient ? 'impatient' : 'patient'} threads, no notify is lost`, async () => {
    const { mutex, filled, basket } = make();
    const data = { handle: filled.handle, basket, impatient };
    await using team = runWorkers<number>({ count: 3, module, name: 'take', data, timeoutMs: 60_000 });
    await team.started;
    for (let i = 0; i < many; i++) {
      using guard = await mutex.lock();
      assert.ok(guard.held);
      basket[0] = (basket[0] ?? 0) + 1;
      filled.notify();
    }
    // Every one of them has been notified of, so the basket gets empty without another notify.
    for (let left = 1; left > 0; await sleep(1)) {
      using guard = await mutex.lock();
      assert.ok(guard.held);
      left = basket[0] ?? 0;
    }
    {
      using guard = await mutex.lock();
      assert.ok(guard.held);
      basket[1] = 1;
      filled.notifyAll();
    }
    const taken = await team.results;
    assert.equal(
      taken.reduce<number>((sum, count) => sum + (count ?? 0), 0),
      many,
    );
    assert.equal(filled.notifyAll(), 0);
  });
}

test('notify wakes as many threads as it says', async () => {
  const { mutex, filled, basket } = make();
  const data = { handle: filled.handle, basket };
  await using team = runWorkers<string>({ count: 3, module, name: 'waitOnce', data });
  await team.started;
  await waiting(mutex, basket, 3);
  assert.equal(filled.notify(2), 2);
  assert.equal(filled.notify(2), 1);
  assert.equal(filled.notify(), 0);
  assert.deepEqual(await team.results, ['held: true', 'held: true', 'held: true']);
});

test('a notify goes past a waiter that was terminated', async () => {
  const { mutex, filled, basket } = make();
  const data = { handle: filled.handle, basket };
  await using team = runWorkers<string>({ count: 2, module, name: 'waitOnce', data });
  await team.started;
  await waiting(mutex, basket, 2);
  await team.terminate(0);
  assert.equal(filled.notifyAll(), 1);
  assert.deepEqual((await team.results)[1], 'held: true');
  assert.equal(mutex.tryLock()?.recovered, false);
});

test('a synchronous wait ends with its time, and holds the mutex again', () => {
  const { mutex, filled } = make();
  assert.ok(filled.handle);
  using guard = mutex.lockSync();
  assert.throws(() => filled.waitSync(guard, { timeout: 5 }), LockTimeoutError);
  assert.ok(guard.held && mutex.locked);
  assert.equal(filled.notify(), 0);
});

test('a synchronous wait that nobody else could end is refused, and the mutex stays held', () => {
  const { mutex, filled } = make();
  using guard = mutex.lockSync();
  assert.throws(() => filled.waitSync(guard), LockDeadlockError);
  assert.ok(guard.held);
});

test('tasks that wait hear of notifies after a synchronous wait of their thread', async () => {
  const { mutex, filled } = make();
  const same = Condition.from(structuredClone(filled.handle));
  const first = await mutex.lock();
  const waits = filled.wait(first);
  const second = await mutex.lock();
  assert.throws(() => same.waitSync(second, { timeout: 5 }), LockTimeoutError);
  assert.equal(same.notify(), 1);
  second.release();
  await waits;
  assert.ok(first.held);
  first.release();
});

test('a condition does not take the guard of another mutex', async () => {
  const { filled } = make();
  assert.ok(filled.handle);
  using guard = await new Mutex().lock();
  assert.throws(() => filled.waitSync(guard), LockMisuseError);
  assert.ok(guard.held);
});
