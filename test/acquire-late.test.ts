/** What an acquisition has asked for and does not want any more does not stay in the store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ask,
  cut,
  fails,
  late,
  mute,
  passes,
  rival,
  ScriptedStore,
  silent,
  slow,
} from './support/scripted.js';
import type { Way } from './support/scripted.js';
import { Time } from './support/time.js';

/** It is taken. */
const none: Way = async () => null as never;

test('an answer that was lost costs nothing: the same id is granted again, with the same token', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', cut);
  const asking = ask(store, {}, 1000);
  assert.ok((await time.until(asking)) < 100);
  const lease = await asking;
  assert.equal(store.count('tryAcquire'), 2);
  assert.equal(store.count('forget'), 0);
  const [holder, ...others] = await store.holders();
  assert.deepEqual([holder?.token, others.length], [lease?.token, 0]);
  assert.equal(await lease?.release(), true);
});

test('what nobody knows of is forgotten when it is given up, even by one who did not wait', async (t) => {
  const time = new Time(t);
  for (const way of [cut, mute]) {
    for (const timeout of [0, 5000]) {
      const store = new ScriptedStore().always('tryAcquire', way);
      const asking = ask(store, { ttl: 60_000 }, timeout);
      const failure = assert.rejects(asking, { name: 'LockBackendError' });
      await time.until(asking);
      await failure;
      assert.equal(store.count('forget'), 1);
      assert.deepEqual(await store.holders(), []);
    }
  }
});

test('one who is sure that he has got nothing has nothing to forget', async (t) => {
  const time = new Time(t);
  for (const failures of [[], [fails]]) {
    const store = new ScriptedStore().next('tryAcquire', ...failures);
    await rival(store, { ttl: 60_000 });
    await time.until(ask(store));
    assert.equal(store.count('forget'), 0);
  }
});

test('the answer to an older try of what we hold is ours, and is not given back', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', late(2500));
  const asking = ask(store, { ttl: 10_000 }, Infinity);
  const waited = await time.until(asking);
  assert.ok(waited >= 2000 && waited < 2100, `${waited}`);
  const lease = await asking;
  await time.pass(1000);
  assert.equal((await store.holders()).length, 1);
  assert.equal(await lease?.release(), true);
});

test('nor is it while the same is asked for again', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', late(2100), late(240));
  const asking = ask(store, { ttl: 10_000 }, Infinity);
  const waited = await time.until(asking);
  assert.ok(waited > 2200 && waited < 2350, `${waited}`);
  const lease = await asking;
  await time.pass(100);
  assert.equal((await store.holders()).length, 1);
  assert.equal(await lease?.release(), true);
});

test('but what comes under an id that is used up is', async (t) => {
  const time = new Time(t);
  const failsUntil =
    (end: number): Way =>
    (perform) =>
      time.now < end ? fails(perform) : perform();
  // The first try is done at last when what the third one has got was given back.
  const store = new ScriptedStore({ without: ['watch'] }).always('tryAcquire', failsUntil(time.now + 3000));
  store.next('tryAcquire', slow(2900), none, late(700));
  const asking = ask(store, { ttl: 900, lockDelay: 60_000 }, Infinity);
  const waited = await time.until(asking);
  assert.ok(waited >= 3000 && waited < 3100, `${waited}`);
  assert.ok(await asking);
});

test('an error that comes when nobody waits for it any more harms nobody', async (t) => {
  const time = new Time(t);
  for (const timeout of [0, 1000, Infinity]) {
    const store = new ScriptedStore().always('tryAcquire', async () => {
      await new Promise((resolve) => setTimeout(resolve, 5000));
      throw new Error('connection reset');
    });
    const asking = ask(store, {}, timeout);
    const failure = assert.rejects(asking, { message: /no answer within/ });
    await time.until(asking);
    await failure;
    await time.pass(6000);
  }
});

test('forgetting goes on until the store answers', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('tryAcquire', cut).next('forget', fails, fails, fails, fails);
  const asking = ask(store, { ttl: 10_000 }, 1000);
  await Promise.allSettled([asking, time.until(asking)]);
  assert.equal((await store.holders()).length, 1);
  await time.pass(4000);
  assert.equal(store.count('forget'), 5);
  assert.deepEqual(await store.holders(), []);
});

test('forgetting ends when what it is about has lapsed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('all', fails);
  const asking = ask(store, { ttl: 3000, lockDelay: 1000 }, 1000);
  await Promise.allSettled([asking, time.until(asking)]);
  const start = time.now;
  await time.pass(20_000);
  const last = (store.all('forget').at(-1)?.at ?? 0) - start;
  assert.ok(last >= 3000 && last < 5600, `${last}`);
});

test('a store that cannot forget, or throws instead of a promise, is left in peace', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore({ without: ['forget'] });
  await rival(store, { ttl: 60_000 });
  assert.equal(await time.until(ask(store, {}, 50)), 50);
  const rude = new ScriptedStore().always('forget', () => {
    throw new Error('not even a promise');
  });
  await rival(rude, { ttl: 60_000 });
  assert.equal(await time.until(ask(rude, {}, 50)), 50);
  await time.pass(10_000);
});

test('a grant that comes after the abort is given back', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', late(500)).always('forget', silent);
  const control = new AbortController();
  const asking = ask(store, { ttl: 60_000 }, Infinity, control.signal);
  const failure = assert.rejects(asking, (thrown) => thrown === 'enough');
  await time.pass(100);
  control.abort('enough');
  assert.equal(await time.until(asking), 0);
  await failure;
  assert.equal((await store.holders()).length, 1);
  store.next('release', fails);
  await time.pass(1000);
  assert.deepEqual(await store.holders(), []);
});

