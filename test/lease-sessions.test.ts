/** Leases that hang on a session: the store says by itself when they are gone. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { ScriptedStore, silent, take } from './support/scripted.js';
import { Time } from './support/time.js';

test('a store that says that it is gone is believed, and without renewals it lasts until then', async (t) => {
  const time = new Time(t);
  for (const renew of [true, false]) {
    const session = new AbortController();
    const store = new ScriptedStore({ lost: session.signal, without: ['renew'] });
    const lease = await take(store, { renew });
    let loss: Error | undefined;
    lease.onLost = (error) => (loss = error);
    time.block(1_000_000);
    await time.pass(1);
    assert.equal(lease.look(), true);
    assert.equal(lease.passable, true);
    await lease.renew();
    time.block(1_000_000);
    await time.pass(1);
    assert.equal(lease.look(), true, 'there was nothing to renew');
    session.abort(new Error('session expired'));
    assert.equal(lease.look(), false);
    assert.equal(lease.passable, false);
    assert.match(loss?.message ?? '', /the store says so/);
    assert.match(String(loss?.cause), /session expired/);
    assert.equal(await lease.release(), false);
  }
});

test('a grant that is gone when it comes is none, and the next one is', async () => {
  const store = new ScriptedStore({ lost: AbortSignal.abort() });
  const tryAcquire = store.tryAcquire.bind(store);
  let tries = 0;
  store.tryAcquire = async (request) => {
    const grant = await tryAcquire(request);
    return tries++ === 0 || grant === null ? grant : { token: grant.token, release: () => grant.release() };
  };
  const lease = await take(store);
  assert.equal(lease.look(), true);
  assert.equal(tries, 2);
  await lease.release();
});

test('many leases of one session are one listener, and none when they have ended', async (t) => {
  const time = new Time(t);
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const session = new AbortController();
  const store = new ScriptedStore({ lost: session.signal });
  const leases = await Promise.all(Array.from({ length: 40 }, (_, i) => take(store, { key: `lock:${i}` })));
  assert.equal(getEventListeners(session.signal, 'abort').length, 1);
  for (const lease of leases.slice(1)) await lease.release();
  store.always('renew', silent);
  await time.pass(3000);
  assert.equal(leases[0]?.look(), false);
  assert.equal(getEventListeners(session.signal, 'abort').length, 0);
  session.abort();
  assert.deepEqual(
    warnings.filter(({ name }) => name.startsWith('MaxListeners')),
    [],
  );
});
