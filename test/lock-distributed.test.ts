/** A lock in a store, as its holder sees it: the guard tells the truth, whatever becomes of the store. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { memory } from '../src/backends/memory.js';
import { lock, LockBackendError, LockLostError, LockMisuseError, tryLock } from '../src/index.js';
import type { BackendRequest, Guard } from '../src/index.js';
import { heapAtRest } from './support/heap.js';
import { leftOver } from './support/locks.js';
import { fails, passes, rival, ScriptedStore, silent } from './support/scripted.js';
import { mustBlock } from '../src/testing/settled.js';
import { Time } from './support/time.js';

const TTL = 3000;
const DEADLINE = 2700;

function taken(store: ScriptedStore, options: object = {}): Promise<Guard> {
  return lock('x', { distributed: store, ttl: TTL, ...options });
}

test('a store that falls silent: held, assertHeld and the signal say so at the deadline', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const guard = await taken(store);
  const { signal } = guard;
  await time.pass(DEADLINE - 1);
  assert.deepEqual([guard.held, signal.aborted], [true, false]);
  guard.assertHeld();
  await time.pass(1);
  assert.equal(signal.aborted, true);
  assert.equal(guard.held, false);
  assert.ok(signal.reason instanceof LockLostError);
  assert.equal(signal.reason.lock, 'x');
  assert.throws(() => guard.assertHeld(), {
    name: 'LockLostError',
    cause: signal.reason,
    message: /the lock 'x' was lost in scripted/,
  });
  assert.equal(await guard.release(), false);
  assert.equal(await guard.release(), false);
  assert.deepEqual(await leftOver(), []);
});

test('a blocked event loop: held is false at the first look, and the signal follows in the next turn', async (t) => {
  const time = new Time(t);
  const looked = await taken(new ScriptedStore());
  time.block(DEADLINE);
  assert.equal(looked.held, false);
  assert.equal(looked.signal.aborted, true);
  assert.equal(await looked.release(), false);
  const other = await taken(new ScriptedStore());
  const aborted = once(other.signal, 'abort');
  time.block(DEADLINE);
  assert.equal(other.signal.aborted, false, 'nobody has looked');
  await time.pass(1);
  await aborted;
  assert.equal(await other.release(), false);
  const thrown = await taken(new ScriptedStore());
  time.block(DEADLINE);
  assert.throws(() => thrown.assertHeld(), LockLostError);
  await thrown.release();
  const released = await taken(new ScriptedStore());
  time.block(DEADLINE);
  assert.equal(await released.release(), false, 'a release looks too');
});

test('a blocked loop, in real time: the signal comes with the next turn', async () => {
  const store = new ScriptedStore();
  await using guard = new Owned(await lock('real', { distributed: store, ttl: 1500 }));
  const { signal } = guard.guard;
  const end = performance.now() + 1300;
  while (performance.now() < end);
  const [first] = await Promise.race([
    once(signal, 'abort').then(() => ['signal']),
    new Promise<string[]>((resolve) => setTimeout(() => setImmediate(resolve, ['later']), 1)),
  ]);
  assert.equal(first, 'signal');
});

/** A guard that may be lost. */
class Owned {
  readonly guard: Guard;
  constructor(guard: Guard) {
    this.guard = guard;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.guard.release();
  }
}

test('on loss only the store is lost: nobody of this process gets in before the holder has let go', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const guard = await taken(store);
  await time.pass(4000);
  assert.equal(guard.held, false);
  assert.ok(await rival(store), 'another host may');
  assert.equal(await tryLock('x'), null);
  const { wait } = await mustBlock(lock('x'));
  assert.equal(await guard.release(), false);
  await time.pass(1);
  assert.equal(await (await wait).release(), true);
});

test('lock(name, fn) settles after fn: with its error, the loss as its cause, or the loss with the result', async (t) => {
  const time = new Time(t);
  const options = { distributed: new ScriptedStore().always('renew', silent), ttl: TTL };
  let ended = 0;
  const work = async (guard: Guard): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 4000));
    ended++;
    assert.equal(guard.held, false);
    return 'done';
  };
  const running = lock('f', options, work);
  const lost = assert.rejects(running, (error: Error) => {
    assert.ok(error instanceof LockLostError);
    assert.equal(error.result, 'done');
    assert.match(error.message, /was lost in scripted/);
    return true;
  });
  assert.equal(await time.until(running), 4000);
  await lost;
  const own = new Error('of fn');
  const failing = lock('f', options, async (guard) => {
    await work(guard);
    throw own;
  });
  const failed = assert.rejects(failing, (error) => error === own);
  await time.until(failing);
  await failed;
  assert.ok(own.cause instanceof LockLostError);
  assert.equal(ended, 2);
  const blocked = lock('f', { distributed: new ScriptedStore(), ttl: TTL }, () => time.block(DEADLINE));
  await assert.rejects(blocked, { message: /was lost in scripted: no renewal was confirmed for 2700 ms/ });
  assert.deepEqual(await leftOver(), []);
});

test('await using of a lost guard throws at the end of the block', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  await assert.rejects(async () => {
    await using guard = await taken(store);
    await time.pass(DEADLINE);
    assert.equal(guard.held, false);
  }, LockLostError);
  assert.deepEqual(await leftOver(), []);
});

