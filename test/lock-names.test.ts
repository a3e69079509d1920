/** Names in use and names that have been: what they cost, what they leave, and views of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FairLocks,
  inspect,
  lock,
  lockSync,
  LockMisuseError,
  semaphore,
  Semaphores,
  tryLock,
  tryLockSync,
} from '../src/index.js';
import type { Hold } from '../src/index.js';
import { NamedQueue } from '../src/named.js';
import { locks, semaphores } from '../src/registry.js';
import { runProgram } from './support/child.js';
import { countNames, leftOver, newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';

const allClosed = (): Promise<unknown> =>
  waitUntil(() => locks.size === 0 && semaphores.size === 0 && countNames() === 0, {
    what: 'all names are closed',
  });

test('a million names that have been used leave nothing', async () => {
  for (let i = 0; i < 1_000_000; i++) lockSync(`n${i}`).release();
  assert.ok(locks.size <= 64);
  await allClosed();
});

test('names are locked and waited for while the last ones that were opened change all the time', async () => {
  const held = await lock('kept');
  const waits = [lock('kept'), lock('kept', { timeout: 60_000 })];
  const fails = lock('kept', { timeout: 5 });
  fails.catch(() => undefined);
  for (let i = 0; i < 1000; i++) {
    await (await lock(`other-${i}`)).release();
    if (i % 100 === 0) assert.equal(tryLockSync('kept'), null);
  }
  await assert.rejects(fails, { name: 'LockTimeoutError', lock: 'kept', message: /the lock 'kept'/ });
  await held.release();
  for (const wait of waits) await (await wait).release();
  await allClosed();
});

test('who gives up is told of his own name, although another one has its place by then', async () => {
  const holds = lockSync('gives-up');
  const wait = lock('gives-up', { timeout: 10 }).catch((error: unknown) => error);
  // Out of the ring, so that it closes as soon as it can.
  for (let i = 0; i < 100; i++) lockSync(`ring-${i}`).release();
  const queue = locks.find('gives-up');
  assert.ok(queue);
  queue.drop = (waiter, outcome): void => {
    NamedQueue.prototype.drop.call(queue, waiter, outcome);
    holds.release();
    for (let i = 0; i < 100 && queue.key === 'gives-up'; i++) lockSync(`next-${i}`).release();
  };
  const error = (await wait) as Error & { lock: string };
  Reflect.deleteProperty(queue, 'drop');
  assert.notEqual(queue.key, 'gives-up');
  assert.match(error.message, /^timed out after 10 ms waiting for the lock 'gives-up'/);
  assert.equal(error.lock, 'gives-up');
});

test('a hundred thousand names are held at once', async () => {
  const holds: Hold[] = [];
  for (let i = 0; i < 100_000; i++) holds.push(lockSync(`held-${i}`));
  assert.equal(countNames(), 100_000);
  assert.equal(tryLockSync('held-77777'), null);
  assert.ok(holds.every((hold) => hold.release()));
  await allClosed();
});

// The runner looks at every promise, which takes longer than the locks do.
const many = process.env['TIERLOCK_TEST'] === 'full' ? 100_000 : 10_000;

test(`${many} tasks wait for one name`, async () => {
  const holder = await lock('crowd');
  let count = 0;
  const all = Array.from({ length: many }, () => lock('crowd', () => void count++));
  assert.equal((await inspect('crowd'))[0]?.waiting, many);
  await holder.release();
  await Promise.all(all);
  assert.equal(count, many);
  assert.deepEqual(await leftOver(), []);
});

test('FairLocks gives one object, which is the lock of that name', async () => {
  const view = FairLocks.get('view');
  assert.equal(FairLocks.get('view'), view);
  const guard = await view.write();
  assert.equal(await tryLock('view'), null);
  const { wait } = await mustBlock(lock('view', { external: true, lockPath: newFolder() }));
  assert.equal(view.waitingWriters, 1);
  guard.release();
  const next = await wait;
  assert.equal(view.tryRead(), null);
  assert.equal(view.writer, true);
  await next.release();
  const [one, two] = [view.readSync(), await view.read()];
  assert.equal(view.readers, 2);
  assert.equal(await tryLock('view'), null);
  assert.equal((await tryLock('view', { shared: true }))?.held, true);
  one.release();
  two.release();
  assert.throws(() => view.handle, LockMisuseError);
  assert.throws(() => FairLocks.get(''), TypeError);
});

test('Semaphores gives one object, which is the semaphore of that name', async () => {
  const view = Semaphores.get('count', 3);
  assert.equal(Semaphores.get('count', 3), view);
  using two = await view.acquire(2);
  assert.equal(two.held, true);
  assert.equal(await semaphore('count', 3).tryAcquire(2), null);
  assert.throws(() => Semaphores.get('count', 4), { name: 'LockMisuseError', message: /3 permits.*4/ });
  await assert.rejects(semaphore('count', 4).acquire(), LockMisuseError);
  const waits = semaphore('count', 3).acquire(3);
  await mustBlock(waits);
  assert.equal(view.tryAcquire(), null);
  two.release();
  await (await waits).release();
  assert.equal(view.available, 3);
});

test('a semaphore checks what it is asked for, and keeps nothing that nobody holds', async () => {
  for (const permits of [0, -1, 1.5, NaN, 2 ** 29]) assert.throws(() => semaphore('s', permits), RangeError);
  assert.throws(() => semaphore('s', '1' as unknown as number), TypeError);
  assert.throws(() => semaphore('', 1), TypeError);
  assert.throws(() => semaphore('s', 1, { unknown: 1 } as object), /unknown option 'unknown'/);
  assert.throws(() => semaphore('s', 1, { external: 1 } as object), {
    name: 'TypeError',
    message: /'external'/,
  });
  assert.throws(() => semaphore('s', 1, { external: true } as never), { name: 'LockUnsupportedError' });
  await assert.rejects(semaphore('s', 2).acquire(3), RangeError);
  await assert.rejects(semaphore('s', 2).acquire(1, { timeuot: 1 } as object), TypeError);
  const permit = await semaphore('s', 2).acquire(2);
  await assert.rejects(semaphore('s', 2).acquire(1, { timeout: 5 }), { name: 'LockTimeoutError', lock: 's' });
  assert.throws(() => semaphore('s', 2).acquireSync(), { name: 'LockDeadlockError' });
  assert.ok((await tryLock('s'))?.held, 'a lock of that name is another thing');
  await permit.release();
  await (await semaphore('s', 3).acquire(3)).release();
});

test('views that nobody has any more go away, and close their names', async () => {
  const { stdout, stderr } = await runProgram(
    `
    import { FairLocks, Semaphores, lock } from 'tierlock';
    import { setTimeout as sleep } from 'node:timers/promises';
    for (let i = 0; i < 1000; i++) {
      FairLocks.get('l' + i).writeSync().release();
      Semaphores.get('s' + i, 2).acquireSync().release();
    }
    const kept = FairLocks.get('kept');
    for (let i = 0; i < 100 && FairLocks.size + Semaphores.size > 1; i++) { globalThis.gc(); await sleep(10); }
    console.log(FairLocks.size, Semaphores.size, kept === FairLocks.get('kept'));
  `,
    ['--expose-gc'],
  );
  assert.deepEqual([stdout, stderr], ['1 0 true\n', '']);
});
