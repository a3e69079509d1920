/** A lease that is renewed by hand: for longer, for shorter, in vain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockBackendError, LockLostError, LockMisuseError } from '../src/errors.js';
import { memory } from '../src/backends/memory.js';
import type { Lease } from '../src/lease.js';
import { heapAtRest } from './support/heap.js';
import { fails, late, mute, passes, ScriptedStore, silent, take } from './support/scripted.js';
import { Time } from './support/time.js';

/** How long it still is until it is lost, if nothing more is answered. */
async function rest(lease: Lease, store: ScriptedStore, time: Time): Promise<number> {
  store.always('renew', silent);
  const start = time.now;
  const lost = new Promise<void>((resolve) => (lease.onLost = () => resolve()));
  await time.until(lost);
  return time.now - start;
}

test('for longer: it lasts so long from the moment when it was asked', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(100));
  const lease = await take(store, { renew: false });
  await time.pass(2000);
  const renewing = lease.renew(10_000);
  assert.equal(await time.until(renewing), 100);
  await renewing;
  assert.equal(await rest(lease, store, time), 10_000 - 1000 - 100);
});

test('without a time: as long as before', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store, { renew: false });
  await time.pass(2000);
  await lease.renew();
  assert.equal(await rest(lease, store, time), 2700);
});

test('for shorter: it lasts no longer from the moment when it is asked, answered or not', async (t) => {
  const time = new Time(t);
  for (const way of [passes, silent, mute, fails]) {
    const store = new ScriptedStore().next('renew', way);
    const lease = await take(store, { ttl: 20_000 });
    void lease.renew(1000).catch(() => undefined);
    assert.equal(await rest(lease, store, time), 750);
    await lease.release();
  }
});

test('a shorter one that nobody answers counts against an older one that is answered later', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(500), mute);
  const lease = await take(store, { ttl: 20_000, renew: false });
  const long = lease.renew(20_000);
  void lease.renew(2000).catch(() => undefined);
  await time.until(long);
  assert.equal(await rest(lease, store, time), 2000 - 250 - 500);
});

test('it is renewed in the new rhythm from then on', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store);
  const start = time.now;
  await lease.renew(900);
  await time.pass(1000);
  assert.deepEqual(
    store.all('renew').map(({ at, ttl }) => [at - start, ttl]),
    [
      [0, 900],
      [300, 900],
      [600, 900],
      [900, 900],
    ],
  );
  await lease.release();
});

test('and not sooner, although it would have ended sooner', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store);
  const start = time.now;
  await lease.renew(30_000);
  await time.pass(10_500);
  assert.deepEqual(
    store.all('renew').map(({ at }) => at - start),
    [0, 10_000],
  );
  await lease.release();
});

test('however often it is renewed, nothing of that is kept', async () => {
  const lease = await take(memory('renewed often'));
  const before = await heapAtRest();
  for (let i = 0; i < 50_000; i++) await lease.renew();
  const grown = (await heapAtRest()) - before;
  assert.ok(grown < 2_000_000, `${grown} bytes`);
  assert.equal(await lease.release(), true);
});

test('what is not confirmed is a LockBackendError, and the lease is ours for as long as it says', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', fails);
  const lease = await take(store, { renew: false });
  await time.pass(700);
  await assert.rejects(lease.renew(), (error: Error) => {
    assert.ok(error instanceof LockBackendError);
    assert.match(
      error.message,
      /the lock 'x' could not be renewed: scripted has not confirmed it.*2000 ms more/,
    );
    assert.match((error.cause as Error).message, /connection refused/);
    return true;
  });
  assert.equal(lease.look(), true);
  await lease.renew();
  assert.equal(lease.state, 'Held');
});

test('on a silent store it settles when the lease is lost, and says so', async (t) => {
  const time = new Time(t);
  for (const ttl of [1000, 30_000]) {
    const lease = await take(new ScriptedStore().always('renew', silent), { renew: false });
    const renewing = lease.renew(ttl);
    const failure = assert.rejects(renewing, LockLostError);
    assert.equal(await time.until(renewing), ttl === 1000 ? 750 : 2700);
    await failure;
  }
});

test('what the store does not know any more is lost at once', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store);
  await store.inner.break?.('lock:x');
  await assert.rejects(lease.renew(5000), {
    name: 'LockLostError',
    message: /its record is gone/,
    lock: 'x',
  });
  assert.equal(lease.look(), false);
  await assert.rejects(lease.renew(5000), (error: LockLostError) => error.cause instanceof LockLostError);
  assert.equal(store.count('renew'), 1, 'what is lost is not asked for');
  await time.pass(0);
});

test('a confirmed renewal is a success, although another one is on its way', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(1500)).always('renew', silent);
  const lease = await take(store);
  const renewing = lease.renew(3000);
  assert.equal(await time.until(renewing), 1500);
  await renewing;
  assert.equal(store.count('renew'), 2);
});

test('two at a time are both true', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(200), late(100));
  const lease = await take(store, { renew: false });
  const first = lease.renew(5000);
  await time.pass(1);
  const both = Promise.all([first, lease.renew(9000)]);
  await time.until(both);
  await both;
  // The second one was answered first, and was the last word.
  assert.equal(await rest(lease, store, time), 8100 - 199);
});

test('what was released, before or meanwhile, cannot be renewed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(500));
  const lease = await take(store);
  const renewing = lease.renew();
  const failure = assert.rejects(renewing, LockMisuseError);
  assert.equal(await lease.release(), true);
  await time.until(renewing);
  await failure;
  await assert.rejects(lease.renew(), { name: 'LockMisuseError', message: /was released/ });
});
