/** Who is far off in etcd, beside others of his store who are near, or before himself, when he was. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import type { Backend } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { lineFor, requestOf, stand } from './support/backend-requests.js';
import { etcdCall } from './support/servers/etcd.js';
import { recordsIn, streamsIn } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const open = (): Backend => etcd({ endpoints: server.urls });

test('who is near keeps the stream of the key when another one of his store comes, who is far off', async () => {
  await using other = open();
  await using store = open();
  const before = await streamsIn(server);
  const held = await other.tryAcquire(requestOf('lock:near'));
  assert.ok(held);
  const near = requestOf('lock:near', { waits: true, ttl: 900_000 });
  const watch = await stand(store, near);
  const between = Array.from({ length: 5 }, () => requestOf('lock:near', { waits: true }));
  for (const request of between) assert.equal(await other.tryAcquire(request), null);
  const told = { is: false };
  const turn = watch.changed().then(() => (told.is = true));
  const far = requestOf('lock:near', { waits: true });
  const farWatch = await stand(store, far);
  assert.equal(await streamsIn(server), before + 1);
  assert.equal(told.is, false);
  await held.release();
  await turn;
  assert.equal(await (await store.tryAcquire(near))?.release(), true);
  for (const each of [watch, farWatch]) each.close();
  for (const request of [...between, far]) await (request === far ? store : other).forget?.(request);
});

test('who has been near and comes again behind the others has one stream, of the one whom he hears of', async () => {
  await using other = open();
  await using store = open();
  const before = await streamsIn(server);
  const first = requestOf('lock:again', { waits: true });
  const held = await other.tryAcquire(requestOf('lock:again'));
  const near = await stand(store, first);
  await store.forget?.(first);
  near.close();
  await held?.release();
  const { held: next, line } = await lineFor(other, 'lock:again');
  const again = requestOf('lock:again', { waits: true });
  const watch = await stand(store, again);
  // That of the key lingers for who comes near; he does not.
  assert.equal(await streamsIn(server), before + 1);
  watch.close();
  await store.forget?.(again);
  for (const request of line) await other.forget?.(request);
  await next.release();
});

test('who is far off is told to look when his lease is gone', async () => {
  await using other = open();
  await using store = open();
  const { held, line } = await lineFor(other, 'lock:revoked');
  const request = requestOf('lock:revoked', { waits: true, ttl: 1500 });
  const watch = await stand(store, request);
  const changed = watch.changed();
  const own = (await recordsIn(server, 'tierlock/lock:revoked//')).find(({ value = '' }) =>
    Buffer.from(value, 'base64').includes(request.id),
  );
  await etcdCall(server, '/v3/lease/revoke', { ID: own?.lease });
  await changed;
  assert.equal(await store.tryAcquire(request), null);
  const records = await recordsIn(server, 'tierlock/lock:revoked//');
  assert.equal(records.length, line.length + 2);
  watch.close();
  await store.forget?.(request);
  for (const one of line) await other.forget?.(one);
  await held.release();
});
