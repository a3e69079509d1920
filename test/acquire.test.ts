/** One acquisition from a store: how long it waits, what it costs, and when it gives up. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { LockBackendError, LockMisuseError } from '../src/errors.js';
import {
  ask,
  commands,
  cut,
  fails,
  late,
  mute,
  passes,
  rival,
  ScriptedStore,
  silent,
  throws,
} from './support/scripted.js';
import { Time } from './support/time.js';

test('a free key costs one command', async () => {
  for (const timeout of [0, 100, Infinity]) {
    const store = new ScriptedStore();
    const lease = await ask(store, {}, timeout);
    assert.equal(lease?.token, 1n + BigInt(store.count('release')));
    assert.deepEqual(commands(store), ['tryAcquire']);
    await lease?.release();
  }
});

test('who does not wait asks once, gets null, and leaves no trace', async () => {
  const store = new ScriptedStore();
  const there = await rival(store);
  assert.equal(await ask(store), null);
  assert.deepEqual(commands(store), ['tryAcquire']);
  await there?.release();
  assert.ok(await rival(store), 'nobody stands before us in a queue');
});

test('the store is told who waits, and who does not', async (t) => {
  const time = new Time(t);
  for (const timeout of [0, 100]) {
    const store = new ScriptedStore();
    await rival(store, { ttl: 60_000 });
    await time.until(ask(store, {}, timeout));
    assert.ok(store.requests.every(({ waits }) => waits === timeout > 0));
  }
});

test('the time is up to the ms, after a last try at the deadline', async (t) => {
  const time = new Time(t);
  for (const timeout of [1, 7, 100, 2500]) {
    for (const without of [[], ['watch']] as const) {
      const store = new ScriptedStore({ without });
      const there = await rival(store, { ttl: 60_000 });
      const start = time.now;
      const waits = ask(store, {}, timeout);
      assert.equal(await time.until(waits), timeout);
      assert.equal(await waits, null);
      assert.equal((store.all('tryAcquire').at(-1)?.at ?? 0) - start, timeout);
      assert.deepEqual(commands(store).slice(-1), ['forget']);
      assert.ok(await there?.release());
      assert.ok(await rival(store), 'no place in a queue is left');
    }
  }
});

test('a fraction of a millisecond is no reason to ask once more', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  await rival(store, { ttl: 60_000 });
  assert.equal(await time.until(ask(store, {}, 10.5)), 11);
  assert.equal(store.count('tryAcquire'), 3);
});

test('the last try has a quarter of a second to be answered', async (t) => {
  const time = new Time(t);
  const asking = ask(new ScriptedStore().always('tryAcquire', late(200)), {}, 100);
  assert.equal(await time.until(asking), 200);
  assert.ok(await asking);
});

test('what becomes free at the deadline is ours', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('changed', silent);
  await rival(store, { ttl: 999.5 });
  const waits = ask(store, {}, 1000);
  assert.equal(await time.until(waits), 1000);
  assert.ok(await waits);
});

test('a store that is down is told so after 2 s, whether it is silent or fails, waited for or not', async (t) => {
  const time = new Time(t);
  for (const way of [fails, silent, cut, mute]) {
    for (const timeout of [0, 60_000, Infinity]) {
      const store = new ScriptedStore().always('all', way);
      const asking = ask(store, {}, timeout);
      const failure = assert.rejects(asking, (error: Error) => {
        assert.ok(error instanceof LockBackendError);
        assert.match(error.message, /the lock 'x' could not be taken: scripted cannot be reached/);
        assert.match(
          error.message,
          way === fails ? /connection refused/ : /connection reset|no answer within 2000 ms/,
        );
        assert.match(error.message, /Nothing is held\. See that it runs.*onBackendDown: 'lower'/);
        assert.ok(error.cause instanceof Error);
        return true;
      });
      const waited = await time.until(asking);
      assert.ok(waited >= 2000 && waited <= 2350, `${waited}`);
      await failure;
    }
  }
});

test('a store that fails is asked again every 50 ms or so, with jitter, for who does not wait too', async (t) => {
  const time = new Time(t);
  for (const timeout of [0, Infinity]) {
    const store = new ScriptedStore().always('all', fails);
    const asking = ask(store, {}, timeout);
    await Promise.allSettled([asking, time.until(asking)]);
    const tries = store.all('tryAcquire').map(({ at }) => at);
    assert.ok(tries.length > 25 && tries.length < 60, `${tries.length}`);
    const pauses = new Set(tries.slice(1).map((at, i) => at - (tries[i] ?? 0)));
    assert.ok(pauses.size > 5, 'with jitter');
  }
});

test('the error says what has failed last, whatever that is', async (t) => {
  const time = new Time(t);
  const text = async (): Promise<never> => {
    // As some clients do.
    throw 'no route'; // oxlint-disable-line no-throw-literal
  };
  for (const [first, then, said] of [
    [fails, throws(new Error('wrong password')), 'wrong password'],
    [fails, text, 'no route'],
    [fails, silent, 'connection refused'],
  ] as const) {
    const store = new ScriptedStore().next('tryAcquire', first).always('tryAcquire', then);
    const asking = ask(store, {}, Infinity);
    const failure = assert.rejects(asking, (error: Error) =>
      error.message.includes(`scripted cannot be reached (${said})`),
    );
    await time.until(asking);
    await failure;
  }
  // What failed before it answered is no reason.
  const store = new ScriptedStore({ without: ['watch'] }).next('tryAcquire', fails, passes);
  store.always('tryAcquire', silent);
  await rival(store, { ttl: 60_000 });
  const asking = ask(store, {}, Infinity);
  const failure = assert.rejects(asking, /\(no answer within \d+ ms\)/);
  await time.until(asking);
  await failure;
});

test('a store that is down when the time is up says that, at the latest 250 ms later', async (t) => {
  const time = new Time(t);
  for (const [timeout, way] of [
    [100, silent],
    [1000, silent],
    [100, fails],
  ] as const) {
    const asking = ask(new ScriptedStore().always('all', way), {}, timeout);
    const failure = assert.rejects(asking, LockBackendError);
    const waited = await time.until(asking);
    assert.equal(waited, way === fails ? timeout : Math.max(250, timeout));
    await failure;
  }
});

test('a store that comes back in time is not down', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('tryAcquire', ...Array.from({ length: 20 }, () => fails));
  const asking = ask(store, {}, 60_000);
  assert.ok((await time.until(asking)) < 2000);
  assert.ok(await asking);
  const [first, ...others] = store.all('tryAcquire');
  assert.ok(others.every(({ id }) => id === first?.id));
  // And what it failed before does not count afterwards.
  const again = new ScriptedStore({ without: ['watch'] }).always('forget', silent);
  await rival(again, { ttl: 4000 });
  for (let i = 0; i < 8; i++) again.next('tryAcquire', ...Array.from({ length: 18 }, () => fails), passes);
  const later = ask(again, {}, Infinity);
  assert.ok((await time.until(later)) >= 4000);
  assert.ok(await later);
});

test('an error of ours from the store passes at once, as it is', async (t) => {
  const time = new Time(t);
  const error = new LockMisuseError('another number of permits', { lock: 'x' });
  for (const [command, tries] of [
    ['tryAcquire', 1],
    ['watch', 1],
  ] as const) {
    const store = new ScriptedStore().always(command, throws(error));
    await rival(store);
    const asking = ask(store, {}, Infinity);
    const failure = assert.rejects(asking, (thrown) => thrown === error);
    assert.equal(await time.until(asking), 0);
    await failure;
    assert.equal(store.count('tryAcquire'), tries);
  }
});

test('nothing keeps a program alive when a store has refused it', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const error = new LockMisuseError('another number of permits', { lock: 'x' });
  const store = new ScriptedStore().always('tryAcquire', throws(error));
  await assert.rejects(ask(store, {}, Infinity), (thrown) => thrown === error);
  assert.equal(timers(), before);
});

test('an abort ends it at once, wherever it is, with the reason untouched, and no listener is left', async (t) => {
  const time = new Time(t);
  const reason = { enough: true };
  for (const [what, script] of [
    ['a try', (store: ScriptedStore) => store.always('tryAcquire', silent)],
    ['a pause after a failure', (store: ScriptedStore) => store.always('tryAcquire', fails)],
    ['a subscription', (store: ScriptedStore) => store.always('watch', silent)],
    ['a wait for a change', (store: ScriptedStore) => store],
  ] as const) {
    const store = script(new ScriptedStore());
    const there = await rival(store, { ttl: 60_000 });
    const control = new AbortController();
    const asking = ask(store, {}, Infinity, control.signal);
    const failure = assert.rejects(asking, (thrown) => thrown === reason, what);
    await time.pass(10);
    const tries = store.count('tryAcquire');
    control.abort(reason);
    assert.equal(await time.until(asking), 0, what);
    await failure;
    assert.equal(store.count('tryAcquire'), tries, `${what}: nothing more is asked for`);
    assert.equal(getEventListeners(control.signal, 'abort').length, 0);
    assert.deepEqual(commands(store).slice(-1), ['forget']);
    await time.pass(10);
    assert.equal(await there?.release(), true);
    assert.ok(await rival(store), `${what}: nothing is left`);
  }
});

test('what is aborted before it begins asks for nothing', async () => {
  const store = new ScriptedStore();
  await assert.rejects(ask(store, {}, Infinity, AbortSignal.abort('no')), (thrown) => thrown === 'no');
  assert.deepEqual(store.sent, []);
});

test('an abort is heard although an answer that was not waited for any more has come meanwhile', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().next('watch', late(3000)).always('watch', silent);
  await rival(store, { ttl: 60_000 });
  const control = new AbortController();
  const asking = ask(store, {}, Infinity, control.signal);
  const failure = assert.rejects(asking, (thrown) => thrown === 'enough');
  await time.pass(3001);
  control.abort('enough');
  assert.equal(await time.until(asking), 0);
  await failure;
});

test('a store that fails and then falls silent is down after 2 s in all', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('tryAcquire', silent);
  store.next('tryAcquire', ...Array.from({ length: 20 }, () => fails));
  const asking = ask(store, {}, Infinity);
  const failure = assert.rejects(asking, { message: /no answer within|connection refused/ });
  const waited = await time.until(asking);
  assert.ok(waited >= 2000 && waited <= 2250, `${waited}`);
  await failure;
});
