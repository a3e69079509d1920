/** A lease goes from task to task within its bound: many waiters cost the store what one costs, and rivals get their turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lock, tryLock } from '../src/index.js';
import type { Guard, LockCallOptions } from '../src/index.js';
import { leftOver, newFolder } from './support/locks.js';
import { cut, fails, rival, ScriptedStore, silent } from './support/scripted.js';
import { mustBlock, turn } from '../src/testing/settled.js';
import { Time } from './support/time.js';
import { waitUntil } from '../src/testing/wait.js';

const lockPath = newFolder();
const generous = { ms: Infinity, grants: 10_000 };

/** So many wait, and go through one after the other, each while `inside`. */
async function queueUp(count: number, options: LockCallOptions, inside?: () => unknown): Promise<bigint[]> {
  const tokens: bigint[] = [];
  const holder = await lock('x', options);
  const all = Promise.all(
    Array.from({ length: count }, () =>
      lock('x', options, async (guard) => {
        assert.equal(guard.held, true);
        tokens.push(guard.token);
        await inside?.();
      }),
    ),
  );
  await mustBlock(all);
  await holder.release();
  await all;
  assert.deepEqual(await leftOver(), []);
  return tokens;
}

/** How often the store grants something while so many go through. */
async function grants(count: number, options: Omit<LockCallOptions, 'distributed'>): Promise<number> {
  const store = new ScriptedStore();
  await queueUp(count, { ...options, distributed: store });
  assert.equal(store.count('tryAcquire'), store.count('release'));
  assert.deepEqual(await store.holders(), []);
  return store.count('tryAcquire');
}

test('50 waiters cost the store what one costs, and each gets a token of its own that grows', async () => {
  for (const options of [{}, { external: true, lockPath }]) {
    const store = new ScriptedStore();
    const tokens = await queueUp(50, { ...options, distributed: store, handover: generous });
    assert.deepEqual(
      store.sent.map(({ command }) => command),
      ['tryAcquire', 'release'],
    );
    assert.equal(tokens.length, 50);
    for (const [i, token] of tokens.entries()) {
      assert.equal(token >> 10n, 1n + BigInt(0));
      if (i > 0) assert.ok(token > (tokens[i - 1] as bigint));
    }
    const next = await lock('x', { ...options, distributed: store });
    assert.ok(next.token > (tokens.at(-1) as bigint));
    await next.release();
  }
});

test('it goes on no more often than was agreed', async () => {
  for (const [most, times] of [
    [0, 51],
    [1, 51],
    [2, 26],
    [10, 6],
    [50, 2],
    [51, 1],
  ] as const) {
    assert.equal(await grants(50, { handover: { ms: Infinity, grants: most } }), times, `${most} grants`);
  }
});

test('and at most 1024 times, because the token has room for no more', async () => {
  const store = new ScriptedStore();
  const tokens = await queueUp(1500, { distributed: store, handover: generous });
  assert.equal(store.count('tryAcquire'), 2);
  assert.equal(new Set(tokens).size, 1500);
  for (const [i, token] of tokens.entries()) if (i > 0) assert.ok(token > (tokens[i - 1] as bigint));
});

test('the last one of the 1024 is still one of them', async () => {
  for (const [waiters, asked] of [
    [1023, 1],
    [1024, 2],
  ] as const) {
    assert.equal(await grants(waiters, { handover: generous }), asked);
  }
});

test('what was agreed counts for one who did not wait too', async () => {
  const store = new ScriptedStore();
  const options = { distributed: store, handover: { ms: Infinity, grants: 1 } };
  const guard = await tryLock('x', options);
  const { wait } = await mustBlock(lock('x', options));
  await guard?.release();
  await (await wait).release();
  assert.equal(store.count('tryAcquire'), 2);
  assert.deepEqual(await leftOver(), []);
});

