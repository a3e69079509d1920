/** A lease is renewed in time, and lost in time, whatever the store says or does not say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setClock } from '../src/clock.js';
import type { LockLostError } from '../src/errors.js';
import type { Lease } from '../src/lease.js';
import {
  cut,
  fails,
  late,
  mute,
  passes,
  rival,
  ScriptedStore,
  silent,
  slow,
  take,
} from './support/scripted.js';
import { Time } from './support/time.js';

// With a ttl of 3000 ms: the margin is 300 ms, and a renewal is due every 1000 ms.
const DEADLINE = 2700;

/** When it is told of its loss, and why. */
function watched(lease: Lease, time: Time): { at: number | undefined; loss: LockLostError | undefined } {
  const told: ReturnType<typeof watched> = { at: undefined, loss: undefined };
  const start = time.now;
  lease.onLost = (loss) => {
    assert.equal(told.at, undefined, 'it is told once');
    told.at = time.now - start;
    told.loss = loss;
  };
  return told;
}

const sendTimes = (store: ScriptedStore, start: number): number[] =>
  store.all('renew').map(({ at }) => at - start);

test('it is renewed after each third of its ttl, for as long as it is held', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const start = time.now;
  const lease = await take(store);
  await time.pass(9500);
  assert.deepEqual(sendTimes(store, start), [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
  assert.ok(store.all('renew').every(({ ttl }) => ttl === 3000));
  assert.equal(lease.state, 'Held');
  assert.equal(lease.left, 9000 + DEADLINE - 9500);
  assert.equal(await lease.release(), true);
  await time.pass(5000);
  assert.equal(store.count('renew'), 9, 'and not afterwards');
});

test('what it costs does not grow with the time that it is held', async (t) => {
  const time = new Time(t);
  const lease = await take(new ScriptedStore());
  let looks = 0;
  setClock(() => (looks++, time.now));
  await time.pass(10_000);
  const first = looks;
  await time.pass(50_000);
  assert.ok(looks - first <= 5 * first, `${looks} after ${first}`);
  await lease.release();
});

test('all counts from when it was asked for, however long the answer took', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', late(200)).always('renew', silent);
  const start = time.now;
  const taking = take(store, { minHold: 5000 });
  await time.until(taking);
  const lease = await taking;
  const told = watched(lease, time);
  await time.pass(6000 - 200);
  assert.deepEqual(sendTimes(store, start), [1000, 2000, 3000, 4000]);
  assert.equal(told.at, 5000 - 300 - 200);
  assert.match(told.loss?.message ?? '', /confirmed for 4700 ms/);
  assert.deepEqual(
    store.all('release').map(({ at }) => at - start),
    [5000],
  );
});

test('a silent store: it is lost at the deadline to the ms, and nobody has to answer', async (t) => {
  const time = new Time(t);
  for (const way of [silent, mute, fails, cut]) {
    const store = new ScriptedStore().next('renew', passes, passes).always('renew', way);
    const lease = await take(store);
    const told = watched(lease, time);
    await time.pass(2000 + DEADLINE - 1);
    assert.equal(lease.look(), true);
    assert.equal(told.at, undefined);
    await time.pass(1);
    // The last renewal that was confirmed was sent at 2000.
    assert.equal(told.at, 2000 + DEADLINE);
    assert.equal(lease.state, 'Lost');
    assert.equal(lease.look(), false);
    assert.equal(lease.left, 0);
    assert.match(told.loss?.message ?? '', /the lock 'x' was lost in scripted.*2700 ms.*ttl is 3000 ms/);
    const cause = way === fails ? /connection refused/ : way === cut ? /connection reset/ : /^undefined$/;
    assert.match(String(told.loss?.cause), cause);
    assert.equal('cause' in (told.loss ?? {}), way === fails || way === cut);
    assert.equal(await lease.release(), false);
  }
});

test('the margin is a tenth of the ttl, and a quarter of a second at least; the lock delay is no part of it', async (t) => {
  const time = new Time(t);
  for (const [ttl, deadline] of [
    [500, 250],
    [2000, 1750],
    [10_000, 9000],
  ] as const) {
    const lease = await take(new ScriptedStore(), { ttl, renew: false, lockDelay: 700 });
    const told = watched(lease, time);
    await time.pass(deadline + 10);
    assert.equal(told.at, deadline);
    await lease.release();
  }
});

test('an answer that comes after the deadline resurrects nothing', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', late(DEADLINE - 1000 + 1));
  const lease = await take(store);
  const told = watched(lease, time);
  await time.pass(10_000);
  assert.equal(told.at, DEADLINE);
  assert.equal(lease.state, 'Lost');
  assert.equal(lease.passable, false);
  assert.equal(await lease.release(), false);
});

test('an answer just before the deadline counts from when it was asked for', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(DEADLINE - 1000 - 1)).always('renew', silent);
  const told = watched(await take(store), time);
  await time.pass(10_000);
  assert.equal(told.at, 1000 + DEADLINE);
});

test('a store whose answers take longer than a third of the ttl loses nothing', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', late(1300));
  const lease = await take(store);
  const told = watched(lease, time);
  await time.pass(20_000);
  assert.equal(told.at, undefined);
  assert.equal(lease.look(), true);
  store.always('renew', silent);
  await time.pass(20_000);
  // The last one that was answered was sent at 20,000.
  assert.equal(told.at, 20_000 + DEADLINE);
});

