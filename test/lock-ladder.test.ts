/** The ladder to a store and back: in order, in reverse, and nothing left on any step that was climbed in vain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileLock, lock, lockAll, LockTimeoutError, releaseAll, tryLock } from '../src/index.js';
import type { LockCallOptions } from '../src/index.js';
import { locks } from '../src/registry.js';
import { leftOver, newFolder } from './support/locks.js';
import { after, fails, late, rival, ScriptedStore, silent, slow } from './support/scripted.js';
import type { Way } from './support/scripted.js';
import { mustBlock, turn } from '../src/testing/settled.js';
import { Time } from './support/time.js';

const lockPath = newFolder();

/** What is held, from the bottom up. */
async function steps(store: ScriptedStore, name: string = 'x'): Promise<string> {
  const held: string[] = [];
  const queue = locks.find(name);
  if (queue !== undefined && queue.free < queue.capacity) held.push('thread');
  const file = new FileLock(`${lockPath}/${name}.lock`).tryLock();
  if (file === null) held.push('file');
  file?.release();
  if ((await store.holders(`lock:${name}`)).length > 0) held.push('store');
  return held.join(' ');
}

const nothing = async (store: ScriptedStore, name?: string): Promise<void> => {
  await turn(3);
  assert.equal(await steps(store, name), '');
  assert.deepEqual(await leftOver(), []);
};

function both(store: ScriptedStore): LockCallOptions {
  return { external: true, lockPath, distributed: store };
}

test('up from thread to file to store, and down in reverse', async () => {
  const store = new ScriptedStore();
  const seen: string[] = [];
  const looks =
    (when: string): Way =>
    async (perform) => {
      seen.push(`before ${when}: ${await steps(store)}`);
      const answer = await perform();
      seen.push(`after ${when}: ${await steps(store)}`);
      return answer;
    };
  store.always('tryAcquire', looks('the grant')).always('release', looks('the release'));
  const guard = await lock('x', both(store));
  const [holder] = await store.holders();
  assert.deepEqual([holder?.token, holder?.shared, holder?.units], [guard.token >> 10n, false, 1]);
  assert.equal(await rival(store, { shared: true }), null);
  const ending = guard.release();
  await ending;
  assert.deepEqual(seen, [
    'before the grant: thread file',
    'after the grant: thread file store',
    'before the release: thread file store',
    'after the release: thread file',
  ]);
  await nothing(store);
});

test('a store that is silent at the release keeps the file for 2 s, and no longer', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('release', silent);
  const ending = (await lock('x', both(store))).release();
  await time.pass(1999);
  assert.equal(await steps(store), 'thread file store');
  await time.pass(2);
  assert.equal(await steps(store), 'store');
  assert.equal(await ending, true);
});

test('on loss the file stays, until the holder has let go', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const guard = await lock('x', { ...both(store), ttl: 1000 });
  await time.pass(1000);
  await store.inner.break?.('lock:x');
  assert.equal(guard.held, false);
  assert.equal(await steps(store), 'thread file');
  assert.equal(await guard.release(), false);
  await nothing(store);
  await assert.rejects(
    async () => {
      await using block = await lock('x', { ...both(store), ttl: 1000 });
      await time.pass(1000);
      assert.equal(block.held, false);
    },
    { name: 'LockLostError' },
  );
  assert.equal(await steps(store), '', 'and at the end of the block he has');
});

test('an abort or a timeout on any step leaves nothing on any', async (t) => {
  const time = new Time(t);
  for (const how of ['abort', 'timeout'] as const) {
    for (const where of ['thread', 'file', 'store', 'silent store', 'late grant'] as const) {
      const store = new ScriptedStore();
      const inWay = await lock('x', where === 'thread' ? {} : { external: true, lockPath }).then((guard) =>
        where === 'thread' || where === 'file' ? guard : guard.release().then(() => undefined),
      );
      const there = where === 'store' ? await rival(store, { ttl: 60_000 }) : undefined;
      if (where === 'silent store') store.always('tryAcquire', silent);
      if (where === 'late grant') store.next('tryAcquire', late(500)).always('tryAcquire', silent);
      const control = new AbortController();
      const options = how === 'abort' ? { signal: control.signal } : { timeout: 300 };
      const asking = lock('x', { ...both(store), ...options });
      const outcome = asking.then(
        () => 'granted',
        (error: unknown) => (error instanceof Error ? error.name : error),
      );
      await time.pass(100);
      control.abort('aborted');
      const waited = await time.until(asking);
      const failed =
        where === 'silent store' || where === 'late grant' ? 'LockBackendError' : 'LockTimeoutError';
      const text = `${how} in ${where}`;
      assert.equal(await outcome, how === 'abort' ? 'aborted' : failed, text);
      assert.equal(waited, how === 'abort' ? 0 : 200, text);
      await inWay?.release();
      await there?.release();
      await time.pass(1000);
      await nothing(store);
      assert.ok(await rival(store), text);
    }
  }
});

