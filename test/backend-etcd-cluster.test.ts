/** Three nodes of etcd, of which one is killed or stopped, the leader too, while locks are held and waited for. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { etcd } from '../src/backends/etcd.js';
import { lock, LockBackendError, LockLostError } from '../src/index.js';
import { acquire, requestOf } from './support/backend-requests.js';
import { recordsIn } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';
import { etcdCall } from './support/servers/etcd.js';
import type { Server } from './support/servers/server.js';
import { waitUntil } from '../src/testing/wait.js';

const { server, options } = ownEtcd(3);
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const ttl = 3000;

/** Those that run, beginning with that one. */
const from = (first: number): string[] => server.urls.map((_, i) => server.urls[(first + i) % 3] ?? '');

async function leader(): Promise<number> {
  for (let node = 0; ; node = (node + 1) % 3) {
    const status = (await etcdCall(server, '/v3/maintenance/status', {}, { node, timeoutMs: 500 }).catch(
      () => undefined,
    )) as { header: { member_id: string }; leader?: string } | undefined;
    if (status?.leader !== undefined && status.leader === status.header.member_id) return node;
  }
}

const ends: Record<string, { end: (node: Server) => Promise<void>; back: (node: Server) => Promise<void> }> =
  {
    killed: { end: (node) => node.kill(), back: (node) => node.start() },
    stopped: { end: (node) => node.stop(), back: (node) => node.resume() },
  };

const serves = async (node: number): Promise<boolean> => {
  const range = { key: 'AA==' };
  return etcdCall(server, '/v3/kv/range', range, { node, timeoutMs: 500 }).then(
    () => true,
    () => false,
  );
};

for (const [how, { end, back }] of Object.entries(ends)) {
  for (const who of ['a follower', 'the leader']) {
    test(`${who} is ${how}: what is held there stays held, and who waits there has his turn`, async () => {
      const first = await leader();
      const node = who === 'the leader' ? first : (first + 1) % 3;
      await using holds = etcd({ endpoints: from(node) });
      await using waits = etcd({ endpoints: from(node) });
      const guard = await lock('cluster', { distributed: holds, ttl });
      const waiting = acquire(waits, requestOf('lock:cluster', { waits: true, ttl }));
      await waitUntil(async () => (await recordsIn(server)).length === 2, { what: 'it waits' });
      await sleep(100);
      await end(server.nodes[node] as Server);
      const until = performance.now() + 1.4 * ttl;
      while (performance.now() < until) {
        await sleep(50);
        assert.ok(guard.held);
      }
      assert.equal(await guard.release(), true);
      const grant = await waiting;
      assert.ok(grant.token > guard.token >> 10n);
      assert.equal(await grant.release(), true);
      await back(server.nodes[node] as Server);
      await waitUntil(() => serves(node), { what: 'it serves again' });
    });
  }
}

test('leaders change under those who fight for a key, and only one is inside', async () => {
  let inside = 0;
  let last = 0n;
  let rounds = 0;
  const end = new AbortController();
  const work = async (i: number): Promise<void> => {
    await using store = etcd({ endpoints: from(i) });
    while (!end.signal.aborted) {
      const grant = await acquire(store, requestOf('lock:fight', { waits: true, ttl: 10_000 }));
      assert.equal(++inside, 1);
      assert.ok(grant.token > last);
      last = grant.token;
      await sleep(1);
      inside--;
      rounds++;
      for (let tries = 0; tries < 20; tries++) {
        try {
          await grant.release();
          break;
        } catch {
          await sleep(50);
        }
      }
    }
  };
  const workers = [0, 1, 2, 0, 1, 2].map(work);
  const all = Promise.all(workers);
  for (const how of ['killed', 'stopped'] as const) {
    const with3 = rounds;
    await waitUntil(() => rounds > with3 + 5, { what: 'they go on' });
    const node = await leader();
    await ends[how]?.end(server.nodes[node] as Server);
    const with2 = rounds;
    await waitUntil(() => rounds > with2 + 5, { what: 'they go on without it', timeoutMs: 30_000 });
    await ends[how]?.back(server.nodes[node] as Server);
    await waitUntil(() => serves(node), { what: 'it serves again' });
  }
  end.abort();
  await all;
  await waitUntil(async () => (await recordsIn(server)).length === 0, {
    what: 'nothing is left',
    timeoutMs: 15_000,
  });
});

test('all are stopped: what is held is lost in time, what is asked for fails, and all is well afterwards', async () => {
  await using store = etcd({ endpoints: from(0) });
  const guard = await lock('lost', { distributed: store, ttl });
  await Promise.all(server.nodes.map((node) => node.stop()));
  const stopped = performance.now();
  await assert.rejects(lock('other', { distributed: store, ttl }), LockBackendError);
  await waitUntil(() => guard.signal.aborted, { what: 'it is lost' });
  assert.ok(guard.signal.reason instanceof LockLostError);
  assert.ok(performance.now() - stopped < ttl + 3000);
  await Promise.all(server.nodes.map((node) => node.resume()));
  await using other = etcd({ endpoints: from(1) });
  assert.equal(await guard.release(), false);
  const next = await lock('lost', { distributed: other, ttl });
  assert.equal(await next.release(), true);
  await waitUntil(async () => (await recordsIn(server)).length === 0, { what: 'nothing is left' });
});
