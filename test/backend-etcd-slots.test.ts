/** Names of records that one acquisition has after the other, and what never happens by that. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Grant } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { Layout } from '../src/backends/etcd-records.js';
import { Slots } from '../src/backends/etcd-slots.js';
import { deleting } from '../src/backends/etcd-txn.js';
import { acquire, requestOf } from './support/backend-requests.js';
import { base64, idIn, recordsIn, storeBehindProxies } from './support/etcd-store.js';
import type { Proxy } from './support/proxy.js';
import { ownEtcd } from './support/own-etcd.js';
import { etcdCall } from './support/servers/etcd.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

async function granted(store: Backend, key: string): Promise<Required<Grant>> {
  const grant = await store.tryAcquire(requestOf(key));
  assert.ok(grant);
  return grant as Required<Grant>;
}

async function namesOf(key: string): Promise<string[]> {
  return (await recordsIn(server, `tierlock/${key}//`)).map(({ key: name }) => name);
}

/** The names that were in use for so many grants, one after the other. */
async function namesIn(store: Backend, key: string, rounds: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let i = 0; i < rounds; i++) {
    const grant = await granted(store, key);
    for (const name of await namesOf(key)) names.add(name);
    assert.equal(await grant.release(), true);
  }
  return names;
}

/** Holds back the next request with that in it, and all after it on its connection, until the result is called. */
function holdBack(proxy: Proxy, path: string): { readonly held: () => boolean; readonly heal: () => void } {
  let held = false;
  proxy.onData(({ way, bytes }) => {
    if (held || way !== 'up' || !bytes.includes(path)) return 'pass';
    held = true;
    return 'drop';
  });
  return { held: () => held, heal: () => proxy.onData(undefined) };
}

test('one after the other has the same name, of each mode; at a time each has its own', async () => {
  await using store = open();
  await using other = open();
  assert.equal((await namesIn(store, 'lock:one', 10)).size, 1);
  const both = new Set([...(await namesIn(store, 'lock:one', 2)), ...(await namesIn(other, 'lock:one', 2))]);
  assert.equal(both.size, 2);
  const seen = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const requests = Array.from({ length: 5 }, () => requestOf('semaphore:five', { permits: 5 }));
    const grants = await Promise.all(requests.map((request) => acquire(store, request)));
    const records = await recordsIn(server, 'tierlock/semaphore:five//');
    assert.deepEqual(records.map((kv) => idIn(kv) ?? '').toSorted(), requests.map(({ id }) => id).toSorted());
    for (const { key } of records) seen.add(key);
    await Promise.all(grants.map((grant) => grant.release()));
  }
  assert.equal(seen.size, 5);
});

test('who waits, gives up, or is refused leaves his name to the next one', async () => {
  await using store = open();
  const held = await granted(store, 'lock:names');
  const names = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const request = requestOf('lock:names', { waits: true });
    assert.equal(await store.tryAcquire(request), null);
    assert.equal(await store.tryAcquire(requestOf('lock:names')), null);
    for (const name of await namesOf('lock:names')) names.add(name);
    await store.forget?.(request);
  }
  assert.equal(names.size, 2);
  assert.equal(await held.release(), true);
});

test('who has given it back neither releases nor renews the grant of the next one, of the same name', async () => {
  await using store = open();
  const request = requestOf('lock:past', { waits: true });
  const past = (await store.tryAcquire(request)) as Required<Grant>;
  const [name] = await namesOf('lock:past');
  assert.equal(await past.release(), true);
  const present = await granted(store, 'lock:past');
  assert.deepEqual(await namesOf('lock:past'), [name]);
  assert.equal(await past.release(), false);
  await store.forget?.(request);
  await assert.rejects(past.renew(30_000), { code: 'ERR_LOCK_LOST' });
  await present.renew(30_000);
  assert.equal(present.lost.aborted, false);
  assert.equal(await present.release(), true);
});

test('a late transaction of one who gave up makes no record of the name of another one', async () => {
  await using proxied = await storeBehindProxies(server, { timeout: 500 });
  const { store, proxies } = proxied;
  const [proxy] = proxies as [Proxy];
  const [name] = await namesIn(store, 'lock:late', 2);
  for (const lost of ['request', 'reply'] as const) {
    const request = requestOf('lock:late', { waits: true, ttl: 2000 });
    const isTxn = (bytes: Buffer): boolean => bytes.includes('/v3/kv/txn');
    const gone = lost === 'reply' ? proxy.loseReply({ request: isTxn }) : undefined;
    const back = lost === 'request' ? holdBack(proxy, '/v3/kv/txn') : undefined;
    await assert.rejects(store.tryAcquire(request));
    await gone;
    assert.ok(back?.held() ?? true);
    back?.heal();
    await store.forget?.(request);
    const next = await granted(store, 'lock:late');
    const [now] = await namesOf('lock:late');
    assert.notEqual(now, name);
    assert.equal(await next.release(), true);
    // Again and again, what comes late does not matter.
    assert.deepEqual(await namesIn(store, 'lock:late', 3), new Set([now]));
  }
});

