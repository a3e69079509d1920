/** How long a hold lasts, several at once, and the end of a program. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  lock,
  lockAll,
  LockLostError,
  lockSync,
  LockTimeoutError,
  releaseAll,
  semaphore,
  tryLock,
  tryLockSync,
} from '../src/index.js';
import { locks } from '../src/registry.js';
import { runProgram } from './support/child.js';
import { leftOver, newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/locks.js', import.meta.url);
const lockPath = newFolder();
const external = { external: true, lockPath } as const;
const MONTH = 31 * 24 * 3600 * 1000;

test('minHold: the name stays taken for so long, whenever it is released, in all tiers', async () => {
  await using taker = await spawnTaker(module);
  const before = performance.now();
  const guard = await lock('min', { ...external, minHold: 300 });
  assert.equal(await guard.release(), true);
  assert.equal(guard.held, false);
  assert.equal(await tryLock('min'), null);
  assert.equal(await taker.take({ name: 'min', how: 'try', ...external }).acquired, null);
  await (await lock('min')).release();
  assert.ok(performance.now() - before >= 299);
  assert.ok(await taker.take({ name: 'min', how: 'try', ...external }).acquired);
  // Who holds it for longer than that releases it at once.
  const long = await lock('min-2', { minHold: 5 });
  await sleep(10);
  await long.release();
  assert.ok(tryLockSync('min-2')?.release());
  assert.deepEqual(await leftOver(), []);
});

test('minHold of a climb that fails, or of several names of which one cannot be had, binds nobody', async () => {
  const holder = await lock('z');
  await assert.rejects(lockAll(['a', 'z'], { minHold: MONTH, timeout: 5 }), LockTimeoutError);
  await (await lock('a', { timeout: 0 })).release();
  await holder.release();
});

test('maxHold: the signal tells, and the lock stays ours until it is released', async () => {
  const guard = await lock('max', { maxHold: 10 });
  assert.equal(guard.signal.aborted, false);
  await waitUntil(() => guard.signal.aborted, { what: 'the signal tells' });
  assert.ok(guard.signal.reason instanceof LockLostError);
  assert.match(
    guard.signal.reason.message,
    /the lock 'max' has been held for longer than its 'maxHold', 10 ms/,
  );
  assert.equal(guard.held, true);
  assert.equal(await tryLock('max'), null);
  assert.equal(await guard.release(), true);
  // Asked for later it tells all the same; and of one that was released in time it never does.
  const late = lockSync('max', { maxHold: 1 });
  await sleep(10);
  assert.equal(late.signal.aborted, true);
  late.release();
  const early = lockSync('max', { maxHold: 1 });
  early.release();
  await sleep(10);
  assert.equal(early.signal.aborted, false);
});

test('times that no timer takes are as long as they say', async () => {
  const warnings: string[] = [];
  const warn = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', warn);
  const guard = await lock('long', { maxHold: MONTH });
  const hold = lockSync('long-min', { minHold: MONTH });
  assert.equal(tryLockSync('long-min'), null);
  const all = releaseAll({ timeout: MONTH });
  await sleep(20);
  assert.equal(guard.signal.aborted, false);
  assert.equal(guard.held, true);
  await guard.release();
  hold.takeBack();
  assert.equal(await all, 0);
  process.off('warning', warn);
  assert.deepEqual(warnings, []);
  assert.deepEqual(await leftOver(), []);
});

test('timers of locks keep no process alive, but for the promise of minHold', async () => {
  const { code, stdout } = await runProgram(`
    import { lock, lockSync } from 'tierlock';
    const guard = await lock('a', { maxHold: 60_000 });
    for (let i = 0; i < 100; i++) lockSync('n' + i).release();
    (await lock('b', { minHold: 50 })).release();
    process.on('exit', () => console.log('end', performance.now() > 50));
  `);
  assert.deepEqual([code, stdout], [0, 'end true\n']);
});

test('lockAll takes all or nothing, in one order, each name once', async () => {
  const group = await lockAll(['b', 'a', 'b', 'c'], external);
  assert.deepEqual(
    group.all.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.equal(group.held, true);
  group.assertHeld();
  assert.equal(await tryLock('c'), null);
  await group.all[1]?.release();
  assert.equal(group.held, false);
  assert.throws(() => group.assertHeld(), { lock: "the lock 'b'" });
  assert.equal(await group.release(), true);
  assert.equal((await lockAll([])).held, true);
  assert.deepEqual(await leftOver(), []);
});

test('lockAll: what cannot be had gives the others back, and the time is one for all', async () => {
  const holder = await lock('y');
  const before = performance.now();
  const all = Array.from({ length: 5 }, () =>
    lockAll(['x', 'y'], { timeout: 30 }).catch((error: unknown) => error),
  );
  for (const error of await Promise.all(all)) assert.ok(error instanceof LockTimeoutError);
  assert.ok(performance.now() - before < 5000);
  await (await lock('x', { timeout: 0 })).release();
  const control = new AbortController();
  const { wait } = await mustBlock(lockAll(['x', 'y', 'z'], { signal: control.signal }));
  control.abort();
  await assert.rejects(wait, { name: 'AbortError' });
  for (const name of ['x', 'z']) await (await lock(name, { timeout: 0 })).release();
  await holder.release();
  for (const names of ['x', undefined, [1], ['']])
    await assert.rejects(lockAll(names as string[]), TypeError);
  await assert.rejects(lockAll(['x', ''], {}), TypeError);
  assert.deepEqual(await leftOver(), []);
});

test('many who want some of the same names never wait for each other in a circle', async () => {
  const names = ['p', 'q', 'r', 's'];
  let inside = 0;
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      await using group = await lockAll([names[i % 4] ?? '', names[(i * 3 + 1) % 4] ?? ''], {
        timeout: 10_000,
      });
      assert.ok(group.held);
      inside++;
      if (i % 5 === 0) await sleep(0);
    }),
  );
  assert.equal(inside, 50);
});

test('releaseAll waits for those who hold, and takes the rest away', async () => {
  assert.equal(await releaseAll(), 0);
  const guard = await lock('first', external);
  const permit = await semaphore('permits', 2).acquire();
  const inside = lock('second', async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return 42;
  });
  const early = lockSync('early');
  const { signal } = guard;
  const both = [releaseAll({ timeout: 60 }), releaseAll({ timeout: 60 })];
  early.release();
  assert.deepEqual(await Promise.all(both), [3, 0]);
  assert.ok(signal.aborted && signal.reason instanceof LockLostError);
  assert.match(signal.reason.message, /the lock 'first' was taken away by releaseAll\(\), after 60 ms/);
  assert.match(String(permit.signal.reason), /the semaphore 'permits'/);
  assert.equal(guard.held, false);
  assert.throws(() => guard.assertHeld(), LockLostError);
  assert.equal(await guard.release(), false);
  assert.equal(await guard.release(), false);
  await assert.rejects(guard[Symbol.asyncDispose](), LockLostError);
  await assert.rejects(inside, (error) => error instanceof LockLostError && error.result === 42);
  assert.deepEqual(await leftOver(), []);
});

test('releaseAll ends as soon as nobody holds anything, however often it was called', async () => {
  const guard = await lock('soon');
  const all = [
    releaseAll({ timeout: Infinity }),
    releaseAll({ timeout: 60_000 }),
    releaseAll({ timeout: Infinity }),
  ];
  for (const wait of all) await mustBlock(wait);
  await guard.release();
  assert.deepEqual(await Promise.all(all), [0, 0, 0]);
  await assert.rejects(releaseAll({ timeuot: 1 } as object), /unknown option 'timeuot'/);
});

test('what the function throws comes first, the loss is its cause', async () => {
  const failure = new Error('mine');
  const frozen = Object.freeze(new Error('frozen'));
  for (const error of [failure, frozen]) {
    await assert.rejects(
      lock('blame', async () => {
        await releaseAll();
        throw error;
      }),
      (thrown) => thrown === error,
    );
  }
  assert.ok(failure.cause instanceof LockLostError);
});

test('a hold that is lost while it waits for nobody frees its name once', async () => {
  const guard = await lock('once', external);
  const [a, b] = [lock('once', external), lock('once', external)];
  await releaseAll();
  const first = await a;
  assert.equal(await guard.release(), false);
  await mustBlock(b);
  assert.equal(locks.find('once')?.length, 1);
  await first.release();
  await (await b).release();
  assert.deepEqual(await leftOver(), []);
});