test('a renewal that fails is tried again soon, and nothing is lost if one succeeds', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', fails, cut, fails);
  const start = time.now;
  const lease = await take(store);
  await time.pass(1000);
  assert.equal(lease.state, 'Unknown');
  assert.equal(lease.passable, false, 'nobody knows, so nobody else gets it');
  assert.equal(lease.look(), true, 'but it is ours');
  await time.pass(300);
  assert.equal(lease.state, 'Held');
  assert.equal(lease.passable, true);
  await time.pass(1100);
  assert.deepEqual(sendTimes(store, start), [1000, 1100, 1200, 1300, 2300]);
  // What has failed before is no cause of a later loss.
  store.always('renew', silent);
  const told = watched(lease, time);
  await time.pass(5000);
  assert.deepEqual([told.loss?.message.includes('did not answer'), told.loss?.cause], [true, undefined]);
});

test('it goes on to another one only with more than a third of its ttl left', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const lease = await take(store);
  await time.pass(DEADLINE - 1001);
  assert.equal(lease.passable, true);
  await time.pass(1);
  assert.equal(lease.passable, false);
  await lease.release();
});

test('without renewal it is lost at the deadline, and goes on to nobody', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store, { renew: false });
  const told = watched(lease, time);
  assert.equal(lease.passable, false, 'another one would have the rest of our time');
  await time.pass(10_000);
  assert.equal(store.count('renew'), 0);
  assert.equal(told.at, DEADLINE);
  assert.match(told.loss?.message ?? '', /it was not renewed for 2700 ms/);
});

test('a blocked event loop: the first look tells the truth, and without a look the next turn does', async (t) => {
  const time = new Time(t);
  for (const look of [true, false]) {
    const store = new ScriptedStore();
    const lease = await take(store);
    const told = watched(lease, time);
    time.block(DEADLINE);
    if (look) assert.equal(lease.look(), false);
    else await time.pass(1);
    assert.equal(told.at, DEADLINE + (look ? 0 : 1));
    await time.pass(100);
    assert.equal(store.count('renew'), 0, 'what is lost is not renewed');
  }
});

test('a loop that was blocked for less than that renews at once', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const start = time.now;
  const lease = await take(store);
  time.block(DEADLINE - 2);
  await time.pass(1);
  assert.deepEqual(sendTimes(store, start), [DEADLINE - 1]);
  assert.equal(lease.state, 'Held');
});

test('the time in which the system was suspended counts', async (t) => {
  const time = new Time(t);
  const lease = await take(new ScriptedStore());
  await time.pass(500);
  time.suspend(DEADLINE - 501);
  assert.equal(lease.look(), true);
  time.suspend(1);
  assert.equal(lease.look(), false);
});

test('a record that was wiped is noticed by the next renewal, and its new holder is left alone', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store);
  const told = watched(lease, time);
  await time.pass(1500);
  assert.equal(await store.inner.break?.('lock:x'), true);
  const there = await rival(store);
  await time.pass(499);
  assert.equal(told.at, undefined);
  await time.pass(1);
  assert.equal(told.at, 2000);
  assert.match(told.loss?.message ?? '', /its record is gone/);
  assert.deepEqual([lease.left, lease.passable], [0, false], 'however early it was');
  assert.equal(await lease.release(), false);
  assert.equal(await there?.release(), true);
});

test('an old renewal that says that it is gone ends it, although a newer one is on its way', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', slow(1500)).always('renew', silent);
  const lease = await take(store);
  await store.inner.break?.('lock:x');
  const told = watched(lease, time);
  await time.pass(2600);
  assert.equal(told.at, 2500);
});

test('an older renewal that is confirmed does not make one that failed since then sure', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', late(1450)).always('renew', fails);
  const lease = await take(store);
  await time.pass(2451);
  assert.equal(lease.state, 'Unknown');
  assert.equal(lease.passable, false);
  assert.equal(lease.left, 1000 + DEADLINE - 2451);
});

test('an older renewal that fails does not make one that is on its way unsure', async (t) => {
  const time = new Time(t);
  const failing = async (): Promise<never> => {
    await new Promise((resolve) => setTimeout(resolve, 1450));
    throw new Error('connection reset');
  };
  const store = new ScriptedStore().next('renew', failing, late(600));
  const start = time.now;
  const lease = await take(store);
  await time.pass(2451);
  assert.equal(lease.state, 'Renewing');
  await time.pass(500);
  assert.deepEqual(sendTimes(store, start), [1000, 2000]);
});

test('waiting for the deadline is one timer', async (t) => {
  const time = new Time(t);
  let timers = 0;
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, 'setTimeout', (fn: () => void, ms: number) => (timers++, real(fn, ms)));
  const lease = await take(new ScriptedStore(), { renew: false });
  const before = timers;
  await time.pass(DEADLINE - 1);
  // The one that was there for the answer, and then for this.
  assert.ok(timers <= before + 1, `${timers - before} timers`);
  assert.equal(lease.look(), true);
});

test('what a grant says about how long it lasts counts', async (t) => {
  const time = new Time(t);
  const told = watched(await take(new ScriptedStore({ lasts: 1000 }), { renew: false }), time);
  await time.pass(5000);
  assert.equal(told.at, 700);
});
