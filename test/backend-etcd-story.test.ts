/** What who waits in etcd makes of what the stream tells him: whether it is his turn, and whether he has to look. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import type { Backend, BackendRequest, Grant } from '../src/backend.js';
import { EtcdClient } from '../src/backends/etcd-client.js';
import { Lease } from '../src/backends/etcd-lease.js';
import { settingsOf } from '../src/backends/etcd-options.js';
import { Place } from '../src/backends/etcd-place.js';
import { Layout, nameOf, type EtcdRecord } from '../src/backends/etcd-records.js';
import { Watches } from '../src/backends/etcd-watch.js';
import { etcd } from '../src/backends/etcd.js';
import { uptime } from '../src/clock.js';
import { requestOf, stand } from './support/backend-requests.js';
import { base64, Calls, idIn, recordsIn, storeBehindProxies } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import { etcdCall } from './support/servers/etcd.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

async function hold(store: Backend, key: string): Promise<Grant> {
  const grant = await store.tryAcquire(requestOf(key));
  assert.ok(grant);
  return grant;
}

/** Resolves when the store has been told that a record was deleted. */
async function listen(store: Backend, key: string): Promise<() => Promise<void>> {
  const watch = await store.watch?.(requestOf(key));
  return async () => {
    await watch?.changed();
    watch?.close();
  };
}

test('who does not know all who are before him looks when those have gone that he knows of', async () => {
  await using other = open();
  await using store = open();
  const key = 'lock:some';
  const held = await hold(other, key);
  const ahead = Array.from({ length: 110 }, () => requestOf(key, { waits: true }));
  for (const request of ahead) assert.equal(await other.tryAcquire(request), null);
  const request = requestOf(key, { waits: true });
  const watch = await stand(store, request);
  const changed = watch.changed();
  for (const one of ahead) await other.forget?.(one);
  await changed;
  assert.equal(await store.tryAcquire(request), null);
  // One more, and its own record was deleted: it puts a new one, and is told of the last one before it.
  const between = requestOf(key, { waits: true });
  assert.equal(await other.tryAcquire(between), null);
  const gone = watch.changed();
  const records = await recordsIn(server, `tierlock/${key}//`);
  const own = records.find((kv) => idIn(kv) === request.id);
  await etcdCall(server, '/v3/kv/deleterange', { key: base64(own?.key ?? '') });
  await gone;
  assert.equal(await store.tryAcquire(request), null);
  const heard = await listen(store, key);
  await other.forget?.(between);
  await heard();
  assert.equal(await store.tryAcquire(request), null);
  const last = watch.changed();
  await held.release();
  await last;
  assert.equal(await (await store.tryAcquire(request))?.release(), true);
  watch.close();
});

test('who was told that all before him have gone holds, in whatever order they went', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const { store } = proxied;
  const calls = new Calls(...proxied.proxies);
  for (const [kind, free] of [
    [{}, [0, 1, 2]],
    [{}, [1, 2, 0]],
    [{}, [2, 1, 0]],
    // One reader, and permits for two of the three who are before it.
    [{ shared: true }, [1, 2, 0]],
    [{ permits: 3 }, [1]],
  ] as const) {
    const key = 'lock:all';
    const ahead = [0, 1, 2].map(() => requestOf(key, { ...kind, shared: false, waits: true }));
    const grants = [];
    for (const request of ahead) grants.push(await other.tryAcquire(request));
    const request = requestOf(key, { ...kind, waits: true });
    const watch = await stand(store, request);
    calls.take();
    let told = false;
    const changed = watch.changed().then(() => (told = true));
    for (const i of free) {
      assert.equal(told, false);
      const heard = await listen(store, key);
      await other.forget?.(ahead[i] as BackendRequest);
      await grants[i]?.release();
      await heard();
    }
    await changed;
    const grant = await store.tryAcquire(request);
    assert.deepEqual(calls.take(), [], 'nothing is asked for');
    assert.equal(
      grant?.token,
      BigInt(
        (await recordsIn(server, `tierlock/${key}//`)).find((kv) => idIn(kv) === request.id)
          ?.create_revision ?? 0,
      ),
    );
    await grant?.release();
    watch.close();
    for (const one of ahead) await other.forget?.(one);
    for (const one of grants) await one?.release();
  }
});

test('whose own record was deleted first is not first, he comes last with a new one', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const calls = new Calls(...proxied.proxies);
  const held = await hold(other, 'lock:own');
  const request = requestOf('lock:own', { waits: true });
  const watch = await stand(proxied.store, request);
  const own = (await recordsIn(server, 'tierlock/lock:own//')).find((kv) => idIn(kv) === request.id);
  assert.ok(own);
  calls.take();
  // In one step, so that he hears of both at a time.
  const [from, end] = ['tierlock/lock:own//', 'tierlock/lock:own/0'].map(base64);
  await etcdCall(server, '/v3/kv/deleterange', { key: from, range_end: end });
  await watch.changed();
  const next = await proxied.store.tryAcquire(request);
  assert.ok(next && next.token > BigInt(own.create_revision), 'by a new record');
  assert.deepEqual(calls.take(), ['kv/txn', 'kv/txn'], 'he has looked');
  assert.equal(await next.release(), true);
  assert.equal(await held.release(), false);
  watch.close();
});

