import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockTimeoutError, Semaphore } from '../src/index.js';
import { mustBlock, turn } from '../src/testing/settled.js';

test('as many enter as there are permits', async () => {
  const semaphore = new Semaphore(3);
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      await using guard = await semaphore.acquire();
      assert.equal(guard.held, true);
      most = Math.max(most, ++inside);
      await turn();
      inside--;
    }),
  );
  assert.equal(most, 3);
  assert.equal(semaphore.available, 3);
});

test('permits have weight, and a guard gives back all of its own', async () => {
  const semaphore = new Semaphore(10);
  const seven = await semaphore.acquire(7);
  assert.equal(semaphore.available, 3);
  assert.equal(seven.mode, 'shared');
  const { wait } = await mustBlock(semaphore.acquire(4));
  seven.release();
  await wait;
  assert.equal(semaphore.available, 6);
});

test('small requests do not pass a large one for ever', async () => {
  const semaphore = new Semaphore(4);
  const one = await semaphore.acquire(1);
  const large = semaphore.acquire(4);
  const { wait: small } = await mustBlock(semaphore.acquire(1));
  assert.equal(semaphore.tryAcquire(1), null, 'three are free, but somebody stands before us');
  one.release();
  const all = await large;
  await mustBlock(small);
  all.release();
  (await small).release();
  assert.equal(semaphore.available, 4);
});

test('one release serves all who now fit', async () => {
  const semaphore = new Semaphore(6);
  const six = await semaphore.acquire(6);
  const waiting = Promise.all([semaphore.acquire(1), semaphore.acquire(2), semaphore.acquire(3)]);
  six.release();
  assert.equal((await waiting).length, 3);
  assert.equal(semaphore.available, 0);
});

test('when the large request at the head gives up, those behind it who fit go on at once', async () => {
  const semaphore = new Semaphore(4);
  await semaphore.acquire(2);
  const controller = new AbortController();
  const large = semaphore.acquire(4, { signal: controller.signal });
  const { wait: small } = await mustBlock(Promise.all([semaphore.acquire(1), semaphore.acquire(1)]));
  controller.abort('never mind');
  await assert.rejects(large, (reason) => reason === 'never mind');
  await small;
  assert.equal(semaphore.available, 0);
});

test('a time-out says how many were free and leaves the rest in order', async () => {
  const semaphore = new Semaphore(4);
  await semaphore.acquire(3);
  await assert.rejects(semaphore.acquire(2, { timeout: 5 }), {
    name: LockTimeoutError.name,
    message: 'timed out after 5 ms waiting for the semaphore of 4 (3 held; others waiting: 0)',
  });
  assert.equal(semaphore.available, 1);
});

test('a hundred million permits cost what one does: nothing is kept for each', () => {
  const semaphore = new Semaphore(100_000_000);
  const guards = Array.from({ length: 100 }, () => semaphore.tryAcquire(1_000_000));
  assert.equal(semaphore.available, 0);
  for (const guard of guards) guard?.release();
  assert.equal(semaphore.available, 100_000_000);
});

test('run holds one permit, or as many as asked for, while fn runs', async () => {
  const semaphore = new Semaphore(2);
  assert.equal(await semaphore.run(() => semaphore.available), 1);
  assert.equal(await semaphore.run(() => semaphore.available, 2), 0);
  await assert.rejects(
    semaphore.run(() => {
      throw new Error('inside');
    }),
    { message: 'inside' },
  );
  assert.equal(semaphore.available, 2);
});
