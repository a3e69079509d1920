/** Who waits far behind in etcd: he hears of one record only, and comes near in time. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import type { Backend, Grant, Watch } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { acquire, fight, lineFor, requestOf, SCOUT, stand } from './support/backend-requests.js';
import type { TestRequest } from './support/backend-requests.js';
import { Calls, recordsIn, storeBehindProxies, streamsIn } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import type { Proxy, Verdict } from './support/proxy.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

/** Resolves when the next stream is asked for; what it tells, and nothing else, has that lot. */
function nextWatch(proxy: Proxy | undefined, verdict: Verdict): Promise<void> {
  let stream: number | undefined;
  return new Promise((resolve) => {
    proxy?.onData(({ way, bytes, connection }) => {
      if (way === 'up' && stream === undefined && bytes.includes('POST /v3/watch')) {
        stream = connection;
        resolve();
      }
      return way === 'down' && connection === stream ? verdict : 'pass';
    });
  });
}

test('who is far off is told of one record only, and when he is near, of all', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const calls = new Calls(...proxies);
  const { held, line } = await lineFor(other, 'lock:far');
  const request = requestOf('lock:far', { waits: true });
  const watch = await stand(store, request);
  assert.deepEqual(calls.take().slice(-2), ['watch', 'kv/txn']);
  const near = watch.changed();
  const [scout] = line.splice(SCOUT, 1);
  // Those behind and before the one whom he hears of.
  for (const one of [line.pop(), line.shift()]) await other.forget?.(one as TestRequest);
  await other.forget?.(scout as TestRequest);
  await near;
  assert.equal(calls.told, 1);
  assert.deepEqual(calls.take(), ['watch']);
  assert.equal(await store.tryAcquire(request), null);
  assert.deepEqual(calls.take(), ['kv/txn']);
  const turn = watch.changed();
  for (const one of line) await other.forget?.(one);
  await held.release();
  await turn;
  const grant = await store.tryAcquire(request);
  assert.ok(grant);
  assert.equal(calls.told, 2 + line.length);
  assert.deepEqual(calls.take(), [], 'he knows it from the stream');
  watch.close();
  assert.equal(await grant.release(), true);
});

test('what was far, and has ended, leaves no stream behind', async () => {
  await using other = open();
  await using store = open();
  const before = await streamsIn(server);
  const { held, line } = await lineFor(other, 'lock:ends');
  for (const end of ['far', 'coming', 'near']) {
    const request = requestOf('lock:ends', { waits: true });
    const watch = await stand(store, request);
    if (end !== 'far') {
      const near = watch.changed();
      const [scout] = line.splice(SCOUT, 1);
      await other.forget?.(scout as TestRequest);
      line.push(requestOf('lock:ends', { waits: true }));
      if (end === 'near') await near;
    }
    watch.close();
    await store.forget?.(request);
    await other.tryAcquire(line.at(-1) as TestRequest);
  }
  await waitUntil(async () => (await streamsIn(server)) === before, {
    what: 'etcd serves no stream any more',
  });
  for (const one of line) await other.forget?.(one);
  await held.release();
});

test('whom he would hear of may have gone before he listens', async () => {
  await using other = open();
  await using store = open();
  const { held, line } = await lineFor(other, 'lock:gone');
  // A ttl so long that its lease does not tell him to look in the meantime.
  const request = requestOf('lock:gone', { waits: true, ttl: 900_000 });
  assert.equal(await store.tryAcquire(request), null);
  await other.forget?.(line[SCOUT] as TestRequest);
  const watch = await store.watch?.(request);
  assert.equal(await store.tryAcquire(request), null);
  await watch?.changed();
  // From then on he hears of all.
  assert.equal(await store.tryAcquire(request), null);
  const turn = watch?.changed();
  for (const one of line) await other.forget?.(one);
  await held.release();
  await turn;
  assert.equal(await (await store.tryAcquire(request))?.release(), true);
  watch?.close();
});

test('several who wait for a key in one store share its stream, however far off they are', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const calls = new Calls(...proxies);
  const { held, line } = await lineFor(other, 'lock:both');
  const watchesIn = (paths: readonly string[]): number => paths.filter((path) => path === 'watch').length;
  const requests = [0, 1, 2].map(() => requestOf('lock:both', { waits: true }));
  const watches: Watch[] = [];
  for (const request of requests) watches.push(await stand(store, request));
  // The first one is told to look, because he did not hear of all until now.
  await watches[0]?.changed();
  assert.equal(watchesIn(calls.take()), 2, 'his own, and the one of all three');
  for (const request of requests) assert.equal(await store.tryAcquire(request), null);
  for (const one of line) await other.forget?.(one);
  calls.take();
  let free = held;
  for (const [i, request] of requests.entries()) {
    const turn = watches[i]?.changed();
    await free.release();
    await turn;
    free = (await store.tryAcquire(request)) as Grant;
    assert.ok(free);
    watches[i]?.close();
  }
  await free.release();
  assert.equal(watchesIn(calls.take()), 0);
});

