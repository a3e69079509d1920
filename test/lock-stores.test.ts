/** What else can be done with locks in a store: permits, a look, and taking them away. By the store in memory. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterEach, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  breakLock,
  configure,
  connect,
  inspect,
  lock,
  LockLostError,
  LockMisuseError,
  LockTimeoutError,
  semaphore,
  tryLock,
} from '../src/index.js';
import type { Backend, BackendRequest, Grant } from '../src/index.js';
import { newId } from '../src/request.js';
import { DistributedTier } from '../src/tiers/distributed.js';
import { ScriptedStore } from './support/scripted.js';
import { temporary } from './support/temporary.js';

const store = connect('memory:');
const { top } = temporary();
configure({ lockPath: top });
afterEach(() => configure({ backend: undefined }));

let ids = 0;
/** As another host would take it. */
async function takeElsewhere(key: string, options: Partial<BackendRequest> = {}): Promise<Grant> {
  const { signal } = new AbortController();
  const request = { shared: false, units: 1, permits: 1, ttl: 5000, waits: false, fifo: false } as const;
  const id = `elsewhere-${ids++}`;
  const grant = await store.tryAcquire({ ...request, owner: undefined, signal, key, id, ...options });
  assert.ok(grant, 'it is free');
  return grant;
}

test('permits of a semaphore are shared with other hosts', async () => {
  const there = await takeElsewhere('semaphore:s', { units: 2, permits: 3 });
  const permits = semaphore('s', 3, { distributed: store });
  const one = await permits.acquire();
  assert.equal(await permits.tryAcquire(), null);
  await assert.rejects(permits.acquire(1, { timeout: 20 }), {
    name: 'LockTimeoutError',
    message: /after 20 ms waiting for the semaphore 's'.*memory/,
  });
  const waits = permits.acquire(2);
  assert.equal(await there.release(), true);
  const two = await waits;
  assert.ok(two.token > one.token);
  assert.equal(await permits.tryAcquire(), null);
  assert.deepEqual(await Promise.all([one.release(), two.release()]), [true, true]);
  assert.deepEqual(await store.list?.('semaphore:'), []);
});

test('who has all permits gives all of them back', async () => {
  const permits = semaphore('v', 3, { distributed: store });
  const all = await permits.acquire(3);
  const waits = permits.acquire(3);
  assert.equal(await permits.tryAcquire(), null);
  assert.equal(await all.release(), true);
  assert.equal(await (await waits).release(), true);
  assert.deepEqual(await store.list?.('semaphore:'), []);
});

test('what the store does not give goes back on this host too', async () => {
  const there = await takeElsewhere('semaphore:t', { units: 1, permits: 2 });
  const permits = semaphore('t', 2, { distributed: store });
  assert.equal(await permits.tryAcquire(2), null);
  const abort = new AbortController();
  const waits = permits.acquire(2, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(waits, /enough/);
  await using all = await semaphore('t', 2).acquire(2);
  assert.equal(all.held, true);
  await there.release();
});

test('another number of permits is an error that names both', async () => {
  const there = await takeElsewhere('semaphore:u', { units: 1, permits: 4 });
  await assert.rejects(semaphore('u', 5, { distributed: store }).acquire(), (error: Error) => {
    assert.ok(error instanceof LockMisuseError);
    assert.match(error.message, /4 permits.*5/);
    return true;
  });
  await there.release();
});

test('a semaphore in a store refuses what makes no sense', async () => {
  assert.throws(() => semaphore('v', 2, { distributed: 'redis://a' as never }), TypeError);
  assert.throws(() => semaphore('v', 2, { fair: 'strict' }), TypeError);
  assert.throws(() => semaphore('v', 2, { ttl: 1000 }), TypeError);
  assert.throws(() => semaphore('v', 2, { distributed: store }).acquireSync(), {
    code: 'ERR_LOCK_UNSUPPORTED',
  });
  await assert.rejects(semaphore('v', 2, { distributed: store }).acquire(3), RangeError);
});

test('what a store cannot do is refused, with what to do instead; all else it does', async () => {
  const supports = { fifo: false, owner: false, ttl: false, permits: false, shared: false };
  const poor = new ScriptedStore({ supports });
  for (const [options, message] of [
    [{ fair: 'strict' }, /'strict' \}.* not possible with scripted: .*Use \{ fair: true \}/],
    [{ owner: 'me' }, /'owner' is not possible with scripted: .*Use \{ within: guard \}/],
    [{ ttl: 1000 }, /'ttl' is not possible with scripted: what it grants ends with its session/],
    [{ shared: true }, /'shared' is not possible with scripted: its keys have one holder/],
  ] as const) {
    const asking = lock('w', { ...options, distributed: poor });
    await assert.rejects(asking, { code: 'ERR_LOCK_UNSUPPORTED', message });
  }
  await assert.rejects(async () => semaphore('w', 2, { distributed: poor }).acquire(), {
    code: 'ERR_LOCK_UNSUPPORTED',
    message: /a semaphore is not possible with scripted/,
  });
  assert.deepEqual(poor.sent, [], 'nothing is asked for');
  const guard = await lock('w', { distributed: poor, fair: true });
  assert.equal(await guard.release(), true);
});