test('it goes on for no longer than was agreed, counted from the first time', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const options = { distributed: store, handover: { ms: 10, grants: 1000 } };
  const inside = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3));
  const running = queueUp(20, options, inside);
  await time.until(running);
  await running;
  // Of one lease: the first one hands it on at 0, the others at 3, 6 and 9. So 5 of the 21 have it.
  assert.equal(store.count('tryAcquire'), 5);
});

test('who has held it for long may hand it on all the same', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const guard = await lock('x', { distributed: store });
  const waits = lock('x', { distributed: store });
  await time.pass(5000);
  await guard.release();
  await (await waits).release();
  assert.equal(store.count('tryAcquire'), 1);
});

test('fair goes past nobody: each asks the store, and strict says so there', async () => {
  // A name that was taken so stays fair as long as it is in use.
  for (const fair of [true, 'strict', false] as const) {
    const store = new ScriptedStore();
    await queueUp(10, { fair, prefix: `${fair}-`, handover: generous, distributed: store });
    assert.equal(store.count('tryAcquire'), fair ? 11 : 1);
    assert.ok(store.requests.every(({ fifo }) => fifo === (fair === 'strict')));
  }
});

test('a rival in the store gets in once the bound is reached, before the rest of the thread', async () => {
  const store = new ScriptedStore();
  const options = { distributed: store, handover: { ms: Infinity, grants: 5 } };
  const order: string[] = [];
  const holder = await lock('x', options);
  // As another host waits.
  const request = (id: string): Parameters<typeof store.inner.tryAcquire>[0] => ({
    key: 'lock:x',
    id,
    shared: false,
    units: 1,
    permits: 1,
    ttl: 60_000,
    waits: true,
    fifo: false,
    owner: undefined,
    signal: new AbortController().signal,
  });
  assert.equal(await store.inner.tryAcquire(request('other host')), null);
  const watch = await store.inner.watch?.(request('other host'));
  const there = (async () => {
    await watch?.changed();
    const grant = await store.inner.tryAcquire(request('other host'));
    order.push('rival');
    await turn(3);
    await grant?.release();
  })();
  const all = Array.from({ length: 10 }, (_, i) => lock('x', options, () => void order.push(`${i}`)));
  await mustBlock(Promise.all(all));
  await holder.release();
  await Promise.all([...all, there]);
  watch?.close();
  assert.deepEqual(order, ['0', '1', '2', '3', 'rival', '4', '5', '6', '7', '8', '9']);
  assert.deepEqual(await leftOver(), []);
});

/** One holds it, one waits; then it is handed on, or not. How often the store was asked for it. */
async function handed(
  time: Time,
  store: ScriptedStore,
  before: (guard: Guard) => unknown,
  options: LockCallOptions = {},
): Promise<number> {
  const all = { distributed: store, ttl: 3000, handover: generous, ...options };
  const guard = await lock('x', all);
  const waits = lock('x', all);
  await before(guard);
  void guard.release();
  await time.until(waits);
  const next = await waits;
  assert.equal(next.held, true);
  assert.equal(next.signal.aborted, false);
  store.always('renew', fails);
  const tries = store.count('tryAcquire');
  void next.release();
  await time.pass(100);
  assert.deepEqual(await leftOver(), []);
  return tries;
}

test('what is not sure, not for long, or not renewed is not handed on', async (t) => {
  const time = new Time(t);
  assert.equal(await handed(time, new ScriptedStore(), () => time.pass(999)), 1, 'else it is');
  const both = { external: true, lockPath, renew: false };
  assert.ok((await handed(time, new ScriptedStore(), () => time.pass(1), both)) > 1);
  const failing = new ScriptedStore().always('renew', cut);
  assert.ok((await handed(time, failing, () => time.pass(1010))) > 1, 'the last renewal failed');
  const quiet = new ScriptedStore().always('renew', silent);
  assert.ok((await handed(time, quiet, () => time.pass(1700))) > 1, 'a third is left');
  assert.equal(await handed(time, new ScriptedStore().always('renew', silent), () => time.pass(1699)), 1);
  const lost = new ScriptedStore().always('renew', silent);
  assert.ok((await handed(time, lost, () => time.pass(2800))) > 1, 'it is lost');
  assert.ok((await handed(time, new ScriptedStore(), () => time.pass(10), { renew: false })) > 1);
  assert.ok((await handed(time, new ScriptedStore(), () => time.pass(200), { maxHold: 100 })) > 1);
});