test('who could not be told is told so, and is far off when he asks again', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const { held, line } = await lineFor(other, 'lock:far-fails');
  const request = requestOf('lock:far-fails', { waits: true });
  assert.equal(await store.tryAcquire(request), null);
  proxies[0]?.onData(({ way, bytes }) => {
    return way === 'up' && bytes.includes('POST /v3/watch') ? 'cut' : 'pass';
  });
  await assert.rejects(async () => store.watch?.(request), /no answer/);
  const calls = new Calls(...proxies);
  const watch = await stand(store, request);
  assert.deepEqual(calls.take(), ['kv/txn', 'watch', 'kv/txn']);
  const near = watch.changed();
  await other.forget?.(line[SCOUT] as TestRequest);
  await near;
  assert.deepEqual(calls.take(), ['watch']);
  watch.close();
  await store.forget?.(request);
  for (const one of line) await other.forget?.(one);
  await held.release();
});

test('who is far off and cut off looks, and comes near', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  const [proxy] = proxies;
  assert.ok(proxy);
  const { held, line } = await lineFor(other, 'lock:far-cut');
  const waiting = acquire(store, requestOf('lock:far-cut', { waits: true, ttl: 900_000 }));
  await waitUntil(() => proxy.connections >= 2, { what: 'his stream stands' });
  proxy.refuse();
  proxy.cut();
  for (const one of line) await other.forget?.(one);
  await held.release();
  await proxy.heal();
  assert.equal(await (await waiting).release(), true);
});

test('who has lost his record while he was far off has another place, and his turn', async () => {
  await using other = open();
  await using store = open();
  const { held, line } = await lineFor(other, 'lock:far-lost');
  const request = requestOf('lock:far-lost', { waits: true });
  const watch = await stand(store, request);
  const before = (await recordsIn(server, 'tierlock/lock:far-lost//')).length;
  await store.forget?.(request);
  assert.equal((await recordsIn(server, 'tierlock/lock:far-lost//')).length, before - 1);
  // Nobody tells him; but he looks now and then.
  assert.equal(await store.tryAcquire(request), null);
  for (const one of line) await other.forget?.(one);
  for (let turn = watch.changed(); ; turn = watch.changed()) {
    await held.release();
    await turn;
    const grant = await store.tryAcquire(request);
    if (grant === null) continue;
    assert.equal(await grant.release(), true);
    break;
  }
  watch.close();
});

test('a store that is closed wakes who is far off, and who was', async () => {
  await using other = open();
  for (const state of ['far', 'coming', 'near']) {
    await using proxied = await storeBehindProxies(server);
    const { store, proxies } = proxied;
    const key = `lock:${state}-closed`;
    const { held, line } = await lineFor(other, key);
    const request = requestOf(key, { waits: true });
    const watch = await stand(store, request);
    let changed = watch.changed();
    if (state === 'coming') {
      const asked = nextWatch(proxies[0], 'drop');
      await other.forget?.(line[SCOUT] as TestRequest);
      await asked;
    } else if (state === 'near') {
      await other.forget?.(line[SCOUT] as TestRequest);
      await changed;
      assert.equal(await store.tryAcquire(request), null);
      changed = watch.changed();
    }
    await store.close();
    await changed;
    for (const one of line) await other.forget?.(one);
    await held.release();
  }
});

test('who has asked twice, because the first answer did not come, is told when it is his turn', async () => {
  await using other = open();
  // Nobody gives the first one up but he himself.
  await using proxied = await storeBehindProxies(server, { timeout: 300_000 });
  const { store, proxies } = proxied;
  const { held, line } = await lineFor(other, 'lock:far-twice');
  const request = requestOf('lock:far-twice', { waits: true, ttl: 900_000 });
  assert.equal(await store.tryAcquire(request), null);
  const asked = nextWatch(proxies[0], 'drop');
  const first = store.watch?.(request);
  await asked;
  const watch = await store.watch?.(request);
  assert.equal(await store.tryAcquire(request), null);
  // He has no use for it any more.
  (await first)?.close();
  const turn = watch?.changed();
  for (const one of line) await other.forget?.(one);
  await held.release();
  await turn;
  assert.equal(await (await store.tryAcquire(request))?.release(), true);
  watch?.close();
});

test('many stores that fight for a key, most of them far off, lose no wake', async () => {
  await fight(Array.from({ length: 12 }, open), 'lock:crowd', { tasks: 1, rounds: 15 });
  assert.deepEqual(await recordsIn(server, 'tierlock/lock:crowd//'), []);
});