test('a hold in a store keeps its mode', async () => {
  const options = { ttl: 1000, renew: true, lockDelay: 0, minHold: 0, owner: undefined, fair: false };
  const climbed = await new DistributedTier('m', store, options).take(1, {});
  for (const change of [() => climbed.downgrade(), () => climbed.tryUpgrade()]) {
    assert.throws(change, { code: 'ERR_LOCK_UNSUPPORTED', message: /a hold keeps its mode: release it/ });
  }
  assert.equal(await climbed.release(), true);
});

test('inspect shows who holds a name in the store, and all names there', async () => {
  await using guard = await lock('shop/orders', { distributed: store });
  const there = await takeElsewhere('lock:shop/stock', { shared: true });
  await using permits = await semaphore('shop/loads', 3, { distributed: store }).acquire(2);
  assert.equal(permits.held, true);
  const [orders] = await inspect('shop/orders', { distributed: store });
  const holder = orders?.holders.find(({ tier }) => tier === 'distributed');
  assert.deepEqual(holder, {
    tier: 'distributed',
    host: hostname(),
    pid: process.pid,
    thread: process.pid,
    mode: 'exclusive',
    since: undefined,
    token: guard.token >> 10n,
  });
  const all = await inspect(undefined, { distributed: store, prefix: 'shop/' });
  const shown = all.map(({ name, kind, holders }) => {
    const last = holders.at(-1);
    return [name, kind, last?.mode, last?.pid === process.pid].join(' ');
  });
  assert.deepEqual(shown.toSorted(), [
    'shop/loads semaphore 2 true',
    'shop/orders lock exclusive true',
    'shop/stock lock shared false',
  ]);
  await there.release();
});

test('breakLock takes a name away in the store: its holder learns of it, and others may have it', async () => {
  const guard = await lock('hung', { distributed: store, ttl: 600 });
  assert.equal(await breakLock('hung', { distributed: store }), true);
  assert.equal(await breakLock('hung', { distributed: store }), false);
  const next = await takeElsewhere('lock:hung');
  // Its timers keep no program alive, so somebody else has to.
  const alive = setTimeout(() => undefined, 5000);
  if (!guard.signal.aborted) await once(guard.signal, 'abort');
  clearTimeout(alive);
  assert.ok(guard.signal.reason instanceof LockLostError);
  assert.equal(await guard.release(), false);
  assert.equal(await next.release(), true);
});

