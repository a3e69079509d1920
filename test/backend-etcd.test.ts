/** What the driver of etcd does when all is well: calls, order, names, and that nothing is left. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import type { Backend } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { lock, LockBackendError, LockMisuseError } from '../src/index.js';
import { acquire, requestOf } from './support/backend-requests.js';
import { Calls, leasesIn, recordsIn, storeBehindProxies } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

test('a free lock costs two calls, of whatever kind; all that share a ttl share a lease', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const calls = new Calls(...proxies);
  const first = await store.tryAcquire(requestOf('lock:first'));
  assert.deepEqual(calls.take(), ['lease/grant', 'kv/txn']);
  assert.equal(await first?.release(), true);
  assert.deepEqual(calls.take(), ['kv/deleterange']);
  for (const waits of [true, false]) {
    for (const kind of [{}, { shared: true }, { permits: 3, units: 2 }]) {
      const grant = await store.tryAcquire(requestOf('lock:next', { waits, ...kind }));
      assert.equal(await grant?.release(), true);
      assert.deepEqual(calls.take(), ['kv/txn', 'kv/deleterange']);
    }
  }
  const grants = await Promise.all(
    Array.from({ length: 20 }, (_, i) => store.tryAcquire(requestOf(`lock:${i}`, { ttl: 30_000 - i }))),
  );
  assert.equal(calls.take().length, 20);
  const records = await recordsIn(server);
  assert.equal(records.length, 20);
  assert.equal(new Set(records.map(({ lease }) => lease)).size, 1);
  for (const grant of grants) await grant?.release();
});

test('lock() through it costs two calls, and its token is that of the record', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  await (await lock('warm', { distributed: store })).release();
  const calls = new Calls(...proxies);
  const guard = await lock('orders', { distributed: store });
  const [record] = await recordsIn(server);
  assert.equal(guard.token >> 10n, BigInt(record?.create_revision ?? 0));
  assert.equal(await guard.release(), true);
  assert.deepEqual(calls.take(), ['kv/txn', 'kv/deleterange']);
});

test('a try that does not wait leaves no record, nor disturbs the queue', async () => {
  await using store = open();
  await using other = open();
  const held = await store.tryAcquire(requestOf('lock:taken'));
  assert.equal(await other.tryAcquire(requestOf('lock:taken')), null);
  assert.equal(await other.tryAcquire(requestOf('lock:taken', { shared: true })), null);
  assert.equal((await recordsIn(server)).length, 1);
  await held?.release();
  const two = await store.tryAcquire(requestOf('semaphore:taken', { permits: 3, units: 2 }));
  assert.equal(await other.tryAcquire(requestOf('semaphore:taken', { permits: 3, units: 2 })), null);
  const one = await other.tryAcquire(requestOf('semaphore:taken', { permits: 3 }));
  assert.ok(one && two && one.token > two.token);
  assert.equal((await recordsIn(server)).length, 2);
  await Promise.all([one.release(), two.release()]);
});

test('the same id is the same acquisition, be it granted or waiting', async () => {
  await using store = open();
  for (const waits of [true, false]) {
    const request = requestOf('lock:twice', { waits });
    const [first, second] = await Promise.all([store.tryAcquire(request), store.tryAcquire(request)]);
    const third = await store.tryAcquire(request);
    assert.ok(first && second?.token === first.token && third?.token === first.token);
    const waiting = requestOf('lock:twice', { waits: true });
    assert.deepEqual(
      await Promise.all([store.tryAcquire(waiting), store.tryAcquire(waiting), store.tryAcquire(waiting)]),
      [null, null, null],
    );
    assert.equal((await recordsIn(server)).length, 2);
    await store.forget?.(waiting);
    assert.equal(await third.release(), true);
    assert.equal(await first.release(), false);
    assert.equal((await recordsIn(server)).length, 0);
  }
});

test('the queue of three backends is served in the order of arrival, and each release wakes one', async () => {
  const stores = [open(), open(), open()];
  const held = await stores[0]?.tryAcquire(requestOf('lock:queue'));
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  let last = held?.token ?? 0n;
  for (let i = 0; i < 12; i++) {
    const request = requestOf('lock:queue', { waits: true });
    const wait = async (store: Backend): Promise<void> => {
      const grant = await acquire(store, request);
      assert.ok(grant.token > last);
      last = grant.token;
      order.push(i);
      assert.equal(await grant.release(), true);
    };
    waiting.push(wait(stores[i % 3] as Backend));
    await waitUntil(async () => (await recordsIn(server)).length === i + 2, { what: `${i} waits` });
  }
  await held?.release();
  await Promise.all(waiting);
  assert.deepEqual(
    order,
    Array.from({ length: 12 }, (_, i) => i),
  );
  await Promise.all(stores.map((store) => store.close()));
});

test('readers hold together, but none passes a writer; permits go to those before', async () => {
  await using store = open();
  const readers = [0, 1].map(() => requestOf('lock:rw', { shared: true, waits: true }));
  const grants = await Promise.all(readers.map((request) => store.tryAcquire(request)));
  assert.ok(grants.every((grant) => grant !== null));
  const writer = requestOf('lock:rw', { waits: true });
  const late = requestOf('lock:rw', { shared: true, waits: true });
  const writing = acquire(store, writer);
  await waitUntil(async () => (await recordsIn(server)).length === 3, { what: 'the writer waits' });
  const reading = acquire(store, late);
  assert.equal(await store.tryAcquire(requestOf('lock:rw', { shared: true })), null);
  const ids = (await store.inspect?.('lock:rw'))?.map(({ id }) => id);
  assert.deepEqual(ids?.toSorted(), readers.map(({ id }) => id).toSorted());
  await Promise.all(grants.map((grant) => grant?.release()));
  const written = await writing;
  assert.deepEqual(
    (await store.inspect?.('lock:rw'))?.map(({ id, shared }) => [id, shared]),
    [[writer.id, false]],
  );
  await written.release();
  await (await reading).release();

  const two = await acquire(store, requestOf('semaphore:s', { permits: 3, units: 2, waits: true }));
  const big = acquire(store, requestOf('semaphore:s', { permits: 3, units: 2, waits: true }));
  await waitUntil(async () => (await recordsIn(server)).length === 2, { what: 'the second waits' });
  // One is free, but not for whoever comes after it.
  assert.equal(await store.tryAcquire(requestOf('semaphore:s', { permits: 3 })), null);
  const small = acquire(store, requestOf('semaphore:s', { permits: 3, waits: true }));
  await two.release();
  await Promise.all([(await big).release(), (await small).release()]);
});

test('another number of permits is a mistake, and leaves no record', async () => {
  await using store = open();
  const grant = await store.tryAcquire(requestOf('semaphore:k', { permits: 3 }));
  for (const waits of [true, false]) {
    for (const permits of [1, 2, 30]) {
      await assert.rejects(
        store.tryAcquire(requestOf('semaphore:k', { permits, waits })),
        (error: unknown) => error instanceof LockMisuseError && /with 3 permits/.test(error.message),
      );
    }
  }
  assert.equal((await recordsIn(server)).length, 1);
  await grant?.release();
});

test('names are told apart, whatever is in them, and so are prefixes', async () => {
  const names = [
    'a',
    'a/',
    'a//',
    'a//1/w/x',
    'a/b',
    'a%002f',
    '%',
    'a%',
    '\0',
    'é',
    'e\u0301',
    '🔒',
    '\uD800',
  ];
  names.push('\uD83D', '\uDD12', '\uFFFD', 'A', ' ', 'x'.repeat(10_000), `${'x'.repeat(10_000)}y`);
  const prefixes = ['tierlock', 'tierlock/lock:a', 'tierlock/lock:a/lock:b', '/tierlock', ''];
  for (const prefix of prefixes) {
    await using store = etcd({ endpoints: server.urls, prefix });
    const keys = names.map((name) => `lock:${name}`);
    const grants = await Promise.all(keys.map((key) => store.tryAcquire(requestOf(key))));
    assert.ok(grants.every((grant) => grant !== null));
    const again = await Promise.all(keys.map((key) => store.tryAcquire(requestOf(key))));
    assert.ok(again.every((grant) => grant === null));
    assert.deepEqual((await store.list?.(''))?.toSorted(), keys.toSorted());
    assert.deepEqual((await store.list?.('lock:a%'))?.toSorted(), ['lock:a%', 'lock:a%002f']);
    assert.equal((await store.list?.('lock:\uD83D'))?.length, 2);
    for (const key of keys) assert.equal((await store.inspect?.(key))?.length, 1);
    if (prefix !== prefixes.at(-1)) continue;
    assert.ok((await store.break?.('lock:a')) && (await store.inspect?.('lock:a'))?.length === 0);
    assert.equal(await store.break?.('lock:a'), false);
    assert.equal((await store.list?.(''))?.length, keys.length - 1);
  }
});

test('who holds is told with the time that is left; break takes it, and the next one has it', async () => {
  await using store = open();
  await using other = open();
  const request = requestOf('lock:broken', { ttl: 20_000 });
  const grant = await store.tryAcquire(request);
  const next = acquire(other, requestOf('lock:broken', { waits: true }));
  await waitUntil(async () => (await recordsIn(server, 'tierlock/lock:broken//')).length === 2, {
    what: 'the next one waits',
  });
  const [holder, ...more] = (await other.inspect?.('lock:broken')) ?? [];
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...holder, left: 0 },
    { id: request.id, token: grant?.token, shared: false, units: 1, left: 0 },
  );
  assert.ok(holder?.left !== undefined && holder.left > 10_000 && holder.left <= 20_000);
  assert.equal(await other.break?.('lock:broken'), true);
  await assert.rejects(grant?.renew?.(20_000) ?? Promise.resolve(), { code: 'ERR_LOCK_LOST' });
  assert.equal(await grant?.release(), false);
  await (await next).release();
});

test('closed it has left nothing, and says so to whoever asks', async () => {
  const store = open();
  const { length: leases } = await leasesIn(server);
  const grant = await store.tryAcquire(requestOf('lock:end', { ttl: 60_000 }));
  const held = await store.tryAcquire(requestOf('lock:held', { ttl: 50_000 }));
  await grant?.release();
  assert.equal((await leasesIn(server)).length, leases + 2);
  await Promise.all([store.close(), store.close()]);
  // What is held lapses.
  assert.equal((await leasesIn(server)).length, leases + 1);
  assert.equal(
    (await recordsIn(server, 'tierlock/lock:')).filter(({ key }) => /:(end|held)/.test(key)).length,
    1,
  );
  const closed = (error: unknown): boolean =>
    error instanceof LockBackendError && /was closed/.test(error.message);
  await assert.rejects(store.tryAcquire(requestOf('lock:end')), closed);
  await assert.rejects(store.watch?.(requestOf('lock:end')) ?? Promise.resolve(), closed);
  await assert.rejects(store.inspect?.('lock:end') ?? Promise.resolve(), closed);
  await assert.rejects(held?.release() ?? Promise.resolve(), closed);
});
