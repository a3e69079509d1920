/** A store that cannot be reached, or does not give what is asked for: what is told, and that nothing stays behind. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import {
  lock,
  lockAll,
  LockBackendError,
  LockMisuseError,
  lockSync,
  LockTimeoutError,
  synchronized,
  tryLock,
  tryLockSync,
} from '../src/index.js';
import type { LockCallOptions } from '../src/index.js';
import { FileLock } from '../src/index.js';
import { leftOver, newFolder } from './support/locks.js';
import { cut, fails, mute, rival, ScriptedStore, silent, slow, throws } from './support/scripted.js';
import { Time } from './support/time.js';

const lockPath = newFolder();

/** What is told while `fn` runs: warnings of the process, and messages of the channel. */
async function told(fn: () => Promise<void>): Promise<{ warnings: string[]; messages: unknown[] }> {
  const warnings: string[] = [];
  const messages: unknown[] = [];
  const warn = (warning: Error): void => {
    if (warning.name === 'LockWarning') warnings.push(warning.message);
  };
  const hear = (message: unknown): void => void messages.push(message);
  process.on('warning', warn);
  subscribe('tierlock:degraded', hear);
  try {
    await fn();
    await new Promise(setImmediate);
  } finally {
    process.off('warning', warn);
    unsubscribe('tierlock:degraded', hear);
  }
  return { warnings, messages };
}

test('a store that is down: LockBackendError after 2 s, which says what to do, and nothing is held', async (t) => {
  const time = new Time(t);
  for (const way of [fails, silent, cut, mute]) {
    for (const external of [false, true]) {
      const store = new ScriptedStore().always('all', way);
      const asking = lock('x', { distributed: store, ...(external && { external, lockPath }) });
      const failure = assert.rejects(asking, {
        name: 'LockBackendError',
        message: /the lock 'x' could not be taken: scripted cannot be reached.*onBackendDown: 'lower'/,
      });
      const waited = await time.until(asking);
      assert.ok(waited >= 2000 && waited <= 2400, `${waited}`);
      await failure;
      await using here = await tryLock('x', { external: true, lockPath });
      assert.ok(here, 'the lower tiers are free');
    }
  }
  assert.deepEqual(await leftOver(), []);
});

test('onBackendDown lower: it goes on without the store, degraded, and never silently', async (t) => {
  const time = new Time(t);
  for (const external of [false, true]) {
    const options: LockCallOptions = {
      distributed: new ScriptedStore().always('all', fails),
      onBackendDown: 'lower',
      ...(external && { external, lockPath }),
    };
    for (const take of [lock, tryLock]) {
      const { warnings, messages } = await told(async () => {
        const asking = take('low', options);
        await time.until(asking);
        const guard = await asking;
        assert.deepEqual([guard?.degraded, guard?.held], [true, true]);
        assert.equal(await tryLock('low'), null);
        const file = new FileLock(`${lockPath}/low.lock`).tryLock();
        assert.equal(file === null, external);
        file?.release();
        assert.equal(await guard?.release(), true);
      });
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /'low' is held without its store.*scripted cannot be reached/);
      const [message] = messages as { name: string; cause: unknown }[];
      assert.equal(message?.name, 'low');
      assert.ok(message.cause instanceof LockBackendError);
    }
  }
  const up = await told(async () => {
    const store = new ScriptedStore();
    const guard = await lock('low', { distributed: store, onBackendDown: 'lower' });
    assert.equal(guard.degraded, false);
    await guard.release();
  });
  assert.deepEqual(up, { warnings: [], messages: [] });
  assert.deepEqual(await leftOver(), []);
});

test('lower is for a store that is down: not for what is taken, misused, or a file that cannot be had', async (t) => {
  const time = new Time(t);
  const lower = { onBackendDown: 'lower' } as const;
  const busy = new ScriptedStore();
  await rival(busy, { ttl: 60_000 });
  const waits = lock('x', { distributed: busy, ...lower, timeout: 50 });
  const late = assert.rejects(waits, LockTimeoutError);
  await time.until(waits);
  await late;
  assert.equal(await tryLock('x', { distributed: busy, ...lower }), null);
  const wrong = new ScriptedStore().always('tryAcquire', throws(new LockMisuseError('no', { lock: 'x' })));
  await assert.rejects(lock('x', { distributed: wrong, ...lower }), LockMisuseError);
  const broken = newFolder();
  const options = { distributed: new ScriptedStore(), ...lower, external: true, lockPath: broken } as const;
  await (await lock('x', options)).release();
  const tier = await spoiltFile('x');
  try {
    await assert.rejects(lock('x', options), LockBackendError);
    await assert.rejects(tryLock('x', options), LockBackendError);
  } finally {
    tier();
  }
  assert.deepEqual(await leftOver(), []);
});

