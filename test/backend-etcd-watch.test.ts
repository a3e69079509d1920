/** The stream by which those who wait for a key of etcd hear that it is their turn, and what happens when it breaks. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Backend, Grant } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { acquire, fight, requestOf, stand } from './support/backend-requests.js';
import { base64, Calls, recordsIn, storeBehindProxies } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import { etcdCall, startEtcd } from './support/servers/etcd.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

async function hold(store: Backend, key: string): Promise<Grant> {
  const grant = await store.tryAcquire(requestOf(key));
  assert.ok(grant);
  return grant;
}

const queued = (key: string, count: number): Promise<unknown> =>
  waitUntil(async () => (await recordsIn(server, `tierlock/${key}//`)).length === count, {
    what: `there are ${count} records`,
  });

test('all who wait for a key share a stream, and only the one whose turn it is is told', async () => {
  await using proxied = await storeBehindProxies(server);
  const { store, proxies } = proxied;
  await using other = open();
  const held = await hold(other, 'lock:turns');
  const calls = new Calls(...proxies);
  const told: number[] = [];
  const requests = [0, 1, 2, 3].map(() => requestOf('lock:turns', { waits: true }));
  const watches = [];
  for (const [i, request] of requests.entries()) {
    assert.equal(await store.tryAcquire(request), null);
    const watch = await store.watch?.(request);
    assert.ok(watch);
    watches.push(watch);
    void watch.changed().then(() => told.push(i));
  }
  assert.equal(calls.take().filter((path) => path === 'watch').length, 1);
  // The last one gives up: nobody's affair.
  await store.forget?.(requests[3] as (typeof requests)[0]);
  await held.release();
  await waitUntil(() => told.length >= 1, { what: 'one is told' });
  calls.take();
  const first = await store.tryAcquire(requests[0] as (typeof requests)[0]);
  // One look is enough.
  assert.deepEqual(calls.take(), ['kv/txn']);
  // The one who gave up was told that his record is gone.
  assert.deepEqual(
    told.filter((i) => i !== 3),
    [0],
  );
  await first?.release();
  await waitUntil(() => told.includes(1), { what: 'the next one is told' });
  assert.ok(!told.includes(2));
  for (const watch of watches) watch.close();
  for (const request of requests) await store.forget?.(request);
});

test('one without a place is told whenever there is room for him, also if another one is quicker', async () => {
  await using store = open();
  await using other = open();
  for (const kind of [{}, { shared: true }, { permits: 3, units: 2 }]) {
    const held = await other.tryAcquire(requestOf('lock:room', { ...kind, shared: false }));
    const watch = await store.watch?.(requestOf('lock:room', kind));
    let told = 0;
    const look = async (): Promise<void> => {
      await watch?.changed();
      told++;
      await look();
    };
    void look();
    assert.equal(await held?.release(), true);
    await waitUntil(() => told === 1, { what: 'he is told' });
    const quicker = await other.tryAcquire(requestOf('lock:room', { ...kind, shared: false }));
    assert.equal(await quicker?.release(), true);
    await waitUntil(() => told === 2, { what: 'he is told again' });
    watch?.close();
  }
});

test('who comes to a stream that stands already is told as well, and asks nothing more', async () => {
  await using one = await storeBehindProxies(server);
  await using two = await storeBehindProxies(server);
  const stores = [one.store, two.store];
  const calls = new Calls(...one.proxies, ...two.proxies);
  let grant = await hold(one.store, 'lock:linger');
  for (let i = 1; i <= 6; i++) {
    const store = stores[i % 2] as Backend;
    const request = requestOf('lock:linger', { waits: true });
    assert.equal(await store.tryAcquire(request), null);
    const watch = await store.watch?.(request);
    assert.equal(await store.tryAcquire(request), null);
    calls.take();
    const released = grant.release();
    await watch?.changed();
    const next = await store.tryAcquire(request);
    assert.ok(next);
    // By the stream, and not because its lease was renewed.
    assert.deepEqual(calls.take(), ['kv/deleterange']);
    assert.equal(await released, true);
    watch?.close();
    grant = next;
  }
  await grant.release();
});

test('of permits nobody is far off: whoever of those before him goes may make room', async () => {
  await using other = open();
  await using store = open();
  const init = { permits: 5, ttl: 900_000 };
  const grants: Grant[] = [];
  for (let i = 0; i < 5; i++) {
    grants.push((await other.tryAcquire(requestOf('semaphore:far', init))) as Grant);
  }
  const request = requestOf('semaphore:far', { ...init, waits: true });
  const watch = await stand(store, request);
  const turn = watch.changed();
  await grants.pop()?.release();
  await turn;
  grants.push((await store.tryAcquire(request)) as Grant);
  watch.close();
  for (const grant of grants) assert.equal(await grant.release(), true);
});

test('a stream that is cut is opened anew, and what happened meanwhile is told', async () => {
  await using proxied = await storeBehindProxies(server);
  const [proxy] = proxied.proxies;
  assert.ok(proxy);
  await using other = open();
  for (const compacted of [false, true]) {
    const held = await hold(other, 'lock:cut');
    const waiting = acquire(proxied.store, requestOf('lock:cut', { waits: true }));
    await queued('lock:cut', 2);
    await waitUntil(() => proxy.connections >= 2, { what: 'the stream stands' });
    proxy.refuse();
    proxy.cut();
    await held.release();
    if (compacted) {
      const { header } = (await etcdCall(server, '/v3/kv/put', { key: base64('any') })) as {
        header: { revision: string };
      };
      await etcdCall(server, '/v3/kv/compaction', { revision: header.revision, physical: true });
    }
    await proxy.heal();
    assert.equal(await (await waiting).release(), true);
  }
});

test('a stream that ends whenever it stands is not opened without a pause', async () => {
  await using proxied = await storeBehindProxies(server);
  const [proxy] = proxied.proxies;
  assert.ok(proxy);
  await using other = open();
  const held = await hold(other, 'lock:flaps');
  const request = requestOf('lock:flaps', { waits: true });
  let opened = 0;
  proxy.onData(({ way, bytes }) => {
    if (way === 'down' && bytes.includes('"created":true')) {
      opened++;
      setImmediate(() => proxy.cut());
    }
    return 'pass';
  });
  assert.equal(await proxied.store.tryAcquire(request), null);
  const watch = await proxied.store.watch?.(request);
  const begun = performance.now();
  const first = opened;
  await waitUntil(() => opened >= first + 12, { what: 'it was opened again and again' });
  // A pause lasts half of 50 ms at least.
  assert.ok(performance.now() - begun > 250);
  await proxy.heal();
  watch?.close();
  await proxied.store.forget?.(request);
  await held.release();
});

test('a stream that has fallen silent does not keep anybody waiting', async () => {
  await using proxied = await storeBehindProxies(server);
  const [proxy] = proxied.proxies;
  assert.ok(proxy);
  await using other = open();
  const held = await hold(other, 'lock:silent');
  const streams = new Set<number>();
  let silent = false;
  let dropped = 0;
  proxy.onData(({ way, bytes, connection }) => {
    if (way === 'up' && bytes.includes('POST /v3/watch')) streams.add(connection);
    if (!silent || way === 'up' || !streams.has(connection)) return 'pass';
    dropped++;
    return 'drop';
  });
  const request = requestOf('lock:silent', { waits: true, ttl: 1500 });
  assert.equal(await proxied.store.tryAcquire(request), null);
  const watch = await proxied.store.watch?.(request);
  assert.equal(streams.size, 1);
  silent = true;
  assert.equal(await proxied.store.tryAcquire(request), null);
  const changed = watch?.changed();
  await held.release();
  await waitUntil(() => dropped > 0, { what: 'the stream would have told' });
  // The keepalive of its lease tells.
  await changed;
  assert.equal(await (await proxied.store.tryAcquire(request))?.release(), true);
  watch?.close();
});

test('a store that goes away and comes back wakes who waits', async () => {
  await using own = await startEtcd();
  await using store = etcd({ endpoints: own.urls });
  await using other = etcd({ endpoints: own.urls });
  const held = await hold(other, 'lock:back');
  const waiting = acquire(store, requestOf('lock:back', { waits: true }));
  await waitUntil(async () => (await recordsIn(own)).length === 2, { what: 'it waits' });
  await own.nodes[0]?.restart();
  assert.equal(await held.release(), true);
  assert.equal(await (await waiting).release(), true);
});

test('many who fight for a key from several stores lose no wake', async () => {
  await fight([open(), open(), open()], 'lock:fight', { tasks: 3, rounds: 10 });
  assert.deepEqual(await recordsIn(server, 'tierlock/lock:fight//'), []);
});

test('it keeps a program alive while somebody waits, and only then', async () => {
  await using store = open();
  const held = await hold(store, 'lock:alive');
  const program = `
    import { etcd } from '${new URL('../src/backends/etcd.js', import.meta.url).href}';
    import { acquire, requestOf } from '${new URL('support/backend-requests.js', import.meta.url).href}';
    const store = etcd({ endpoints: ${JSON.stringify(server.urls)} });
    const grant = await acquire(store, requestOf('lock:alive', { waits: true }));
    console.log(await grant.release());
    // Neither what is held nor what is open: nobody closes the store.
    await store.tryAcquire(requestOf('lock:left', { ttl: 1000 }));
    console.log('over');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await queued('lock:alive', 2);
  await held.release();
  const over = waitUntil(() => output.includes('over'), { what: 'it is over' }).then(() => performance.now());
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, output], [0, 'true\nover\n']);
  // Sooner than a stream lingers.
  assert.ok(performance.now() - (await over) < 900);
});
