import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control } from '../src/guard.js';
import { Condition, LockLostError, LockMisuseError, LockTimeoutError, Mutex } from '../src/index.js';
import { mustBlock, settled } from '../src/testing/settled.js';

test('wait gives the mutex back, and holds it again when it returns', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const waiting = condition.wait(guard);
  assert.equal(guard.held, false);
  assert.equal(mutex.locked, false);
  const other = await mutex.lock();
  assert.equal(condition.notify(), 1);
  await mustBlock(waiting);
  other.release();
  await waiting;
  assert.equal(guard.held, true);
  assert.equal(guard.release(), true);
});

test('notify wakes the longest-waiting, notifyAll the others, each in its turn', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const order: number[] = [];
  let inside = 0;
  const tasks = Array.from({ length: 5 }, async (_, i) => {
    await using guard = await mutex.lock();
    await condition.wait(guard);
    assert.equal(++inside, 1);
    order.push(i);
    await settled(new Promise(() => {}));
    inside--;
  });
  await settled(Promise.all(tasks));
  assert.equal(condition.notify(2), 2);
  await Promise.all(tasks.slice(0, 2));
  assert.deepEqual(order, [0, 1]);
  assert.equal(condition.notifyAll(), 3);
  await Promise.all(tasks);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
});

test('a notify that finds nobody is not kept', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  assert.equal(condition.notify(), 0);
  assert.equal(condition.notifyAll(), 0);
  const guard = await mutex.lock();
  await mustBlock(condition.wait(guard));
});

test('a time-out rejects only when the mutex is held again', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const waiting = condition.wait(guard, { timeout: 5 });
  const other = await mutex.lock();
  const failed = waiting.catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 20)); // not proof of blocking: the limit must pass
  await mustBlock(waiting.catch(() => {}));
  other.release();
  const error = await failed;
  assert.ok(error instanceof LockTimeoutError);
  assert.match(error.message, /5 ms waiting for a condition of the mutex/);
  assert.equal(guard.held, true);
  guard.release();
});

test('an abort rejects with the reason when the mutex is held again', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const controller = new AbortController();
  const waiting = condition.wait(guard, { signal: controller.signal });
  controller.abort('enough');
  assert.equal(await waiting.catch((reason: unknown) => reason), 'enough');
  assert.equal(guard.held, true);
});

test('a signal that is aborted already rejects and leaves the guard held', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const waiting = new Condition(mutex).wait(guard, { signal: AbortSignal.abort('before') });
  assert.equal(guard.held, true, 'it never lets go');
  assert.equal(await waiting.catch((reason: unknown) => reason), 'before');
  assert.equal(guard.held, true);
});

test('no notify is lost on a waiter that has given up', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const one = await mutex.lock();
  const controller = new AbortController();
  const aborted = condition.wait(one, { signal: controller.signal }).catch((reason: unknown) => reason);
  const two = await mutex.lock();
  const waiting = condition.wait(two);
  controller.abort('gone');
  assert.equal(condition.notify(), 1, 'it goes to the one who still waits');
  assert.equal(await aborted, 'gone');
  one.release();
  await waiting;
  assert.equal(two.held, true);
});

test('a notified waiter is out of reach of its limits', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const controller = new AbortController();
  const waiting = condition.wait(guard, { signal: controller.signal, timeout: 60_000 });
  const other = await mutex.lock();
  condition.notify();
  controller.abort('too late');
  other.release();
  await waiting;
  assert.equal(guard.held, true);
});

test('a guard released while it waits ends the wait, in the line of the condition and in that of the mutex', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const one = await mutex.lock();
  const waiting = condition.wait(one);
  assert.equal(one.release(), true);
  await assert.rejects(waiting, LockMisuseError);
  assert.equal(condition.notify(), 0, 'no ghost is left to swallow a notify');
  assert.equal(mutex.locked, false);

  const two = await mutex.lock();
  const notified = condition.wait(two);
  const other = await mutex.lock();
  condition.notify();
  assert.equal(two.release(), true);
  await assert.rejects(notified, LockMisuseError);
  other.release();
  assert.equal(mutex.locked, false);
  assert.notEqual(mutex.tryLock(), null, 'nobody is left in the line');
});

test('a guard that waits for a condition holds nothing that could be lost', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const waiting = condition.wait(guard);
  control.lose(guard, new LockLostError('lost', { lock: 'the mutex' }));
  condition.notify();
  await waiting;
  assert.equal(guard.held, true);
  assert.equal(guard.signal.aborted, false);
  assert.equal(guard.release(), true);
});

test('wait wants a guard that is held, of its own mutex, and not in another wait', async () => {
  const mutex = new Mutex();
  const condition = new Condition(mutex);
  const guard = await mutex.lock();
  const foreign = await new Mutex().lock();
  await assert.rejects(condition.wait(foreign), LockMisuseError);
  assert.equal(foreign.held, true);
  const waiting = condition.wait(guard);
  await assert.rejects(condition.wait(guard), /waits for a condition/);
  condition.notify();
  await waiting;
  guard.release();
  await assert.rejects(condition.wait(guard), /was released/);
  // @ts-expect-error a guard is wanted
  await assert.rejects(condition.wait(undefined), TypeError);
  // @ts-expect-error a mutex is wanted
  assert.throws(() => new Condition({}), /'mutex' must be a Mutex/);
});