/** From now on the file of a lock cannot be had; until what is returned is called. */
async function spoiltFile(lockName: string): Promise<() => void> {
  const { ProcessTier } = await import('../src/tiers/process.js');
  const { prototype } = ProcessTier;
  const real = Object.getOwnPropertyDescriptors(prototype);
  const error = (): LockBackendError => new LockBackendError('disk full', { lock: lockName });
  let first = true;
  prototype.tryTake = () => {
    // At first it is only taken.
    if ((first = !first)) throw error();
    return null;
  };
  prototype.take = async () => {
    throw error();
  };
  return () => void Object.defineProperties(prototype, { tryTake: real.tryTake, take: real.take });
}

test('tryLock asks the store once, and leaves no trace; or not at all, if this process has it', async () => {
  const store = new ScriptedStore();
  const there = await rival(store);
  for (const external of [false, true]) {
    const options = { distributed: store, ...(external && { external, lockPath }) };
    assert.equal(await tryLock('x', options), null);
    assert.deepEqual(
      store.sent.splice(0).map(({ command }) => command),
      ['tryAcquire'],
    );
    await using file = await tryLock('x', { external: true, lockPath });
    assert.ok(file);
    assert.equal(await tryLock('x', options), null);
    assert.deepEqual(store.sent, []);
  }
  await there?.release();
  assert.ok(await rival(store));
  assert.deepEqual(await leftOver(), []);
});

test('a timeout counts through all tiers, to the ms, and says who is in the way', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const there = await rival(store, { ttl: 60_000 });
  const guard = await lock('x');
  const asking = lock('x', { distributed: store, external: true, lockPath, timeout: 1000 });
  const failure = assert.rejects(asking, {
    name: 'LockTimeoutError',
    message: /timed out after 1000 ms waiting for the lock 'x' \(held by rival-\d+ in scripted, token \d+/,
  });
  await time.pass(600);
  await guard.release();
  const start = time.now;
  await time.until(asking);
  assert.equal(time.now - start, 400);
  await failure;
  await there?.release();
  const slowly = new ScriptedStore().always('inspect', slow(10_000));
  await rival(slowly, { ttl: 60_000 });
  const unsure = lock('x', { distributed: slowly, timeout: 100 });
  const later = assert.rejects(unsure, { message: /held by another process/ });
  assert.equal(await time.until(unsure), 350, 'to find out who it is takes a quarter of a second at most');
  await later;
  assert.deepEqual(await leftOver(), []);
});

test('synchronous code cannot wait for a store, and is told so', () => {
  const distributed = new ScriptedStore();
  const refused = {
    name: 'LockUnsupportedError',
    message: /a thread that is blocked cannot talk to a store/,
  };
  assert.throws(() => lockSync('x', { distributed }), refused);
  assert.throws(() => tryLockSync('x', { distributed }), refused);
  assert.throws(() => synchronized.sync('x', { distributed }), refused);
  assert.deepEqual(distributed.sent, []);
});

test('what a store cannot do is refused before it is asked, and nothing is held', async () => {
  const one = new ScriptedStore({ supports: { shared: false, fifo: false, owner: false, ttl: false } });
  for (const options of [{ shared: true }, { fair: 'strict' }, { owner: 'me' }, { ttl: 1000 }] as const) {
    await assert.rejects(lock('x', { distributed: one, ...options }), { name: 'LockUnsupportedError' });
    await assert.rejects(tryLock('x', { distributed: one, ...options }), { name: 'LockUnsupportedError' });
  }
  assert.deepEqual(one.sent, []);
  assert.deepEqual(await leftOver(), []);
});

test('many calls with one signal are one listener, and none afterwards', async () => {
  const store = new ScriptedStore();
  const { signal } = new AbortController();
  const names = Array.from({ length: 30 }, (_, i) => `n${i}`);
  const rivals = await Promise.all(names.map((name) => rival(store, { key: `lock:${name}` })));
  const waits = Promise.all(names.map((name) => lock(name, { distributed: store, signal })));
  await new Promise(setImmediate);
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  await Promise.all(rivals.map(async (there) => there?.release()));
  for (const guard of await waits) await guard.release();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('no timer and no handle is left, whatever has become of it', async () => {
  const store = new ScriptedStore();
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const guard = await lock('x', { distributed: store, maxHold: 60_000 });
  assert.equal(timers(), before, 'a lease keeps no program alive');
  await guard.release();
  await using there = await rival(store).then((grant) => ({
    [Symbol.asyncDispose]: async () => void (await grant?.release()),
  }));
  assert.ok(there);
  await assert.rejects(lock('x', { distributed: store, timeout: 20 }), LockTimeoutError);
  await assert.rejects(lock('x', { distributed: store, signal: AbortSignal.timeout(20) }), {
    name: 'TimeoutError',
  });
  await assert.rejects(lockAll(['a', 'x', 'b'], { distributed: store, timeout: 20 }), LockTimeoutError);
  assert.equal(timers(), before);
  assert.deepEqual(await leftOver(), []);
});