test('giving it back ends when it has lapsed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', late(500)).always('release', fails);
  const control = new AbortController();
  const asking = ask(store, { ttl: 3000, lockDelay: 1000 }, Infinity, control.signal);
  const failure = assert.rejects(asking, (thrown) => thrown === 'enough');
  await time.pass(100);
  control.abort('enough');
  await failure;
  const start = time.now;
  await time.pass(20_000);
  const last = (store.all('release').at(-1)?.at ?? 0) - start;
  assert.ok(last >= 3400 && last < 6000, `${last}`);
});

test('a try that the forgetting has overtaken leaves nothing either', async (t) => {
  const time = new Time(t);
  for (const taken of [true, false]) {
    const store = new ScriptedStore().next('tryAcquire', slow(500));
    const there = taken ? await rival(store, { ttl: 60_000 }) : undefined;
    const control = new AbortController();
    const asking = ask(store, { ttl: 60_000 }, Infinity, control.signal);
    const failure = assert.rejects(asking, (thrown) => thrown === 'enough');
    await time.pass(100);
    control.abort('enough');
    await time.until(asking);
    await failure;
    await time.pass(1000);
    await there?.release();
    assert.ok(await rival(store), taken ? 'no place in the queue' : 'no record');
  }
});

test('an abort in the very tick of the grant gives it back', async () => {
  for (let ticks = 0; ticks < 24; ticks++) {
    const store = new ScriptedStore({ without: ticks % 2 === 0 ? [] : ['forget'] });
    const control = new AbortController();
    const asking = ask(store, { ttl: 60_000 }, 1000, control.signal);
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    control.abort('enough');
    const outcome = await asking.catch((error: unknown) => error);
    if (outcome === 'enough') {
      await new Promise(setImmediate);
      assert.deepEqual(await store.holders(), [], `after ${ticks} ticks`);
    } else {
      assert.equal((await store.holders()).length, 1);
    }
  }
});

test('an expired grant is never returned: it is given back, and asked for anew', async (t) => {
  const time = new Time(t);
  // It comes 700 ms after it was asked for, and may be used for 650.
  const store = new ScriptedStore().next('tryAcquire', late(700));
  const asking = ask(store, { ttl: 900, lockDelay: 500 }, Infinity);
  const waited = await time.until(asking);
  assert.ok(waited >= 700 && waited < 800, `${waited}`);
  const lease = await asking;
  const [first, second] = store.all('tryAcquire');
  assert.notEqual(first?.id, second?.id, 'the first id is used up');
  const [request, another] = store.requests;
  assert.deepEqual({ ...another, id: '' }, { ...request, id: '' }, 'all else is as it was');
  assert.equal(store.count('release'), 1);
  assert.equal((await store.holders()).length, 1);
  assert.ok((lease?.left ?? 0) > 640);
  await lease?.release();
});

test('a store whose grants all come too late is an error after 2 s, for who does not wait too', async (t) => {
  const time = new Time(t);
  for (const timeout of [0, 60_000, Infinity]) {
    const store = new ScriptedStore().always('tryAcquire', late(700));
    const asking = ask(store, { ttl: 900 }, timeout);
    const failure = assert.rejects(asking, {
      name: 'LockBackendError',
      message: /came after 700 ms, when it was about to lapse: the ttl is 900 ms/,
    });
    const waited = await time.until(asking);
    assert.ok(waited >= 2000 && waited < 3000, `${waited}`);
    await failure;
    assert.deepEqual(await store.holders(), []);
  }
});

test('a grant that was sent before the loop was blocked is not returned after it', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', async (perform) => {
    const grant = await perform();
    time.block(5000);
    return grant;
  });
  const asking = ask(store, {}, Infinity);
  await time.until(asking);
  const lease = await asking;
  assert.equal(store.count('tryAcquire'), 2);
  assert.ok((lease?.left ?? 0) > 2600);
  await lease?.release();
});

test('a loop that stood still is no store that is down', async (t) => {
  const time = new Time(t);
  for (const timeout of [0, 10_000, Infinity]) {
    const store = new ScriptedStore();
    const asking = ask(store, {}, timeout);
    store.next('tryAcquire', passes);
    time.block(5000);
    assert.ok((await time.until(asking)) < 100);
    await (await asking)?.release();
    // Even if what was sent was lost meanwhile.
    store.next('tryAcquire', silent);
    const again = ask(store, {}, timeout);
    time.block(5000);
    assert.ok((await time.until(again)) < 100);
    await (await again)?.release();
  }
  // What has failed long ago does not count.
  const store = new ScriptedStore({ without: ['watch'] }).next('tryAcquire', fails, passes, silent);
  const there = await rival(store, { ttl: 60_000 });
  const asking = ask(store, {}, Infinity);
  while (store.count('tryAcquire') < 3) await time.pass(1);
  await there?.release();
  time.block(5000);
  assert.ok((await time.until(asking)) < 100);
  assert.ok(await asking);
});

test('an answer that is there when the time is up counts', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', async (perform) => {
    // As from a socket: after the timers.
    await new Promise((resolve) => setTimeout(() => setImmediate(resolve), 1000));
    return perform();
  });
  await rival(store, { ttl: 60_000 });
  const asking = ask(store, {}, 1000);
  time.block(5000);
  await time.until(asking);
  assert.equal(await asking, null);
});
