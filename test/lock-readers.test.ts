/** Readers of a thread join one lease of a store, for as long as the bound allows, or until a writer waits. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { lock, LockMisuseError, LockTimeoutError, tryLock } from '../src/index.js';
import type { Guard, LockCallOptions } from '../src/index.js';
import { leftOver, newFolder } from './support/locks.js';
import { after, fails, passes, rival, ScriptedStore, silent, slow, throws } from './support/scripted.js';
import { mustBlock, turn } from '../src/testing/settled.js';
import { Time } from './support/time.js';

const lockPath = newFolder();
const generous = { ms: Infinity, grants: 10_000 };

function reader(store: ScriptedStore, options: LockCallOptions = {}): Promise<Guard> {
  return lock('x', { distributed: store, shared: true, ttl: 3000, handover: generous, ...options });
}

async function free(store: ScriptedStore): Promise<void> {
  await turn(3);
  assert.deepEqual(await store.holders(), []);
  assert.deepEqual(await leftOver(), []);
}

test('50 readers at once are one grant of the store, each with a token of its own', async () => {
  for (const options of [{}, { external: true, lockPath }]) {
    const store = new ScriptedStore();
    const guards = await Promise.all(Array.from({ length: 50 }, () => reader(store, options)));
    assert.equal(store.count('tryAcquire'), 1);
    assert.ok(guards.every(({ held, mode }) => held && mode === 'shared'));
    const [first] = guards;
    assert.ok(guards.every(({ token }) => token >> 10n === (first as Guard).token >> 10n));
    assert.equal(new Set(guards.map(({ token }) => token)).size, 50);
    for (const guard of guards.slice(1)) assert.equal(await guard.release(), true);
    assert.equal((await store.holders()).length, 1, 'the last one gives it back');
    assert.equal(await first?.release(), true);
    assert.equal(store.count('release'), 1);
    await free(store);
  }
});

test('they are beside readers of other hosts, and keep writers of other hosts out', async () => {
  const store = new ScriptedStore();
  const there = await rival(store, { shared: true });
  assert.ok(there);
  const guard = await reader(store);
  await there.release();
  assert.equal(await rival(store), null);
  await guard.release();
  assert.ok(await rival(store));
});

test('who comes later joins within the bound, and asks for himself after it', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const options = { handover: { ms: 10, grants: 1000 } };
  const guards = [await reader(store, options)];
  await time.pass(500);
  for (const [pause, asked] of [
    [0, 1],
    [9, 1],
    [1, 2],
    [0, 2],
  ] as const) {
    await time.pass(pause);
    guards.push(await reader(store, options));
    assert.equal(store.count('tryAcquire'), asked);
  }
  for (const guard of guards) await guard.release();
  assert.equal(store.count('release'), 2);
  await free(store);
});

test('no more than were agreed join, and those who cannot ask one after the other', async () => {
  const store = new ScriptedStore();
  let most = 0;
  let asking = 0;
  store.always('tryAcquire', async (perform) => {
    most = Math.max(most, ++asking);
    await turn();
    asking--;
    return perform();
  });
  const guards = await Promise.all(
    Array.from({ length: 10 }, () => reader(store, { handover: { ms: Infinity, grants: 4 } })),
  );
  assert.equal(store.count('tryAcquire'), 3);
  assert.equal(most, 1);
  await Promise.all(guards.map((guard) => guard.release()));
  await free(store);
});

test('a writer of this thread that waits ends the joining', async () => {
  const store = new ScriptedStore();
  const guard = await reader(store);
  const { wait: writer } = await mustBlock(lock('x', { distributed: store, ttl: 3000, handover: generous }));
  const { wait: late } = await mustBlock(reader(store));
  assert.equal(await tryLock('x', { distributed: store, shared: true, ttl: 3000 }), null);
  await guard.release();
  const alone = await writer;
  assert.equal(alone.mode, 'exclusive');
  assert.equal(store.count('tryAcquire'), 2);
  await alone.release();
  await (await late).release();
  await free(store);
});

test('what is not sure, or is lost, is joined by nobody', async (t) => {
  const time = new Time(t);
  for (const [way, ms] of [
    [fails, 1010],
    [silent, 1700],
    [silent, 2800],
  ] as const) {
    const store = new ScriptedStore().always('renew', way);
    const first = await reader(store);
    await time.pass(ms);
    const second = await reader(store);
    assert.equal(store.count('tryAcquire'), 2);
    assert.equal(second.held, true);
    assert.equal(await second.release(), true);
    assert.equal(await first.release(), ms < 2700);
  }
});

test('those who wait for the one who asks end with their own time and signal', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  const first = reader(store);
  const control = new AbortController();
  const aborted = reader(store, { signal: control.signal });
  const timed = reader(store, { timeout: 300 });
  const unused = new AbortController();
  const patient = reader(store, { signal: unused.signal });
  const none = tryLock('x', { distributed: store, shared: true, ttl: 3000, handover: generous });
  assert.equal(await none, null, 'who does not wait asks at once');
  const asked = store.count('tryAcquire');
  const last = reader(store);
  await time.pass(5);
  assert.equal(store.count('tryAcquire'), asked, 'who waits lets one ask');
  const failures = Promise.all([
    assert.rejects(aborted, (error) => error === 'enough'),
    assert.rejects(timed, LockTimeoutError),
  ]);
  await time.pass(95);
  control.abort('enough');
  assert.equal(await time.until(aborted), 0);
  assert.equal(await time.until(timed), 200);
  await failures;
  await there?.release();
  const guards = Promise.all([first, patient, last]);
  await time.until(guards);
  assert.equal(getEventListeners(unused.signal, 'abort').length, 0);
  for (const guard of await guards) await guard.release();
  await free(store);
});

test('if the one who asks gets nothing, one of the others asks', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  const control = new AbortController();
  const first = reader(store, { signal: control.signal });
  const others = Array.from({ length: 5 }, () => reader(store));
  const failure = assert.rejects(first, (error) => error === 'enough');
  await time.pass(10);
  const asked = store.count('tryAcquire');
  control.abort('enough');
  await failure;
  await time.pass(10);
  assert.equal(store.count('tryAcquire'), asked + 2, 'one of them, before it subscribes and after');
  await there?.release();
  const guards = Promise.all(others);
  await time.until(guards);
  assert.equal(store.count('tryAcquire'), asked + 3);
  for (const guard of await guards) await guard.release();
  await free(store);
});

test('if the one who asks is refused, the next one asks for himself', async () => {
  const refusal = new LockMisuseError('no', { lock: 'x' });
  const store = new ScriptedStore().next('tryAcquire', throws(refusal), passes, throws(refusal));
  const outcomes = await Promise.allSettled([reader(store), reader(store), reader(store)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  assert.equal(store.count('tryAcquire'), 2);
  for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.release();
  await free(store);
});

test('all who have joined are told of the loss', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const guards = await Promise.all([reader(store), reader(store), reader(store)]);
  await guards[0]?.release();
  await time.pass(2700);
  assert.deepEqual(
    guards.map(({ signal }) => signal.aborted),
    [false, true, true],
  );
  assert.deepEqual(await Promise.all(guards.map((guard) => guard.release())), [true, false, false]);
  await free(store);
});

test('who joins a lease and comes to hold it after it was lost is told so', async (t) => {
  const time = new Time(t);
  for (let ticks = 0; ticks < 20; ticks++) {
    const store = new ScriptedStore();
    const first = await reader(store);
    const second = reader(store);
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    time.block(2700);
    assert.equal(first.held, false);
    const guard = await second;
    assert.equal(store.count('tryAcquire'), 1);
    assert.deepEqual([guard.held, guard.signal.aborted], [false, true], `after ${ticks} ticks`);
    assert.equal(await guard.release(), false);
    await first.release();
    await free(store);
  }
});

test('the maxHold of one reader ends nothing for the others', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const short = await reader(store, { maxHold: 500 });
  const long = await reader(store);
  assert.equal(store.count('tryAcquire'), 1);
  await time.pass(10_000);
  assert.deepEqual([short.signal.aborted, long.signal.aborted, long.held], [true, false, true]);
  assert.equal(await long.release(), true);
  const renewals = store.count('renew');
  await time.pass(5000);
  assert.equal(store.count('renew'), renewals, 'now it is not renewed any more');
  assert.equal(short.held, false);
  assert.equal(await short.release(), false);
  await free(store);
});

test('a reader comes down while another one is on his way up: nobody is left alone', async () => {
  const store = new ScriptedStore();
  for (const way of [passes, slow(5)]) {
    store.always('release', way);
    const first = await reader(store);
    const [, second] = await Promise.all([first.release(), reader(store)]);
    assert.equal(second.held, true);
    assert.ok((await store.holders()).length > 0);
    assert.equal(await second.release(), true);
    await free(store);
  }
  let answer = (): void => {};
  store.always('release', after(new Promise<void>((resolve) => (answer = resolve))));
  const last = await reader(store);
  const ending = last.release();
  const next = await reader(store);
  assert.equal(next.held, true);
  answer();
  assert.equal(await ending, true);
  assert.equal((await store.holders()).length, 1);
  await next.release();
  await free(store);
});
