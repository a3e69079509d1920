/** How a lease ends: it is given back, stopped, told to be gone, or left alone by its holder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  after,
  cut,
  fails,
  late,
  mute,
  passes,
  rival,
  ScriptedStore,
  silent,
  take,
  throws,
} from './support/scripted.js';
import { Time } from './support/time.js';

test('release tells the truth: ours to the end, or gone when the store was asked', async () => {
  const store = new ScriptedStore();
  const lease = await take(store);
  const ending = lease.release();
  assert.equal(lease.release(), ending);
  assert.equal(await ending, true);
  assert.equal(store.count('release'), 1);
  const gone = await take(store);
  await store.inner.break?.('lock:x');
  const there = await rival(store);
  assert.equal(await gone.release(), false);
  assert.equal((await store.holders()).length, 1, 'the one who has it now keeps it');
  await there?.release();
});

test('release on a silent store settles after 2 s, and is true by the clock', async (t) => {
  const time = new Time(t);
  for (const way of [silent, mute]) {
    const lease = await take(new ScriptedStore().always('release', way), { ttl: 10_000 });
    const ending = lease.release();
    assert.equal(await time.until(ending), 2000);
    assert.equal(await ending, true);
  }
});

test('a release that was cut off is asked again, and its second answer is no loss', async (t) => {
  const time = new Time(t);
  for (const [first, left] of [
    [cut, 0],
    [fails, 0],
  ] as const) {
    const store = new ScriptedStore().next('release', first);
    const ending = (await take(store)).release();
    const waited = await time.until(ending);
    assert.ok(waited >= 50 && waited < 200, `${waited}`);
    assert.equal(await ending, true);
    assert.equal(store.count('release'), 2);
    assert.equal((await store.holders()).length, left);
  }
});

test('a release that always fails goes on in the background until the record has lapsed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('release', fails);
  const lease = await take(store, { ttl: 5000, lockDelay: 3000 });
  await time.pass(1000);
  const start = time.now;
  const ending = lease.release();
  assert.equal(await time.until(ending), 2000);
  assert.equal(await ending, true);
  await time.pass(10_000);
  const asked = store.all('release').map(({ at }) => at - start);
  const last = asked.at(-1) ?? 0;
  assert.ok(asked.length >= 4 && asked.length <= 20, `${asked.length} times`);
  assert.ok(last >= 7000 && last < 8600, `until ${last}`);
  assert.ok(
    asked.some((ms) => ms % 100 !== 0),
    'with jitter',
  );
});

test('and says true also if the record lapses before that is over', async (t) => {
  const time = new Time(t);
  const lease = await take(new ScriptedStore().always('release', fails), { ttl: 300 });
  const ending = lease.release();
  // The pauses are of random length: by then it has asked for the last time in any case.
  assert.ok((await time.until(ending)) < 1000);
  assert.equal(await ending, true);
});

test('release on a store that comes back in time frees the name at once', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('release', fails, fails, fails);
  void (await take(store, { ttl: 10_000 })).release();
  await time.pass(1500);
  assert.equal((await store.holders()).length, 0);
});

test('the release after a blocked loop says false, if nobody has looked before', async (t) => {
  const time = new Time(t);
  const lease = await take(new ScriptedStore());
  time.block(2700);
  assert.equal(await lease.release(), false);
});

test('the release of a lost lock says false at once, and is told to the store all the same', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const lease = await take(store);
  await time.pass(2800);
  assert.equal((await store.holders()).length, 1);
  store.next('release', silent);
  assert.equal(await lease.release(), false);
  assert.equal(store.count('release'), 1);
  assert.equal(await lease.release(), false);
});

test('a lost lease that is not let go is given back when its record should have lapsed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', passes).always('renew', silent);
  const start = time.now;
  await take(store, { lockDelay: 500 });
  await time.pass(10_000);
  // Confirmed at 1000, for 3000 ms and the delay.
  assert.deepEqual(
    store.all('release').map(({ at }) => at - start),
    [4500],
  );
});

test('and not a second time if it is let go before, nor earlier than 25 days', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store, { renew: false });
  await time.pass(2800);
  assert.equal(await lease.release(), false);
  await time.pass(5000);
  assert.equal(store.count('release'), 1);
  const month = 30 * 24 * 3_600_000;
  const long = await take(store, { renew: false, lockDelay: month });
  await time.pass(2800);
  time.block(2 ** 31);
  await time.pass(2);
  assert.equal(store.count('release'), 1, 'its record lasts');
  time.block(month - 2 ** 31 + 300);
  await time.pass(2);
  assert.equal(store.count('release'), 2);
  assert.equal(await long.release(), false);
});

test('once it is stopped it is not renewed, and lost at its deadline', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const lease = await take(store);
  await time.pass(1500);
  assert.equal(lease.passable, true);
  lease.stop();
  assert.equal(lease.passable, false);
  let at = 0;
  lease.onLost = () => (at = time.now);
  const start = time.now;
  await time.pass(5000);
  assert.equal(at - start, 1000 + 2700 - 1500);
  assert.equal(store.count('renew'), 1);
  assert.equal((await store.holders()).length, 0, 'what was lost is given back, stopped or not');
});

test('once it is stopped, what failed before is not tried again', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', fails);
  const lease = await take(store);
  await time.pass(1050);
  lease.stop();
  await time.pass(2000);
  assert.equal(store.count('renew'), 1);
  assert.equal(lease.state, 'Lost');
});

test('the lock delay makes the record last longer, not the lease', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('renew', passes).always('renew', silent);
  const lease = await take(store, { lockDelay: 5000 });
  let at = 0;
  lease.onLost = () => (at = time.now);
  const start = time.now;
  await time.pass(4000);
  assert.equal(at - start, 1000 + 2700);
  assert.equal(store.sent[0]?.ttl, 8000);
  assert.equal(store.all('renew')[0]?.ttl, 8000);
  await time.pass(1000 + 7999 - 4000 - 1000);
  assert.equal(await rival(store), null);
  await time.pass(1001);
  assert.ok(await rival(store));
});

test('what has to last at least so long has a record that does, whoever vanishes', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  await take(store, { minHold: 8000, lockDelay: 100 });
  assert.equal(store.sent[0]?.ttl, 8100);
  await time.pass(8099);
  assert.equal(await rival(store), null);
  await time.pass(2);
  assert.ok(await rival(store));
});

test('each renewal keeps the record for what is left of the least time', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  await take(store, { minHold: 5500 });
  await time.pass(4500);
  assert.deepEqual(
    store.all('renew').map(({ ttl }) => ttl),
    [4500, 3500, 3000, 3000],
  );
});

test('keepFor asks at once if the record does not last so long, and only then', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  for (const renew of [true, false]) {
    const lease = await take(store, { renew, minHold: 1000 });
    const before = store.count('renew');
    await time.pass(100);
    lease.keepFor(2000);
    lease.keepFor(500);
    assert.equal(store.count('renew'), before);
    lease.keepFor(7000);
    assert.equal(store.count('renew'), before + 1);
    assert.equal(store.all('renew').at(-1)?.ttl, 7000);
    await time.pass(0);
    assert.equal(lease.left, 7000 - 300);
    lease.keepFor(1000);
    await time.pass(1000);
    assert.equal(store.all('renew').at(-1)?.ttl, renew ? 6000 : 7000, 'for less it is not shortened');
    await lease.release();
  }
});

test('a store that answers a release with an error of ours, or throws, harms nobody', async (t) => {
  const time = new Time(t);
  for (const way of [
    throws(new Error('x')),
    () => {
      throw new Error('not even a promise');
    },
  ]) {
    const store = new ScriptedStore().always('release', way).always('renew', way);
    const lease = await take(store);
    await time.pass(5000);
    assert.equal(await lease.release(), false);
    await time.pass(5000);
  }
});

test('what is answered after the release changes nothing', async (t) => {
  const time = new Time(t);
  let go: (() => void) | undefined;
  const event = new Promise<void>((resolve) => (go = resolve));
  const store = new ScriptedStore().next('renew', after(event), late(2000));
  const lease = await take(store);
  lease.onLost = () => assert.fail('it was released');
  await time.pass(2100);
  assert.equal(await lease.release(), true);
  go?.();
  await time.pass(5000);
  assert.equal(lease.state, 'Ended');
  assert.equal(lease.look(), true, 'what was released cannot be lost');
  assert.deepEqual([store.count('renew'), store.count('release')], [2, 1]);
});

test('a release that was answered keeps no program alive', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const lease = await take(new ScriptedStore());
  await lease.renew();
  assert.equal(await lease.release(), true);
  assert.equal(timers(), before);
});

test('nothing that a lost lease still has to do keeps a program alive', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const store = new ScriptedStore().always('release', fails);
  const lease = await take(store, { ttl: 1000, renew: false });
  await new Promise<void>((resolve) => {
    const alive = setTimeout(resolve, 10_000);
    lease.onLost = () => (clearTimeout(alive), resolve());
  });
  assert.equal(lease.state, 'Lost');
  assert.equal(timers(), before, 'it waits until it can give it back');
  assert.equal(await lease.release(), false);
  await new Promise(setImmediate);
  assert.equal(store.count('release'), 1);
  assert.equal(timers(), before, 'it waits until it can ask again');
});
