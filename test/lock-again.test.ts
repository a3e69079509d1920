/** Who is let in again under a lock in a store: by context, by guard, by owner; and never under one that is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lock, LockDeadlockError, LockLostError, LockMisuseError, lockSync, tryLock } from '../src/index.js';
import { leftOver, newFolder } from './support/locks.js';
import { fails, rival, ScriptedStore, silent } from './support/scripted.js';
import { mustBlock, turn } from '../src/testing/settled.js';
import { Time } from './support/time.js';

const lockPath = newFolder();

test('who is let in again shares the token, costs the store nothing, and the last one gives it back', async () => {
  const store = new ScriptedStore();
  const distributed = store;
  let left: (() => void) | undefined;
  const work = lock('x', { distributed }, async (outer) => {
    await lock('x', { distributed, reentrant: true }, (inner) => {
      assert.equal(inner.token, outer.token);
      assert.equal(inner.mode, 'exclusive');
    });
    const shown = await lock('x', { distributed, within: outer });
    assert.equal(shown.token, outer.token);
    left = () => void shown.release();
  });
  await work;
  assert.equal(store.count('tryAcquire'), 1);
  assert.equal(await rival(store), null, 'one part of it is still held');
  left?.();
  await turn();
  assert.ok(await rival(store));
  assert.equal(store.count('release'), 1);
  assert.deepEqual(await leftOver(), []);
});

test('inside of a lock in a store, to wait for it is an error at once, and costs nothing', async () => {
  const distributed = new ScriptedStore();
  await lock('x', { distributed }, async () => {
    await assert.rejects(lock('x', { distributed }), LockDeadlockError);
    assert.equal(await tryLock('x', { distributed }), null);
  });
  assert.equal(distributed.count('tryAcquire'), 1);
});

test('a lock that is not in that store lets nobody in who wants the store', async () => {
  const distributed = new ScriptedStore();
  const elsewhere = { distributed: new ScriptedStore() };
  const file = { external: true, lockPath } as const;
  for (const [held, asked] of [
    [{}, { distributed }],
    [{}, { distributed, onBackendDown: 'lower' }],
    [file, { distributed }],
    [elsewhere, { distributed }],
    [{ distributed }, { ...file }],
    [{ distributed }, { ...file, distributed }],
  ] as const) {
    await lock('x', held, async (guard) => {
      await assert.rejects(lock('x', { ...asked, reentrant: true }), LockMisuseError);
      await assert.rejects(lock('x', { ...asked, within: guard }), LockMisuseError);
    });
  }
  await lock('x', { ...file, distributed }, async (guard) => {
    for (const less of [{}, file, { distributed }, { ...file, distributed }])
      assert.equal(await (await lock('x', { ...less, within: guard })).release(), true);
    lockSync('x', { reentrant: true }).release();
  });
  assert.deepEqual(await leftOver(), []);
});

test('a lost lock lets nobody in again: not by context, not by guard, not by owner', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const options = { distributed: store, ttl: 1000, owner: 'me' };
  const running = lock('x', options, async (guard) => {
    const part = await lock('x', { ...options, reentrant: true });
    time.block(900);
    for (const how of [{ reentrant: true }, { within: guard }, { within: part }, {}])
      await assert.rejects(lock('x', { ...options, ...how }), LockLostError);
    assert.deepEqual([guard.held, part.held, part.signal.aborted], [false, false, true]);
    assert.equal(await part.release(), false);
  });
  const lost = assert.rejects(running, LockLostError);
  await time.until(running);
  await lost;
  await turn();
  assert.deepEqual(await leftOver(), []);
});

test('a loss is told to all parts, whichever was released before', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const options = { distributed: store, ttl: 1000 };
  const whole = await lock('x', options);
  const part = await lock('x', { ...options, within: whole });
  const other = await lock('x', { ...options, within: part, shared: true });
  assert.equal(await whole.release(), true);
  await time.pass(750);
  assert.deepEqual(
    [part.held, other.held, part.signal.aborted, other.signal.aborted],
    [false, false, true, true],
  );
  assert.deepEqual([await part.release(), await other.release()], [false, false]);
  await time.pass(1000);
  assert.deepEqual([await store.holders(), await leftOver()], [[], []]);
});

test('the same owner is let in beside himself, as long as any of his guards lives', async () => {
  const distributed = new ScriptedStore();
  const first = await lock('x', { distributed, owner: 'me' });
  const second = await lock('x', { distributed, owner: 'me' });
  const { wait: other } = await mustBlock(lock('x', { distributed, owner: 'you' }));
  await first.release();
  const third = await lock('x', { distributed, owner: 'me' });
  assert.deepEqual([second.token, third.token], [first.token, first.token]);
  assert.equal(distributed.count('tryAcquire'), 1);
  await second.release();
  assert.equal(await third.release(), true);
  await (await other).release();
  assert.deepEqual(await leftOver(), []);
});

test('owners of other hosts count in the store', async () => {
  const distributed = new ScriptedStore();
  const there = await rival(distributed, { owner: 'me' });
  assert.equal(await tryLock('x', { distributed, owner: 'you' }), null);
  const guard = await lock('x', { distributed, owner: 'me' });
  assert.equal(guard.token >> 10n, there?.token);
  await there?.release();
  assert.equal(await rival(distributed), null);
  await guard.release();
});

test('of readers with owners, those who wait are passed by nobody else', async () => {
  const { inner } = new ScriptedStore();
  const request = { key: 'k', units: 1, permits: 1, ttl: 5000, fifo: false } as const;
  const { signal } = new AbortController();
  const ask = (id: string, shared: boolean, owner: string | undefined): ReturnType<typeof inner.tryAcquire> =>
    inner.tryAcquire({ ...request, id, shared, owner, signal, waits: true });
  const first = await ask('1', true, 'me');
  assert.equal(await ask('2', false, undefined), null);
  assert.equal(await ask('3', true, 'you'), null, 'a writer waits');
  const again = await ask('4', true, 'me');
  assert.equal(again?.token, first?.token);
});

test('under a degraded lock, who insists on the store is not let in', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('all', fails);
  const lower = { distributed: store, onBackendDown: 'lower' } as const;
  const asking = lock('x', lower);
  await time.until(asking);
  const guard = await asking;
  const inner = await lock('x', { ...lower, within: guard });
  assert.equal(inner.degraded, true);
  assert.equal(inner.held, true);
  await assert.rejects(lock('x', { distributed: store, within: guard }), LockMisuseError);
  await assert.rejects(lock('x', { ...lower, external: true, lockPath, within: guard }), LockMisuseError);
  await inner.release();
  assert.equal(await guard.release(), true);
  assert.deepEqual(await leftOver(), []);
});

test('minHold of who is let in again makes the record last, renewed or not', async (t) => {
  const time = new Time(t);
  for (const renew of [true, false]) {
    const store = new ScriptedStore();
    const options = { distributed: store, ttl: 1000, renew };
    const guard = await lock('x', options);
    const inner = await lock('x', { ...options, within: guard, minHold: 5000 });
    await turn();
    assert.equal(store.all('renew')[0]?.ttl, 5000);
    await inner.release();
    await guard.release();
    await time.pass(4999);
    assert.equal(await rival(store), null);
    await time.pass(1);
    assert.ok(await rival(store));
  }
});

test('maxHold of who is let in again ends the lease for all, as it is one', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const options = { distributed: store, ttl: 1000 };
  const guard = await lock('x', options);
  const inner = await lock('x', { ...options, within: guard, maxHold: 100 });
  await time.pass(100);
  assert.deepEqual([inner.signal.aborted, guard.signal.aborted], [true, false]);
  await time.pass(1000);
  assert.deepEqual([inner.held, guard.held, guard.signal.aborted], [false, false, true]);
  await inner.release();
  assert.equal(await guard.release(), false);
});
