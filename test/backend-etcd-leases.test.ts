/** Leases that many records of etcd share: who keeps them alive, and what happens when they end, or must not be used. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Grant } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { LockError } from '../src/index.js';
import { acquire, requestOf } from './support/backend-requests.js';
import { base64, Calls, idIn, leasesIn, recordsIn, storeBehindProxies } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import { etcdCall } from './support/servers/etcd.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });
const lost = { code: 'ERR_LOCK_LOST' };

/** What the store says to a request that is granted at once. */
async function granted(store: Backend, key: string, ttl: number): Promise<Required<Grant>> {
  const grant = await store.tryAcquire(requestOf(key, { ttl }));
  assert.ok(grant);
  return grant as Required<Grant>;
}

async function leaseOf(key: string): Promise<string> {
  const [record] = await recordsIn(server, `tierlock/${key}//`);
  return record?.lease ?? 'none';
}

const wipe = (name: string): Promise<unknown> =>
  etcdCall(server, '/v3/kv/deleterange', { key: base64(name) });
const revoke = (ID: string): Promise<unknown> => etcdCall(server, '/v3/lease/revoke', { ID });

test('what is renewed in one turn of the loop is renewed together, and lasts', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const grants = await Promise.all(
    Array.from({ length: 120 }, (_, i) => granted(store, `lock:together${i}`, 3000)),
  );
  const calls = new Calls(...proxies);
  const renewed = Promise.all(grants.map((grant) => grant.renew(3000)));
  await renewed;
  // A transaction takes a hundred.
  assert.deepEqual(calls.take().toSorted(), ['kv/txn', 'kv/txn', 'lease/keepalive']);
  for (let i = 0; i < 5; i++) {
    await sleep(900);
    await grants[i]?.renew(3000);
  }
  assert.equal((await recordsIn(server, 'tierlock/lock:together')).length, 120);
  const released = await Promise.all(grants.map((grant) => grant.release()));
  assert.ok(released.every(Boolean));
});

test('a lease that is not new any more is renewed before it is used; one that nobody uses is not', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const calls = new Calls(...proxies);
  await (await granted(store, 'lock:first', 4000)).release();
  calls.take();
  const young = await granted(store, 'lock:young', 4000);
  assert.ok(young.lasts > 2600 && young.lasts < 4000);
  assert.deepEqual(calls.take(), ['kv/txn']);
  await young.release();
  await sleep(1500);
  assert.deepEqual(calls.take(), ['kv/deleterange']);
  const old = await granted(store, 'lock:old', 4000);
  assert.deepEqual(calls.take(), ['lease/keepalive', 'kv/txn']);
  assert.ok(old.lasts > 3000);
  await old.release();
  await waitUntil(async () => (await leasesIn(server)).length === 0, { what: 'it has lapsed' });
  const next = await granted(store, 'lock:next', 4000);
  await next.release();
});