test('an abort in any tick of a climb, and of the grant, leaves nothing', async () => {
  const store = new ScriptedStore();
  let granted = 0;
  for (let ticks = 0; ticks < 60; ticks++) {
    const control = new AbortController();
    const asking = lock('x', { ...both(store), signal: control.signal });
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    control.abort('enough');
    try {
      const guard = await asking;
      granted++;
      assert.equal(guard.held, true);
      await guard.release();
    } catch (error) {
      assert.equal(error, 'enough');
    }
    await nothing(store);
  }
  assert.ok(granted > 0 && granted < 60, `${granted}`);
});

test('fn does not run if it was aborted in the tick of the grant', async () => {
  const store = new ScriptedStore();
  let ran = 0;
  for (let ticks = 0; ticks < 60; ticks++) {
    const control = new AbortController();
    const running = lock('x', { ...both(store), signal: control.signal }, () => {
      ran++;
      assert.equal(control.signal.aborted, false, `after ${ticks} ticks`);
    });
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    control.abort('enough');
    await running.catch((error: unknown) => assert.equal(error, 'enough'));
    await nothing(store);
  }
  assert.ok(ran > 0 && ran < 60, `${ran}`);
});

test('an error of the store on the way leaves nothing below', async () => {
  const store = new ScriptedStore();
  for (const take of [lock, tryLock]) {
    store.next('tryAcquire', () => {
      throw new Error('not even a promise');
    });
    store.next('tryAcquire', fails);
    const guard = await take('x', both(store));
    assert.equal(guard?.held, true, 'it is asked again');
    await guard.release();
    await nothing(store);
  }
});

test('lockAll over a store: all of them or none, in the order of their names, down in reverse', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const ids = new Map<string, string>();
  const tryAcquire = store.tryAcquire.bind(store);
  store.tryAcquire = (request) => {
    ids.set(request.id, request.key);
    return tryAcquire(request);
  };
  const order = (command: 'tryAcquire' | 'release'): (string | undefined)[] =>
    store.all(command).map(({ id }) => ids.get(id));
  const guards = await lockAll(['b', 'c', 'a'], both(store));
  assert.deepEqual(order('tryAcquire'), ['lock:a', 'lock:b', 'lock:c']);
  assert.deepEqual([guards.held, guards.signal.aborted], [true, false]);
  assert.equal(await guards.release(), true);
  assert.deepEqual(order('release'), ['lock:c', 'lock:b', 'lock:a']);
  const there = await rival(store, { key: 'lock:c', ttl: 60_000 });
  const asking = lockAll(['a', 'b', 'c'], { ...both(store), timeout: 500 });
  const failure = assert.rejects(asking, LockTimeoutError);
  await time.pass(400);
  assert.equal(await steps(store, 'b'), 'thread file store');
  assert.equal(await time.until(asking), 100);
  await failure;
  for (const name of ['a', 'b']) await nothing(store, name);
  await there?.release();
  store.always('renew', silent);
  const some = await lockAll(['a', 'b'], { ...both(store), ttl: 1000 });
  await time.pass(1000);
  assert.deepEqual([some.held, some.signal.aborted], [false, true]);
  assert.throws(() => some.assertHeld(), { name: 'LockLostError' });
  assert.equal(await some.release(), false);
});

test('releaseAll waits for the stores: of what it takes away, and of what was let go before', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('release', slow(300));
  const guard = await lock('a', both(store));
  const taken = await lock('b', both(store));
  const going = guard.release();
  const all = releaseAll();
  assert.equal(await time.until(all), 300);
  assert.equal(await all, 1);
  assert.deepEqual([await going, await taken.release()], [true, false]);
  for (const name of ['a', 'b']) await nothing(store, name);
  const patient = await lock('a', both(store));
  setTimeout(() => void patient.release(), 100);
  const waits = releaseAll({ timeout: 10_000 });
  assert.equal(await time.until(waits), 400);
  assert.equal(await waits, 0);
  await nothing(store, 'a');
});

test('who gives up while the one before him tells the store takes nobody with him', async () => {
  for (const who of [0, 1, 2]) {
    const store = new ScriptedStore();
    let answer = (): void => {};
    store.next('release', after(new Promise<void>((resolve) => (answer = resolve))));
    const options = { ...both(store), handover: { grants: 0 } };
    const guard = await lock('x', options);
    const controls = [0, 1, 2].map(() => new AbortController());
    const waits = controls.map(({ signal }) => lock('x', { ...options, signal }));
    const ending = guard.release();
    await mustBlock(ending);
    controls[who]?.abort('enough');
    await assert.rejects(waits[who] as Promise<unknown>, (error) => error === 'enough');
    answer();
    assert.equal(await ending, true);
    for (const [i, wait] of waits.entries()) if (i !== who) await (await wait).release();
    await nothing(store);
  }
});

test('who gives up alone while the one before him tells the store leaves the name free', async () => {
  const store = new ScriptedStore();
  let answer = (): void => {};
  store.next('release', after(new Promise<void>((resolve) => (answer = resolve))));
  const options = { distributed: store, handover: { grants: 0 } };
  const guard = await lock('x', options);
  const control = new AbortController();
  const waits = lock('x', { ...options, signal: control.signal });
  const ending = guard.release();
  await mustBlock(ending);
  control.abort('enough');
  await assert.rejects(waits, (error) => error === 'enough');
  answer();
  assert.equal(await ending, true);
  await nothing(store);
  await (await lock('x', options)).release();
});
