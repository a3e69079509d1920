/** More than one Redis: a cluster, a primary with replicas, sentinels that make another one the primary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { createCluster, createSentinel } from 'redis';
import type { Backend } from '../src/backend.js';
import { redisUrl } from '../src/backends/redis-url.js';
import { redis } from '../src/backends/redis.js';
import { LockLostError, LockUnsupportedError } from '../src/errors.js';
import { startCluster } from './support/redis-cluster.js';
import { ask, command, isFree, newKey, take } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { HOST } from './support/servers/ports.js';
import { startRedis } from './support/servers/redis.js';
import { startSentinel } from './support/servers/sentinel.js';
import { waitUntil } from '../src/testing/wait.js';

const skip = requireServer('redis');

/** Every mode once, and hand-overs. */
async function use(store: Backend, other: Backend): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const key = newKey();
    for (const how of [{}, { shared: true }, { permits: 3, units: 3 }, { owner: 'me' }]) {
      const grant = await store.tryAcquire(ask(key, how));
      assert.ok(grant);
      await grant.renew?.(5000);
      const waiting = take(other, ask(key, how.permits ? { permits: 3 } : {}));
      await sleep(5);
      assert.ok((await store.list?.('lock:'))?.includes(key));
      const released = performance.now();
      assert.equal(await grant.release(), true);
      await (await waiting).release();
      // The other one's try at the lapse would come after five seconds.
      assert.ok(performance.now() - released < 4000);
    }
  }
}

test('a cluster: all records of a key are in one slot, messages reach every node', { skip }, async (t) => {
  const nodes = await startCluster();
  const addresses = nodes.map(({ host, port }) => ({ host, port }));
  const one = new Cluster(addresses);
  const two = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) });
  two.on('error', () => undefined);
  await two.connect();
  const [store, other] = [redis(one), redis(two)];
  t.after(async () => {
    for (const each of [store, other]) await each.close();
    one.disconnect();
    two.destroy();
    for (const node of nodes) await node.close();
  });
  await use(store, other);
  await use(other, store);
  assert.throws(() => redis(one, { wait: 1 }), LockUnsupportedError);
});

test('wait: what replicas have not heard is not granted', { skip }, async () => {
  await using primary = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  await using replica = await startRedis({ args: ['--replicaof', `${HOST} ${primary.port}`] });
  const isLinked = async (): Promise<boolean> =>
    String(await command(replica, 'INFO', 'replication')).includes('master_link_status:up');
  await waitUntil(isLinked, { what: 'the replica has what the primary has' });
  await using store = redisUrl(primary.url, { wait: 1, waitTimeout: 200 });
  const key = newKey();
  const grant = await waitUntil(() => store.tryAcquire(ask(key)).catch(() => null), { what: 'it hears' });
  assert.ok(grant);
  await grant.renew?.(5000);
  await replica.stop();
  await assert.rejects(async () => grant.renew?.(5000), /0 of 1 replicas/);
  assert.equal(await grant.release(), true);
  await assert.rejects(store.tryAcquire(ask(key)), /0 of 1 replicas had 'lock:.*' within 200 ms/);
  await using plain = redisUrl(primary.url);
  assert.equal(await isFree(plain, key), true, 'it was given back');
  await replica.resume();
  const again = await waitUntil(() => store.tryAcquire(ask(key)).catch(() => null), {
    what: 'it hears again',
  });
  await again?.release();
});

for (const kind of ['url', 'ioredis', 'redis'] as const) {
  test(`sentinels, ${kind}: who lost it in a failover learns that when he renews it`, { skip }, async (t) => {
    await using group = await startSentinel();
    const [sentinel] = group.sentinels;
    assert.ok(sentinel);
    const { host, port } = sentinel;
    let store: Backend;
    let end = (): unknown => undefined;
    if (kind === 'url') {
      store = redisUrl(`redis+sentinel://${host}:${port}/${group.name}`);
    } else if (kind === 'ioredis') {
      const client = new Redis({ sentinels: [{ host, port }], name: group.name });
      client.on('error', () => undefined);
      end = () => client.disconnect();
      store = redis(client);
    } else {
      const client = createSentinel({ name: group.name, sentinelRootNodes: [{ host, port }] });
      client.on('error', () => undefined);
      await client.connect();
      end = () => client.destroy();
      store = redis(client);
    }
    t.after(async () => {
      // In whatever order.
      await end();
      await store.close();
    });
    const [kept, lost] = [newKey(), newKey()];
    const grant = await store.tryAcquire(ask(kept, { ttl: 60_000 }));
    assert.ok(grant);
    await waitUntil(async () => String(await command(group.replica, 'KEYS', '*')).includes(kept), {
      what: 'the replica has it',
    });
    // What it does not hear any more is lost.
    await group.replica.stop();
    await command(group.primary, 'CLIENT', 'KILL', 'TYPE', 'replica');
    const unheard = await store.tryAcquire(ask(lost, { ttl: 60_000 }));
    assert.ok(unheard);
    await group.primary.kill();
    await group.replica.resume();
    await waitUntil(async () => (await group.current()) === group.replica, {
      what: 'the failover',
      timeoutMs: 30_000,
    });
    const outcome = async (renew: () => Promise<void> | undefined): Promise<unknown> =>
      waitUntil(
        async () => {
          try {
            await renew();
            return 'renewed';
          } catch (error) {
            return error instanceof LockLostError && error;
          }
        },
        { what: 'an answer', timeoutMs: 30_000 },
      );
    assert.ok((await outcome(() => unheard.renew?.(5000))) instanceof LockLostError);
    assert.equal(await outcome(() => grant.renew?.(5000)), 'renewed');
    const next = await store.tryAcquire(ask(lost));
    assert.ok(next && next.token > unheard.token);
    // Messages come from the new one.
    const waiting = take(store, ask(kept));
    await sleep(20);
    await grant.release();
    await (await waiting).release();
  });
}