test('who waits for something else is no heir: each gets what he asks for', async () => {
  const store = new ScriptedStore();
  const other = { distributed: new ScriptedStore() };
  const file = { external: true, lockPath } as const;
  for (const [held, wanted, asked] of [
    [{}, {}, 1],
    [file, file, 1],
    [{}, { ttl: 1000 }, 2],
    [{}, { renew: false }, 2],
    [{}, { lockDelay: 10 }, 2],
    [{}, { minHold: 1 }, 2],
    [{}, { owner: 'me' }, 2],
    [{}, { shared: true }, 2],
    [{}, other, 1],
    [{}, file, 2],
    [file, {}, 2],
    [file, { ...file, lockPath: newFolder() }, 2],
    [file, { ...file, ttl: 1000 }, 2],
  ] as const) {
    const base = { distributed: store, handover: generous };
    const holder = await lock('x', { ...base, ...held });
    const { wait } = await mustBlock(lock('x', { ...base, ...wanted }));
    assert.equal(await holder.release(), true);
    const guard = await wait;
    const text = `${JSON.stringify(held)} ${Object.keys(wanted).join()}`;
    assert.equal(store.sent.filter(({ command }) => command === 'tryAcquire').length, asked, text);
    assert.equal(await guard.release(), true);
    // Not before its 'minHold' is over.
    await waitUntil(async () => (await store.holders()).length === 0, { what: 'it is given back' });
    store.sent.length = 0;
    assert.deepEqual(await leftOver(), []);
  }
});

test('what was left to the next one and is lost before he takes it up is asked for anew', async (t) => {
  const time = new Time(t);
  for (const external of [false, true]) {
    const store = new ScriptedStore();
    const options = { distributed: store, ttl: 3000, ...(external && { external, lockPath }) };
    const guard = await lock('x', options);
    const { wait } = await mustBlock(lock('x', options));
    const ending = guard.release();
    time.block(5000);
    await time.until(wait);
    const next = await wait;
    assert.equal(next.held, true);
    assert.equal(store.count('tryAcquire'), 2);
    assert.equal(await ending, true);
    assert.equal(await next.release(), true);
    assert.deepEqual([await store.holders(), await leftOver()], [[], []]);
  }
});

test('the next one learns of a loss, the last one does not', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('renew', silent);
  const options = { distributed: store, ttl: 3000 };
  const guard = await lock('x', options);
  const { wait } = await mustBlock(lock('x', options));
  const { signal } = guard;
  assert.equal(await guard.release(), true);
  const next = await wait;
  assert.equal(store.count('tryAcquire'), 1);
  await time.pass(2700);
  assert.deepEqual([signal.aborted, next.signal.aborted, next.held], [false, true, false]);
  assert.equal(await next.release(), false);
});

test('minHold counts for each one, and the record lasts for the next one too', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore();
  const options = { distributed: store, ttl: 3000, minHold: 5000 };
  const guard = await lock('x', options);
  const waits = lock('x', options);
  await guard.release();
  await time.until(waits);
  const next = await waits;
  assert.equal(store.count('tryAcquire'), 1);
  // He vanishes: nothing of him reaches the store any more.
  await turn();
  store.always('renew', silent);
  await time.pass(4990);
  assert.equal(await rival(store), null);
  await time.pass(20);
  assert.ok(await rival(store));
  assert.equal(await next.release(), false);
});
