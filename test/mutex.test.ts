import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockTimeoutError, Mutex } from '../src/index.js';
import type { SyncGuard } from '../src/index.js';
import { queueOf } from '../src/mutex.js';
import { mustBlock, settled, turn } from './support/settled.js';

test('a free mutex is granted at once, and freed by release', async () => {
  const mutex = new Mutex();
  assert.equal(mutex.locked, false);
  const guard = await mutex.lock();
  assert.equal(mutex.locked, true);
  assert.equal(guard.held, true);
  assert.equal(guard.mode, 'exclusive');
  assert.equal(guard.release(), true);
  assert.equal(mutex.locked, false);
  assert.equal(guard.held, false);
});

test('a second lock blocks until the first is released', async () => {
  const mutex = new Mutex();
  const first = await mutex.lock();
  const { wait } = await mustBlock(mutex.lock());
  first.release();
  assert.equal((await wait).held, true);
});

test('tasks enter one at a time and in the order in which they came', async () => {
  const mutex = new Mutex();
  const order: number[] = [];
  let inside = 0;
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const guard = await mutex.lock();
      assert.equal(++inside, 1);
      order.push(i);
      await turn();
      inside--;
      guard.release();
    }),
  );
  assert.deepEqual(
    order,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test('the lock is handed over before the next holder is woken: nobody slips in between', async () => {
  const mutex = new Mutex();
  const first = await mutex.lock();
  const waiting = mutex.lock();
  first.release();
  assert.equal(mutex.locked, true);
  assert.equal(mutex.tryLock(), null);
  const late = mutex.lock();
  const second = await waiting;
  const { wait } = await mustBlock(late);
  second.release();
  (await wait).release();
});

test('every grant has a guard of its own', async () => {
  const mutex = new Mutex();
  const first = await mutex.lock();
  const waiting = mutex.lock();
  first.release();
  const second = await waiting;
  assert.notEqual(first, second);
  first.release();
  assert.equal(second.held, true, 'an old guard must not free a successor');
  assert.equal(mutex.locked, true);
});

test('tryLock never waits', () => {
  const mutex = new Mutex();
  const guard = mutex.tryLock();
  assert.equal(guard?.held, true);
  assert.equal(mutex.tryLock(), null);
  guard?.release();
  assert.notEqual(mutex.tryLock(), null);
});

test('using and await using release at the end of the block, also when it throws', async () => {
  const mutex = new Mutex();
  const failing = async (): Promise<void> => {
    await using guard = await mutex.lock();
    assert.equal(guard.held, true);
    throw new Error('inside');
  };
  await assert.rejects(failing, { message: 'inside' });
  assert.equal(mutex.locked, false);
  {
    using guard = mutex.tryLock();
    assert.equal(guard?.held, true);
  }
  assert.equal(mutex.locked, false);
});

test('run gives back what fn gives back, passes the guard, and releases whichever way fn ends', async () => {
  const mutex = new Mutex();
  const seen: SyncGuard[] = [];
  const result = await mutex.run(async (guard) => {
    seen.push(guard);
    assert.equal(guard.held, true);
    await turn();
    return 42;
  });
  assert.equal(result, 42);
  assert.equal(seen[0]?.held, false);
  await assert.rejects(
    mutex.run(() => {
      throw new Error('synchronous');
    }),
    { message: 'synchronous' },
  );
  await assert.rejects(
    mutex.run(async () => Promise.reject(new Error('asynchronous'))),
    {
      message: 'asynchronous',
    },
  );
  assert.equal(mutex.locked, false);
});

test('a wait times out with an error that says what, how long and where, and leaves nothing behind', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const behind = mutex.lock();
  async function impatientCaller(): Promise<void> {
    await mutex.lock({ timeout: 20 });
  }
  const started = performance.now();
  const error = await impatientCaller().catch((e: unknown) => e);
  assert.ok(performance.now() - started >= 20, 'a time-out never comes early');
  assert.ok(error instanceof LockTimeoutError);
  assert.equal(error.code, 'ERR_LOCK_TIMEOUT');
  assert.equal(error.name, 'LockTimeoutError');
  assert.equal(error.lock, 'the mutex');
  assert.match(error.message, /timed out after 20 ms waiting for the mutex \(held; others waiting: 1\)/);
  assert.match(error.stack ?? '', /impatientCaller/, 'the stack shows who waited');
  guard.release();
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('timeout 0 tries once', async () => {
  const mutex = new Mutex();
  (await mutex.lock({ timeout: 0 })).release();
  const guard = await mutex.lock();
  const refused = assert.rejects(mutex.lock({ timeout: 0 }), LockTimeoutError);
  assert.equal(queueOf(mutex).length, 0, 'it does not even stand in the line');
  await refused;
  guard.release();
});

test('a timeout longer than a timer can be is a long timeout', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const waiting = mutex.lock({ timeout: Number.MAX_SAFE_INTEGER });
  assert.equal(await settled(waiting), false);
  guard.release();
  (await waiting).release();
});

test('an abort rejects with the reason, untouched, and passes the place on', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const aborted = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  const reason = { any: 'value' };
  controller.abort(reason);
  assert.equal(await aborted.catch((e: unknown) => e), reason);
  guard.release();
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('an aborted signal takes nothing, even from a free mutex', async () => {
  const mutex = new Mutex();
  await assert.rejects(mutex.lock({ signal: AbortSignal.abort('no') }), (reason) => reason === 'no');
  assert.equal(mutex.locked, false);
});

test('an abort after the grant changes nothing', async () => {
  const mutex = new Mutex();
  const controller = new AbortController();
  const guard = await mutex.lock({ signal: controller.signal });
  controller.abort();
  assert.equal(guard.held, true);
  assert.equal(guard.release(), true);
});

test('a grant that races with an abort is passed on: abort after the release, before the waiter runs', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const racing = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  guard.release();
  controller.abort('too late');
  assert.equal(await racing.catch((e: unknown) => e), 'too late');
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('a grant that races with an abort is passed on: release by an earlier listener of the same signal', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  controller.signal.addEventListener('abort', () => guard.release());
  const racing = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  controller.abort('now');
  assert.equal(await racing.catch((e: unknown) => e), 'now');
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('whoever is aborted is granted nothing, although its own listener has not run yet', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  let next: SyncGuard | null = null;
  controller.signal.addEventListener('abort', () => {
    guard.release();
    next = mutex.tryLock();
  });
  const aborted = mutex.lock({ signal: controller.signal });
  controller.abort('now');
  assert.notEqual(next, null, 'the mutex is free at once');
  await assert.rejects(aborted, (reason) => reason === 'now');
  assert.equal(mutex.locked, true);
});

test('run does not start fn when the abort came before it, and frees the lock', async () => {
  const mutex = new Mutex();
  const controller = new AbortController();
  let ran = false;
  const running = mutex.run(() => (ran = true), { signal: controller.signal });
  controller.abort('stop');
  assert.equal(await running.catch((e: unknown) => e), 'stop');
  assert.equal(ran, false);
  assert.equal(mutex.locked, false);
});