test('breakLock takes a name from the tasks of this thread, and leaves files to their processes', async () => {
  const guard = await lock('task');
  assert.equal(await breakLock('task'), true);
  assert.equal(guard.held, false);
  assert.equal(await guard.release(), false);
  assert.equal(await breakLock('task'), false);
  assert.equal(await breakLock('file', { external: true }), false);
  await using file = await lock('file', { external: true });
  await assert.rejects(breakLock('file', { external: true }), {
    code: 'ERR_LOCK_UNSUPPORTED',
    message: new RegExp(`process ${process.pid}`),
  });
  assert.equal(file.held, true);
});

test('configure sets the store of { distributed: true }', async () => {
  configure({ backend: 'memory:configured' });
  await using guard = await lock('c', { distributed: true });
  assert.equal(guard.held, true);
  const [key] = (await connect('memory:configured').list?.('')) ?? [];
  assert.equal(key, 'lock:c');
  configure({ backend: store });
  await using other = await lock('d', { distributed: true });
  assert.deepEqual(await store.list?.('lock:d'), ['lock:d']);
  assert.equal(other.held, true);
  assert.throws(() => configure({ backend: 5 as never }), TypeError);
});

test('the URL of the store reaches workers, a store object does not', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}).then(async ({ lock, connect }) => {
      const told = await lock('w', { distributed: true }, async () => (await connect('memory:workers').list('')).join())
        .catch((error) => error.code);
      parentPort.postMessage(told);
    });`;
  const tell = async (): Promise<unknown> => {
    const worker = new Worker(source, { eval: true });
    const [told] = (await once(worker, 'message')) as unknown[];
    await worker.terminate();
    return told;
  };
  configure({ backend: 'memory:workers' });
  assert.equal(await tell(), 'lock:w');
  configure({ backend: store });
  assert.equal(await tell(), 'ERR_LOCK_UNSUPPORTED');
});

test('connect says what is wrong with a URL, and never prints it', () => {
  for (const wrong of ['', 'localhost', 'http', 5])
    assert.throws(() => connect(wrong as never), { name: 'TypeError', message: /URL/ });
  assert.throws(
    () => connect('ftp://me:secret@host'),
    (error: Error) => {
      assert.equal((error as { code?: string }).code, 'ERR_LOCK_UNSUPPORTED');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
});

test('a store that was closed is an error, and nothing stays locked', async () => {
  const closing: Backend = connect('memory:closing');
  await closing.close();
  await assert.rejects(lock('x', { distributed: closing }), { code: 'ERR_LOCK_BACKEND' });
  await using guard = await tryLock('x');
  assert.ok(guard);
});

test('a wait in a store that times out says who holds it', async () => {
  const there = await takeElsewhere('lock:busy');
  await assert.rejects(lock('busy', { distributed: store, timeout: 30 }), (error: Error) => {
    assert.ok(error instanceof LockTimeoutError);
    assert.match(error.message, /timed out after 30 ms.*held by elsewhere-\d+ in memory, token \d+/);
    return true;
  });
  await there.release();
  // As one of us would hold it there: the id says who that is.
  const ours = await takeElsewhere('lock:busy', { id: newId() });
  await assert.rejects(lock('busy', { distributed: store, timeout: 30 }), (error: Error) =>
    error.message.includes(`held by process ${process.pid} of host ${hostname()} in memory, token `),
  );
  await ours.release();
});

test('a look into a store that is down is an error that says so', async () => {
  const down = Object.create(store, {
    inspect: { value: () => Promise.reject(new Error('ECONNREFUSED')) },
    break: { value: () => Promise.reject(new Error('ECONNREFUSED')) },
    list: { value: () => Promise.reject(new Error('ECONNREFUSED')) },
  }) as Backend;
  const wanted = { code: 'ERR_LOCK_BACKEND', message: /memory cannot be reached \(ECONNREFUSED\)/ };
  await assert.rejects(inspect('a', { distributed: down }), wanted);
  await assert.rejects(inspect(undefined, { distributed: down }), wanted);
  await assert.rejects(breakLock('a', { distributed: down }), wanted);
});
