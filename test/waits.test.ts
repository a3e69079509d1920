/** What waiting costs and leaves behind: nothing. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { LockTimeoutError, Mutex, RWLock, Semaphore } from '../src/index.js';
import { queueOf } from '../src/mutex.js';
import { runProgram } from './support/child.js';
import { collectGarbage, heapUsed } from './support/heap.js';
import { settled, turn } from '../src/testing/settled.js';

test('a wait that only this thread could end does not keep the loop alive: Node reports it', async () => {
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    const mutex = new Mutex();
    await mutex.lock();
    await mutex.lock();
    console.log('never');
  `);
  assert.equal(ended.code, 13, 'unsettled top-level await');
  assert.equal(ended.stdout, '');
});

test('neither does one with a signal, even when a time-out has kept it alive before', async () => {
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    const mutex = new Mutex();
    await mutex.lock();
    mutex.lock({ signal: new AbortController().signal });
    await mutex.lock({ timeout: 5 }).catch(() => console.log('timed out'));
    await mutex.lock({ signal: AbortSignal.timeout(3_600_000) });
  `);
  assert.deepEqual([ended.code, ended.stdout], [13, 'timed out\n']);
});

test('a wait with a time-out keeps the loop alive until its answer', async () => {
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    const mutex = new Mutex();
    await mutex.lock();
    await mutex.lock({ timeout: 50 }).catch((error) => console.log(error.code));
  `);
  assert.deepEqual([ended.code, ended.stdout], [0, 'ERR_LOCK_TIMEOUT\n']);
});

test('a granted wait leaves no timer behind that would keep the process', async () => {
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    const mutex = new Mutex();
    const guard = await mutex.lock();
    const waiting = mutex.lock({ timeout: 3_600_000 });
    guard.release();
    await waiting;
    console.log(process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length);
  `);
  assert.deepEqual([ended.code, ended.stdout], [0, '0\n']);
});

test('a time-out longer than a timer can be sets no timer that Node would cut short', async () => {
  const ended = await runProgram(`
    import { Mutex } from 'tierlock';
    const mutex = new Mutex();
    const guard = await mutex.lock();
    const waiting = mutex.lock({ timeout: 2 ** 40 });
    setImmediate(() => guard.release());
    (await waiting).release();
  `);
  assert.deepEqual([ended.code, ended.stderr], [0, ''], 'no TimeoutOverflowWarning');
});

test('one listener a signal, however many wait with it, and none when they are done', async () => {
  const mutex = new Mutex();
  const { signal } = new AbortController();
  const guard = await mutex.lock({ signal });
  assert.equal(getEventListeners(signal, 'abort').length, 0, 'a grant without waiting needs none');
  const waiting = Array.from({ length: 100 }, () => mutex.lock({ signal }));
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  guard.release();
  for (const wait of waiting) (await wait).release();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a signal shared by many ends exactly those who wait with it, in one go', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const ends: string[] = [];
  const wait = async (name: string, options?: { signal: AbortSignal }): Promise<void> => {
    try {
      (await mutex.lock(options)).release();
      ends.push(name);
    } catch (error) {
      ends.push(`${name}: ${String(error)}`);
    }
  };
  const { signal } = controller;
  const all = [wait('a', { signal }), wait('b'), wait('c', { signal }), wait('d'), wait('e', { signal })];
  controller.abort('stop');
  guard.release();
  await Promise.all(all);
  assert.deepEqual(ends.toSorted(), ['a: stop', 'b', 'c: stop', 'd', 'e: stop']);
  assert.equal(mutex.locked, false);
});

test('a signal still ends the other waits when one of them was granted, and later ones when all were', async () => {
  const [one, two] = [new Mutex(), new Mutex()];
  const controller = new AbortController();
  const { signal } = controller;
  const guard = await one.lock();
  await two.lock();
  const granted = one.lock({ signal });
  guard.release();
  await granted; // the signal's first listener has come and gone
  const other = two.lock({ signal });
  const again = one.lock({ signal });
  (await granted).release();
  await again;
  const waits = [other, one.lock({ signal })].map((wait) => wait.catch((reason: unknown) => reason));
  controller.abort('stop');
  assert.equal(await settled(Promise.all(waits)), true);
  assert.deepEqual(await Promise.all(waits), ['stop', 'stop']);
});

test('fifty thousand who time out are gone when the lock is released: the next grant is immediate', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const waits = Array.from({ length: 50_000 }, () => mutex.lock({ timeout: 1 }));
  const results = await Promise.allSettled(waits);
  assert.ok(results.every(({ status }) => status === 'rejected'));
  assert.ok(
    results.every((result) => result.status === 'rejected' && result.reason instanceof LockTimeoutError),
  );
  assert.equal(queueOf(mutex).length, 0, 'nobody is left for the release to walk over');
  const next = mutex.lock();
  guard.release();
  assert.equal((await next).held, true);
});

const used = {
  mutexes: () => {
    const lock = new Mutex();
    return () => lock.lock();
  },
  'reader-writer locks': () => {
    const lock = new RWLock();
    return () => lock.write();
  },
  semaphores: () => {
    const lock = new Semaphore(3);
    return () => lock.acquire(3);
  },
};

for (const [name, make] of Object.entries(used)) {
  test(`idle ${name} keep nothing of the waits they have seen`, async () => {
    const locks = Array.from({ length: 10_000 }, make);
    const kept: number[] = [];
    // The first rounds also pay for what the engine compiles; a leak would show in every one.
    for (let round = 0; round < 4; round++) {
      const before = heapUsed();
      for (const enter of locks) {
        const guard = await enter();
        const waiting = enter();
        guard.release();
        (await waiting).release();
      }
      kept.push((heapUsed() - before) / locks.length);
    }
    assert.ok(Math.min(...kept) < 8, `bytes kept per lock, by round: ${kept.join(', ')}`);
  });
}

test('waiters that were aborted or timed out are garbage', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const refs: WeakRef<object>[] = [];
  const waits: Promise<unknown>[] = [];
  const wait = (options: object): void => {
    const promise = mutex.lock(options);
    refs.push(new WeakRef(promise));
    waits.push(promise.catch(() => {}));
  };
  for (let i = 0; i < 50; i++) wait({ timeout: 1 });
  for (let i = 0; i < 50; i++) wait({ signal: controller.signal });
  controller.abort();
  await Promise.all(waits);
  waits.length = 0;
  await turn();
  collectGarbage();
  assert.equal(refs.filter((ref) => ref.deref() !== undefined).length, 0);
  guard.release();
});

test('the timer that all share does not keep what the first caller had in its AsyncLocalStorage', async () => {
  const mutex = new Mutex();
  await mutex.lock();
  const storage = new AsyncLocalStorage<object>();
  const callerWith = (store: object): WeakRef<object> => {
    storage.run(store, () => void mutex.lock({ timeout: 1 }).catch(() => {}));
    return new WeakRef(store);
  };
  const ref = callerWith({});
  const controller = new AbortController();
  const later = mutex.lock({ timeout: 3_600_000, signal: controller.signal });
  await assert.rejects(mutex.lock({ timeout: 20 }), LockTimeoutError);
  await turn();
  collectGarbage();
  assert.equal(ref.deref(), undefined);
  controller.abort('done');
  await assert.rejects(later, (reason) => reason === 'done');
});

test('no wait that fails causes an unhandled rejection beside the one promise', async () => {
  const ended = await runProgram(`
    import { Mutex, Condition } from 'tierlock';
    process.on('unhandledRejection', (reason) => { console.log('unhandled', reason); });
    const mutex = new Mutex();
    const condition = new Condition(mutex);
    const guard = await mutex.lock();
    // AbortSignal.timeout() keeps no program alive, and may come last.
    const alive = setInterval(() => {}, 1000);
    const waits = [
      mutex.lock({ timeout: 1 }),
      mutex.lock({ timeout: 0 }),
      mutex.lock({ timeout: -1 }),
      mutex.lock({ signal: AbortSignal.abort('x') }),
      mutex.lock({ signal: AbortSignal.timeout(1) }),
      mutex.run(() => { throw new Error('x'); }, { timeout: 1 }),
    ];
    console.log((await Promise.allSettled(waits)).filter((r) => r.status === 'rejected').length);
    clearInterval(alive);
    await condition.wait(guard, { timeout: 1 }).catch(() => console.log('caught'));
  `);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '6\ncaught\n', '']);
});

test('a full collection while nobody holds a lock throws no optimized code away', async () => {
  const ended = await runProgram(
    `
    import { Mutex } from 'tierlock';
    import { setTimeout } from 'node:timers/promises';
    const mutex = new Mutex();
    const loop = async (n) => {
      for (let i = 0; i < n; i++) (await mutex.lock()).release();
    };
    await loop(500_000);
    for (let round = 0; round < 6; round++) {
      await setTimeout(1);
      gc();
      await loop(100_000);
    }
  `,
    ['--expose-gc', '--trace-opt', '--trace-deopt'],
  );
  assert.match(ended.stdout, /completed optimizing/, 'there was something to throw away');
  // Only what stands on the way of a lock: Node throws some of its own code away as well.
  const thrownAway = /.*SharedFunctionInfo (loop|acquire|tryAcquire|newGuard|release|give)>.*weak objects.*/g;
  assert.deepEqual(ended.stdout.match(thrownAway) ?? [], []);
});