test('what is told after a gap is not believed: he looks', async () => {
  await using other = open();
  await using proxied = await storeBehindProxies(server);
  const [proxy] = proxied.proxies;
  assert.ok(proxy);
  const calls = new Calls(proxy);
  const held = await hold(other, 'lock:gap');
  const request = requestOf('lock:gap', { waits: true });
  const watch = await stand(proxied.store, request);
  calls.take();
  proxy.cut();
  await watch.changed();
  await held.release();
  // The stream stands again by now, or soon; he has not looked since.
  await watch.changed();
  const grant = await proxied.store.tryAcquire(request);
  assert.ok(grant);
  assert.equal(calls.take().at(-1), 'kv/txn');
  watch.close();
  // And from then on it is.
  const next = requestOf('lock:gap', { waits: true });
  const again = await stand(proxied.store, next);
  calls.take();
  await grant.release();
  await again.changed();
  assert.equal(await (await proxied.store.tryAcquire(next))?.release(), true);
  assert.deepEqual(calls.take(), ['kv/deleterange', 'kv/deleterange']);
  again.close();
});

const record = (name: string, token: bigint, units: number = 1): EtcdRecord => {
  return { name, id: name, permits: 1, shared: false, units, token, lease: '1' };
};

const leaseOf = (client: EtcdClient): Lease => {
  const granted = { id: '1', ttl: 30_000, seconds: 30, sent: uptime(), deadline: 1000 };
  return new Lease(client, granted, () => undefined);
};

test('a deletion counts for the record that was there then, and for nobody after it under its name', async () => {
  const client = new EtcdClient(settingsOf('etcd://127.0.0.1:1'));
  const place = (permits: number, units: number, ahead: readonly EtcdRecord[], told?: object): Place => {
    const request = requestOf('lock:place', { permits, units });
    return new Place(request, record('own', 20n, units), ahead, leaseOf(client), () => undefined, told);
  };
  const behindOne = place(1, 1, [record('first', 10n)]);
  assert.equal(behindOne.deleted('first', 9n), false);
  assert.equal(behindOne.deleted('own', 19n), false);
  assert.equal(behindOne.deleted('other', 30n), false);
  assert.equal(behindOne.deleted('own', 21n), true);
  assert.equal(behindOne.deleted('first', 21n), true);
  // It has gone already.
  assert.equal(behindOne.deleted('first', 31n), false);
  const told = {};
  const behindTwo = place(1, 1, [record('first', 10n), record('second', 11n)], told);
  assert.equal(behindTwo.deleted('second', 21n), false);
  assert.equal(behindTwo.holdsBy(told), false);
  assert.equal(behindTwo.deleted('first', 22n), true);
  assert.equal(behindTwo.holdsBy(told), true);
  assert.equal(behindTwo.holdsBy({}), false, 'there was a gap since');
  assert.equal(behindTwo.holdsBy(undefined), false);
  assert.equal(behindTwo.deleted('own', 23n), true);
  assert.equal(behindTwo.holdsBy(told), false, 'its record has gone');
  assert.equal(behindOne.holdsBy(undefined), false, 'nobody knows who else is before it');
  const forTwoOfFive = place(5, 2, [record('a', 1n, 1), record('b', 2n, 2), record('c', 3n, 2)]);
  assert.equal(forTwoOfFive.deleted('a', 21n), false);
  assert.equal(forTwoOfFive.deleted('c', 22n), true);
  client.close();
});

test('what is deleted while he looks is not waited for, whatever he has seen', async () => {
  const settings = settingsOf({ endpoints: server.urls });
  const client = new EtcdClient(settings);
  const deleted: string[] = [];
  const watches = new Watches(client, 1000, (name) => void deleted.push(name));
  const layout = new Layout('p');
  const ranges = layout.ranges('lock:looks', 1);
  const [own, first, second] = ['own', 'first', 'second'].map((slot) => nameOf(ranges, false, slot)) as [
    string,
    string,
    string,
  ];
  const put = async (key: string): Promise<bigint> => {
    const { header } = (await etcdCall(server, '/v3/kv/put', { key, value: '' })) as {
      header: { revision: string };
    };
    return BigInt(header.revision);
  };
  const remove = (key: string): Promise<unknown> => etcdCall(server, '/v3/kv/deleterange', { key });
  const ahead = [record(first, await put(first)), record(second, await put(second))] as const;
  const token = await put(own);
  let place: Place | undefined;
  let tried = true;
  const request = requestOf('lock:looks');
  const watch = await watches.open('lock:looks', ranges.all, {
    id: request.id,
    place: () => place,
    isTried: () => tried,
  });
  let told = 0;
  const count = async (): Promise<void> => {
    await watch.changed();
    told++;
  };
  const look = (rival: EtcdRecord): void => {
    place = new Place(request, record(own, token), [rival], leaseOf(client), () => undefined);
    watches.placed('lock:looks', request.id);
    tried = false;
  };
  // Without a place he is told of everything.
  const unplaced = count();
  await remove(second);
  await unplaced;
  // The answer has seen it still.
  const during = count();
  look(ahead[1]);
  await during;
  tried = true;
  look(ahead[0]);
  const ownGone = count();
  await remove(own);
  await ownGone;
  assert.equal(told, 3);
  place = undefined;
  tried = true;
  await put(own);
  look(ahead[0]);
  const last = count();
  await remove(first);
  await last;
  assert.deepEqual(deleted, [second, own, first]);
  watch.close();
  watches.close();
  client.close();
});