test('a record that was wiped is lost at its next renewal, and at once where somebody waits', async () => {
  await using store = open();
  const grant = await granted(store, 'lock:wiped', 30_000);
  const other = await granted(store, 'lock:other', 30_000);
  await wipe((await recordsIn(server, 'tierlock/lock:wiped//'))[0]?.key ?? '');
  const results = await Promise.allSettled([grant.renew(30_000), other.renew(30_000)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  await assert.rejects(grant.renew(30_000), lost);
  assert.equal(await grant.release(), false);

  const next = acquire(store, requestOf('lock:other', { waits: true }));
  await waitUntil(async () => (await recordsIn(server, 'tierlock/lock:other//')).length === 2, {
    what: 'the next one waits',
  });
  const { lost: signal } = other;
  await sleep(50);
  await wipe(
    (await recordsIn(server, 'tierlock/lock:other//')).find(
      ({ create_revision }) => BigInt(create_revision) === other.token,
    )?.key ?? '',
  );
  await waitUntil(() => signal.aborted, { what: 'the stream tells' });
  assert.ok(signal.reason instanceof LockError && signal.reason.code === 'ERR_LOCK_LOST');
  await (await next).release();
});

test('whoever wants to hear of it at once does, though nobody waits', async () => {
  await using proxied = await storeBehindProxies(server, { watchHeld: true });
  const { store, proxies } = proxied;
  const [proxy] = proxies;
  await (await granted(store, 'lock:heard', 30_000)).release();
  const calls = new Calls(...proxies);
  const grant = await granted(store, 'lock:heard', 30_000);
  const { lost: signal } = grant;
  await waitUntil(() => calls.take().length > 0, { what: 'it is asked for' });
  await sleep(100);
  assert.equal(signal.aborted, false);
  await wipe((await recordsIn(server, 'tierlock/lock:heard//'))[0]?.key ?? '');
  await waitUntil(() => signal.aborted, { what: 'the stream tells' });
  assert.equal(await grant.release(), false);
  await waitUntil(() => proxy !== undefined && proxy.connections <= 2, { what: 'the stream has ended' });
});

test('a lease that is gone is lost for all who hold by it, and another one serves who comes', async () => {
  await using store = open();
  const grants = await Promise.all(['lock:a', 'lock:b', 'lock:c'].map((key) => granted(store, key, 40_000)));
  const signals = grants.map((grant) => grant.lost);
  await revoke(await leaseOf('lock:a'));
  await assert.rejects(grants[0]?.renew(40_000) ?? Promise.resolve(), lost);
  assert.ok(signals.every((signal) => signal.aborted));
  for (const grant of grants) await assert.rejects(grant.renew(40_000), lost);
  const again = await granted(store, 'lock:a', 40_000);
  assert.ok(grants.every(({ token }) => again.token > token));
  await revoke(await leaseOf('lock:a'));
  // Nobody has told the driver yet.
  const next = await granted(store, 'lock:b', 40_000);
  assert.ok(next.token > again.token);
  assert.equal(await next.release(), true);
});

test('who waits with a lease that is revoked has a new place, behind the others', async () => {
  await using store = open();
  await using late = open();
  const held = await granted(store, 'lock:place', 30_000);
  const order: string[] = [];
  const waiting = async (who: string, from: Backend, ttl: number): Promise<void> => {
    const grant = await acquire(from, requestOf('lock:place', { waits: true, ttl, id: who }));
    order.push(who);
    const [holder] = (await from.inspect?.('lock:place')) ?? [];
    assert.deepEqual([holder?.id, holder?.token], [who, grant.token]);
    assert.equal(await grant.release(), true);
  };
  const places = async (): Promise<string[]> =>
    (await recordsIn(server, 'tierlock/lock:place//'))
      .toSorted((a, b) => Number(a.create_revision) - Number(b.create_revision))
      .map((kv) => idIn(kv) ?? '')
      .slice(1);
  const first = waiting('first', late, 20_000);
  await waitUntil(async () => (await places()).length === 1, { what: 'the first waits' });
  const second = waiting('second', store, 30_000);
  await waitUntil(async () => (await places()).length === 2, { what: 'the second waits' });
  const record = (await recordsIn(server, 'tierlock/lock:place//')).find((kv) => idIn(kv) === 'first');
  await revoke(record?.lease ?? '');
  await waitUntil(async () => (await places()).join() === 'second,first', { what: 'it waits again' });
  assert.equal(await held.release(), true);
  await Promise.all([first, second]);
  assert.deepEqual(order, ['second', 'first']);
});

test('who waits is kept alive, and one who was cut off for too long waits again', async () => {
  await using proxied = await storeBehindProxies(server, { timeout: 500 });
  const [proxy] = proxied.proxies;
  assert.ok(proxy);
  await using store = open();
  const held = await granted(store, 'lock:cut', 30_000);
  const request = requestOf('lock:cut', { waits: true, ttl: 1000 });
  const waiting = acquire(proxied.store, request);
  const place = async (): Promise<string | undefined> =>
    (await recordsIn(server, 'tierlock/lock:cut//')).find((kv) => idIn(kv) === request.id)?.create_revision;
  await waitUntil(place, { what: 'it waits' });
  const early = await place();
  await sleep(2500);
  assert.equal(await place(), early);
  proxy.refuse();
  proxy.cut();
  await waitUntil(async () => (await place()) === undefined, { what: 'its place has lapsed' });
  await proxy.heal();
  await waitUntil(place, { what: 'it waits again' });
  assert.notEqual(await place(), early);
  await held.release();
  const grant = await waiting;
  assert.ok(grant.token > BigInt(early ?? 0));
  assert.equal(await grant.release(), true);
});

test('another ttl takes the record to another lease, where it keeps its token', async () => {
  await using store = open();
  const grant = await granted(store, 'lock:long', 1000);
  const lease = await leaseOf('lock:long');
  await grant.renew(500);
  assert.equal(await leaseOf('lock:long'), lease);
  await grant.renew(60_000);
  assert.notEqual(await leaseOf('lock:long'), lease);
  await waitUntil(async () => !(await leasesIn(server)).includes(lease), {
    what: 'the short one has lapsed',
  });
  const [holder] = (await store.inspect?.('lock:long')) ?? [];
  assert.equal(holder?.token, grant.token);
  await grant.renew(60_000);
  // A shorter one counts, too.
  await grant.renew(1000);
  await waitUntil(async () => (await store.inspect?.('lock:long'))?.length === 0, { what: 'it has lapsed' });
  await assert.rejects(grant.renew(60_000), lost);
  assert.equal(await grant.release(), false);
});

test('a lease with a try that was never answered is left by all, and lapses with what nobody owns', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const [proxy] = proxies;
  assert.ok(proxy);
  const held = await granted(store, 'lock:held', 2000);
  const lease = await leaseOf('lock:held');
  const request = requestOf('lock:late', { ttl: 2000, waits: true });
  const dropped = proxy.loseReply({ request: (bytes) => bytes.includes('/v3/kv/txn') });
  await assert.rejects(store.tryAcquire(request), (error: unknown) => !(error instanceof LockError));
  await dropped;
  assert.equal(await leaseOf('lock:late'), lease);
  const late = await store.tryAcquire(request);
  assert.ok(late);
  assert.notEqual(await leaseOf('lock:late'), lease);
  // What a transaction that is still on its way would put.
  await etcdCall(server, '/v3/kv/put', { key: base64('tierlock/lock:ghost//1/w/ghost'), lease });
  const ghost = await store.inspect?.('lock:ghost');
  assert.equal(ghost?.length, 1);
  for (let i = 0; i < 15 && (await leasesIn(server)).includes(lease); i++) {
    await sleep(300);
    await held.renew(2000);
    await late.renew?.(2000);
  }
  assert.deepEqual(await store.inspect?.('lock:ghost'), []);
  assert.deepEqual(await Promise.all([held.release(), late.release()]), [true, true]);
});

test('what is forgotten while it is asked for is forgotten', async () => {
  await using store = open();
  await (await granted(store, 'lock:warm', 30_000)).release();
  for (const taken of [true, false]) {
    const held = taken ? await granted(store, 'lock:forgotten', 30_000) : undefined;
    const request = requestOf('lock:forgotten', { waits: true });
    const trying = store.tryAcquire(request);
    await store.forget?.(request);
    await trying;
    await held?.release();
    assert.deepEqual(await recordsIn(server, 'tierlock/lock:forgotten//'), []);
    await store.forget?.(request);
  }
});

test('a wait that is over costs nothing any more', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  await using other = open();
  const held = await granted(other, 'lock:over', 30_000);
  const calls = new Calls(...proxies);
  const request = requestOf('lock:over', { waits: true, ttl: 1000 });
  assert.equal(await store.tryAcquire(request), null);
  await waitUntil(() => calls.take().includes('lease/keepalive'), { what: 'its place is kept' });
  await store.forget?.(request);
  calls.take();
  await sleep(1000);
  assert.deepEqual(calls.take(), []);
  await held.release();
});