test('what the store had no more when it was released was lost, whoever asks', async () => {
  const store = new ScriptedStore();
  const guard = await taken(store);
  await store.inner.break?.('lock:x');
  assert.equal(guard.held, true, 'nobody can know yet');
  assert.equal(await guard.release(), false);
  await assert.rejects(
    async () => {
      await using block = await taken(store);
      assert.ok(block.held);
      await store.inner.break?.('lock:x');
    },
    { name: 'LockLostError', message: /its store had it no more/ },
  );
  await assert.rejects(
    lock('x', { distributed: store }, async () => {
      await store.inner.break?.('lock:x');
      return 7;
    }),
    { name: 'LockLostError', result: 7, message: /its store had it no more/ },
  );
  const own = new Error('of fn');
  const failing = lock('x', { distributed: store }, async () => {
    await store.inner.break?.('lock:x');
    throw own;
  });
  await assert.rejects(failing, (error) => error === own);
  assert.ok(own.cause instanceof LockLostError);
});

test('release is done when the store has been told, and nobody of this thread enters before', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('release', silent);
  const guard = await taken(store);
  const ending = guard.release();
  assert.equal(guard.held, false);
  const { wait } = await mustBlock(lock('x'));
  assert.equal(await time.until(ending), 2000);
  assert.equal(await ending, true);
  await time.pass(1);
  await (await wait).release();
});

test('who says nothing gets a lease of 30 s that is renewed', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await lock('x', { distributed: store });
  await time.pass(10_000);
  assert.deepEqual(
    store.sent.map(({ command, ttl }) => [command, ttl]),
    [
      ['tryAcquire', 30_000],
      ['renew', 30_000],
    ],
  );
  await guard.release();
});

test('all that is asked for reaches the store', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const terms = {
    ttl: 5000,
    minHold: 6000,
    lockDelay: 700,
    owner: 'me',
    fair: 'strict',
    shared: true,
  } as const;
  const guard = await lock('x', { distributed: store, prefix: 'p/', ...terms });
  const [{ key, shared, units, permits, ttl, waits, fifo, owner }] = store.requests as [BackendRequest];
  assert.deepEqual(
    { key, shared, units, permits, ttl, waits, fifo, owner },
    {
      key: 'lock:p/x',
      shared: true,
      units: 1,
      permits: 1,
      ttl: 6700,
      waits: true,
      fifo: true,
      owner: 'me',
    },
  );
  await time.until(guard.release());
});

test('however often a name was held, nothing of that is kept', async () => {
  const store = memory('held often');
  const often = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await (await lock('x', { distributed: store })).release();
  };
  await often(1000);
  const before = await heapAtRest();
  await often(10_000);
  const grown = (await heapAtRest()) - before;
  assert.ok(grown < 1_000_000, `${grown} bytes`);
});

test('guard.renew: for longer, in vain, after the loss, after the release', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await taken(store, { renew: false });
  await assert.rejects(guard.renew(499), RangeError);
  await assert.rejects(guard.renew('1' as never), TypeError);
  await guard.renew(10_000);
  await time.pass(8999);
  assert.equal(guard.held, true);
  store.next('renew', fails);
  await assert.rejects(guard.renew(), LockBackendError);
  assert.equal(guard.held, true);
  await time.pass(1);
  assert.equal(guard.held, false);
  await assert.rejects(guard.renew(), LockLostError);
  assert.equal(await guard.release(), false);
  const released = await taken(store);
  await released.release();
  await assert.rejects(released.renew(), LockMisuseError);
  await using plain = await lock('plain');
  await plain.renew(1000);
});

test('maxHold: the signal aborts, it is not renewed any more, and lapses', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await taken(store, { maxHold: 4500 });
  await time.pass(4500);
  assert.equal(guard.signal.aborted, true);
  assert.match(guard.signal.reason.message, /held for longer than its 'maxHold', 4500 ms/);
  assert.equal(guard.held, true, 'it is ours, and should not be');
  await time.pass(4000 + DEADLINE - 4501);
  assert.equal(guard.held, true);
  await time.pass(1);
  assert.equal(guard.held, false);
  assert.equal(store.count('renew'), 4);
  await time.pass(301);
  assert.ok(await rival(store), 'the name is free for other hosts');
  assert.equal(await tryLock('x'), null, 'and for nobody here');
  assert.equal(await guard.release(), false);
  const ready = await taken(new ScriptedStore(), { maxHold: 100 });
  await time.pass(101);
  assert.equal(await ready.release(), true, 'who ends it in time has lost nothing');
});

test('minHold: the name stays taken so long after the grant, and the record outlives its holder', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await taken(store, { minHold: 5000 });
  await time.pass(1000);
  assert.equal(await guard.release(), true);
  await time.pass(3999);
  assert.equal(await rival(store), null);
  assert.equal(await tryLock('x'), null);
  await time.pass(1);
  const there = await rival(store);
  assert.ok(there);
  await there.release();
  await (await lock('x')).release();
  // One who vanishes: nothing of him reaches the store any more.
  const other = new ScriptedStore().always('renew', silent).always('release', silent);
  const vanished = await taken(other, { minHold: 5000 });
  await time.pass(4999);
  assert.equal(await rival(other), null);
  await time.pass(2);
  assert.ok(await rival(other));
  await vanished.release();
});

test('a lost reply to a renewal is no loss, and neither is one to the release', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await taken(store);
  store.next('renew', fails, fails, passes).next('release', fails);
  await time.pass(8000);
  assert.equal(guard.held, true);
  const ending = guard.release();
  await time.until(ending);
  assert.equal(await ending, true);
  assert.deepEqual(await store.holders(), []);
});
