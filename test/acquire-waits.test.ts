/** How one who waits for a store learns that it may be worth while to ask again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendRequest } from '../src/backend.js';
import { ask, commands, fails, passes, rival, ScriptedStore, silent, slow } from './support/scripted.js';
import { Time } from './support/time.js';

test('a wait subscribes, asks again because it may have changed, and then only when it has', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  const start = time.now;
  const waits = ask(store, {}, Infinity);
  await time.pass(2000);
  assert.deepEqual(commands(store), ['tryAcquire', 'watch', 'tryAcquire']);
  await there?.release();
  await time.pass(1);
  const lease = await waits;
  assert.ok(lease);
  assert.equal(time.now - start, 2001);
  assert.deepEqual(commands(store), ['tryAcquire', 'watch', 'tryAcquire', 'tryAcquire']);
  const [first, ...others] = store.all('tryAcquire');
  assert.ok(
    others.every(({ id }) => id === first?.id),
    'all under one id',
  );
  await lease.release();
});

test('what changes between the first try and the subscription is not missed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  store.next('watch', async (perform) => {
    await there?.release();
    return perform();
  });
  assert.equal(await time.until(ask(store, {}, Infinity)), 0);
});

test('where changes may be missed it asks every some seconds all the same', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('changed', silent);
  await rival(store, { ttl: 20_000 });
  const waited = await time.until(ask(store, {}, Infinity));
  assert.ok(waited >= 20_000 && waited < 27_600, `${waited}`);
  const tries = store.all('tryAcquire').map(({ at }) => at);
  assert.ok(tries.length >= 4 && tries.length <= 14, `${tries.length}`);
  const pauses = new Set(tries.slice(2).map((at, i) => at - (tries[i + 1] ?? 0)));
  assert.ok(pauses.size > 1, 'with jitter');
});

test('a store that tells of no changes is asked every 50 ms or so', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore({ without: ['watch'] });
  const there = await rival(store, { ttl: 60_000 });
  const waits = ask(store, {}, Infinity);
  await time.pass(5000);
  const tries = store.all('tryAcquire').map(({ at }) => at);
  assert.ok(tries.length > 75 && tries.length < 140, `${tries.length}`);
  const pauses = new Set(tries.slice(1).map((at, i) => at - (tries[i] ?? 0)));
  assert.ok(pauses.size > 10, 'with jitter');
  await there?.release();
  assert.ok((await time.until(waits)) <= 76);
});

test('a subscription that fails, or is silent, keeps nobody from trying', async (t) => {
  const time = new Time(t);
  for (const way of [fails, silent]) {
    const store = new ScriptedStore().always('watch', way);
    await rival(store, { ttl: 3000 });
    const waited = await time.until(ask(store, {}, Infinity));
    assert.ok(waited >= 3000 && waited <= (way === fails ? 3200 : 4100), `${waited}`);
  }
});

test('a subscription that fails keeps nobody beyond his time', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('watch', fails);
  await rival(store, { ttl: 60_000 });
  assert.equal(await time.until(ask(store, {}, 10)), 10);
});

test('a subscription is closed when it is over, and one that comes too late, too', async (t) => {
  const time = new Time(t);
  for (const way of [passes, slow(5000)]) {
    const store = new ScriptedStore().next('watch', way).always('watch', silent);
    const there = await rival(store, { ttl: 60_000 });
    assert.equal(await time.until(ask(store, {}, 3000)), 3000);
    await time.pass(5000);
    assert.equal(store.open, 0);
    const waits = ask(store.always('watch', passes), {}, Infinity);
    await time.pass(100);
    assert.equal(store.open, 1);
    await there?.release();
    await time.until(waits);
    assert.equal(store.open, 0);
  }
});

test('one wait for a change at a time, and one try after each', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  const waits = ask(store, {}, 40_000);
  await time.pass(5);
  // Something happens, and it is still taken.
  assert.equal(await rival(store, { waits: true, id: 'one more' }), null);
  await store.inner.forget?.({ ...(store.requests[0] as BackendRequest), id: 'one more' });
  await time.pass(100);
  assert.equal(store.count('tryAcquire'), 3);
  assert.equal(store.count('changed'), 2);
  await time.pass(20_000);
  assert.equal(store.count('changed'), 2, 'it is waited for still, not asked for again');
  assert.ok(store.count('tryAcquire') <= 3 + 8);
  await there?.release();
  await time.until(waits);
  assert.ok(await waits);
});
