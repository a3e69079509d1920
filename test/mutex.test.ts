import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Mutex, RWLock, Semaphore } from '../src/index.js';
import type { SyncGuard } from '../src/index.js';
import { mustBlock, turn } from '../src/testing/settled.js';

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

test('run holds the lock until what fn returned has settled', async () => {
  const mutex = new Mutex();
  const work = new AbortController();
  const running = mutex.run(async (guard) => {
    await once(work.signal, 'abort');
    return guard.held;
  });
  const { wait } = await mustBlock(mutex.lock());
  work.abort();
  assert.equal(await running, true);
  (await wait).release();
});

test('a free lock is granted before whatever was to run next', async () => {
  const order: string[] = [];
  const takes = [
    () => new Mutex().lock(),
    () => new RWLock().read(),
    () => new RWLock().write(),
    () => new Semaphore(2).acquire(2),
  ];
  await Promise.all(
    takes.flatMap((take) => [
      take().then(() => order.push('granted')),
      Promise.resolve().then(() => order.push('next')),
    ]),
  );
  assert.deepEqual(
    order,
    takes.flatMap(() => ['granted', 'next']),
  );
});