test('the same id keeps its name after a lost answer: it is never counted twice', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const [proxy] = proxies as [Proxy];
  await namesIn(store, 'lock:same', 1);
  const request = requestOf('lock:same', { waits: true });
  const gone = proxy.loseReply({ request: (bytes) => bytes.includes('/v3/kv/txn') });
  await assert.rejects(store.tryAcquire(request));
  await gone;
  const [put] = await recordsIn(server, 'tierlock/lock:same//');
  const grant = await store.tryAcquire(request);
  assert.equal(grant?.token, BigInt(put?.create_revision ?? 0));
  assert.equal((await namesOf('lock:same')).length, 1);
  assert.equal(await grant?.release(), true);
});

test('a late delete of one who released or forgot takes nothing from another one', async () => {
  await using proxied = await storeBehindProxies(server, { timeout: 500 });
  const { store, proxies } = proxied;
  const [proxy] = proxies as [Proxy];
  for (const how of ['release', 'forget'] as const) {
    const request = requestOf('lock:deleted', { waits: true, ttl: 2000 });
    const grant = await store.tryAcquire(request);
    const [name = ''] = await namesOf('lock:deleted');
    const back = holdBack(proxy, '/v3/kv/deleterange');
    // What is forgotten is asked for again, by itself: the answer to the second one does not tell of the first.
    if (how === 'release') await assert.rejects(grant?.release() ?? Promise.resolve());
    else await store.forget?.(request);
    assert.ok(back.held());
    back.heal();
    await store.forget?.(request);
    const next = await granted(store, 'lock:deleted');
    assert.notDeepEqual(await namesOf('lock:deleted'), [name]);
    // There it is.
    await etcdCall(server, '/v3/kv/deleterange', { key: base64(name) });
    await next.renew(30_000);
    assert.equal(await next.release(), true);
  }
});

test('what a stream tells late of the one before is no loss of the one who has his name now', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const [proxy] = proxies as [Proxy];
  const past = await granted(store, 'lock:told');
  const watch = await store.watch?.(requestOf('lock:told'));
  const [name] = await namesOf('lock:told');
  let streamed = 0;
  // Only what the stream tells is slow.
  const wait = { is: true };
  const later: Buffer[] = [];
  proxy.onData(({ way, bytes }) => {
    if (way === 'up' || !bytes.includes('"events"')) return 'pass';
    streamed++;
    if (wait.is) later.push(bytes);
    return 'pass';
  });
  assert.equal(await past.release(), true);
  const present = await granted(store, 'lock:told');
  const { lost } = present;
  assert.deepEqual(await namesOf('lock:told'), [name]);
  await waitUntil(() => streamed > 0, { what: 'the stream tells' });
  await sleep(50);
  assert.equal(lost.aborted, false);
  await etcdCall(server, '/v3/kv/deleterange', { key: base64(name ?? '') });
  await waitUntil(() => lost.aborted, { what: 'its own end is told' });
  watch?.close();
});

test('break takes what it has seen, and not who came after it under the name', async () => {
  await using store = open();
  const { token, release } = await granted(store, 'lock:breaks').then((past) => ({
    token: past.token,
    release: () => past.release(),
  }));
  const [name = ''] = await namesOf('lock:breaks');
  assert.equal(await release(), true);
  const present = await granted(store, 'lock:breaks');
  assert.deepEqual(await namesOf('lock:breaks'), [name]);
  // What is sent by one who has read the records before.
  const record = { name: base64(name), id: '', permits: 1, shared: false, units: 1, lease: '0' };
  await etcdCall(server, '/v3/kv/txn', deleting([{ ...record, token }]));
  await present.renew(30_000);
  await etcdCall(server, '/v3/kv/txn', deleting([{ ...record, token: present.token }]));
  await assert.rejects(present.renew(30_000), { code: 'ERR_LOCK_LOST' });
});

always('a hundred thousand names that were used once leave nothing', () => {
  const slots = new Slots(new Layout('p'));
  const request = requestOf('lock:any');
  for (let i = 0; i < 100_000; i++) {
    const slot = slots.take({ ...request, key: `lock:${i}`, id: `${i}` });
    slot.begin();
    slot.end();
  }
  assert.ok(slots.size <= 200, `${slots.size} are left`);
});

always('a retired number is replaced, and what overlaps retires', async () => {
  const slots = new Slots(new Layout('p'));
  const take = (): ReturnType<Slots['take']> => slots.take(requestOf('lock:r'));
  const first = take();
  first.begin();
  first.end();
  assert.ok(first.isOver);
  const second = take();
  assert.equal(second.own, first.own);
  // A put and a delete at a time: whichever is last.
  await Promise.all([
    second.putting(
      async () => false,
      (is) => is,
    ),
    second.deleting(async () => true),
  ]);
  const third = take();
  assert.notEqual(third.own, second.own);
  third.begin();
  third.end();
  assert.equal(take().own, third.own);
});
