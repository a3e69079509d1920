/** A store that queues by itself those who wait: it is asked once, and knows when nobody waits any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendRequest, Grant } from '../src/backend.js';
import { ask, rival, ScriptedStore, throws } from './support/scripted.js';
import { Time } from './support/time.js';

test('a store that queues those who wait is asked once, for as long as there is time', async (t) => {
  const time = new Time(t);
  const { store, requests } = queueing();
  const there = await rival(store, { ttl: 1_000_000 });
  const waits = ask(store, {}, Infinity);
  await time.pass(20_000);
  assert.deepEqual([requests.length, store.count('tryAcquire'), store.count('watch')], [1, 0, 0]);
  await there?.release();
  await time.until(waits);
  const lease = await waits;
  assert.equal(requests[0]?.signal.aborted, false, 'what is held is wanted');
  assert.ok(lease?.left === Infinity || (lease?.left ?? 0) > 0);
  assert.equal(await lease?.release(), true);
});

test('but not if its records lapse: who has waited would have an old one', async () => {
  const { store, requests } = queueing({ ttl: true });
  const lease = await ask(store, {}, Infinity);
  assert.deepEqual([requests.length, store.count('tryAcquire')], [0, 1]);
  await lease?.release();
});

test('and its wait ends with the time, the signal, or what it says', async (t) => {
  const time = new Time(t);
  const { store, requests } = queueing();
  await rival(store, { ttl: 1_000_000 });
  const waits = ask(store, {}, 3000);
  assert.equal(await time.until(waits), 3000);
  assert.equal(await waits, null);
  assert.equal(store.count('tryAcquire'), 1, 'a last try');
  assert.equal(requests[0]?.signal.aborted, true);
  const control = new AbortController();
  const aborted = ask(store, {}, Infinity, control.signal);
  const failure = assert.rejects(aborted, (thrown) => thrown === 'enough');
  await time.pass(100);
  control.abort('enough');
  assert.equal(await time.until(aborted), 0);
  await failure;
  assert.equal(requests[1]?.signal.aborted, true);
  const asking = ask(store.always('acquire', throws(new Error('connection reset'))), {}, Infinity);
  const down = assert.rejects(asking, { name: 'LockBackendError' });
  assert.ok((await time.until(asking)) >= 2000);
  await down;
  assert.equal(await ask(store), null, 'who does not wait is not queued');
  assert.deepEqual([requests.length, store.count('tryAcquire')], [2, 2]);
});

/** A store whose records end with a session, and which queues by itself. */
function queueing({ ttl } = { ttl: false }): { store: ScriptedStore; requests: BackendRequest[] } {
  const store = new ScriptedStore({ supports: { ttl }, without: ['renew'] });
  const requests: BackendRequest[] = [];
  const acquire = async (request: BackendRequest): Promise<Grant> => {
    const way = store.wayOf('acquire');
    return way(async () => {
      requests.push(request);
      const watch = await store.inner.watch?.(request);
      for (;;) {
        const grant = await store.inner.tryAcquire(request);
        if (grant !== null) return { token: grant.token, release: () => grant.release() };
        await watch?.changed();
      }
    });
  };
  return { store: Object.assign(store, { acquire }), requests };
}
