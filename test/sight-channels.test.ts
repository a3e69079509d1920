/** What is told of locks by name while somebody listens: every call with its end, every release, loss and death. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import {
  breakLock,
  connect,
  inspect,
  lock,
  lockAll,
  lockSync,
  semaphore,
  synchronized,
  tryLock,
  tryLockSync,
  withPrefix,
} from '../src/index.js';
import { Hold } from '../src/hold.js';
import { inShort, listen } from './support/listen.js';
import { leftOver, newFolder } from './support/locks.js';
import { fails, ScriptedStore } from './support/scripted.js';
import { mustBlock } from '../src/testing/settled.js';
import { Time } from './support/time.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const lockPath = newFolder();
const asynchronous = ['start', 'end', 'asyncStart', 'asyncEnd'];
const synchronous = ['start', 'end'];

const forms: Record<string, [run: () => unknown, told: string[]]> = {
  'lock(name)': [async () => (await lock('form')).release(), asynchronous],
  'lock(name, fn)': [() => lock('form', async () => 1), asynchronous],
  'lock(name, options, fn)': [() => lock('form', { timeout: 1000 }, () => 1), asynchronous],
  tryLock: [async () => (await tryLock('form'))?.release(), synchronous],
  lockSync: [() => lockSync('form').release(), synchronous],
  tryLockSync: [() => tryLockSync('form')?.release(), synchronous],
  synchronized: [() => synchronized('form')(() => 1)(), asynchronous],
  'synchronized.sync': [() => synchronized.sync('form')(() => 1)(), synchronous],
  lockAll: [async () => (await lockAll(['form'])).release(), asynchronous],
  withPrefix: [async () => (await withPrefix('fo').lock('rm')).release(), asynchronous],
  'semaphore: acquire': [async () => (await semaphore('form', 3).acquire(2)).release(), asynchronous],
  'semaphore: tryAcquire': [async () => (await semaphore('form', 3).tryAcquire(2))?.release(), asynchronous],
  'semaphore: acquireSync': [() => semaphore('form', 3).acquireSync(2).release(), synchronous],
};

for (const [form, [run, told]] of Object.entries(forms)) {
  test(`${form} is told, and its release`, async () => {
    const heard = await listen(run);
    assert.deepEqual(
      heard.map(({ event }) => event),
      [...told, 'release'],
    );
    const call = heard.slice(0, told.length);
    assert.equal(new Set(call.map(({ of }) => of)).size, 1, 'one object for one call');
    const { message: first } = heard[0] ?? assert.fail();
    const { message: last } = call.at(-1) ?? assert.fail();
    const { message: release } = heard.at(-1) ?? assert.fail();
    const [kind, mode] = form.startsWith('semaphore') ? ['semaphore', 2] : ['lock', 'exclusive'];
    const said = { name: 'form', kind, mode, tiers: ['thread'] };
    assert.deepEqual(first, {
      ...said,
      nested: false,
      waited: undefined,
      token: undefined,
      error: undefined,
    });
    const { waited, token } = last;
    assert.ok(typeof waited === 'number' && waited >= 0 && typeof token === 'bigint');
    assert.deepEqual(last, { ...first, waited, token });
    const { held } = release;
    assert.ok(typeof held === 'number' && held >= 0);
    assert.deepEqual(release, { ...said, token, held });
  });
}

test('the tiers are those that are asked for, and the token is that of the guard', async () => {
  await using store = connect('memory:');
  const modes = [{ external: true, lockPath }, { distributed: store }];
  for (const options of [...modes, { ...modes[0], ...modes[1] }, { ...modes[0], shared: true }]) {
    let token: unknown;
    const heard = await listen(() => lock('tiers', options, (guard) => void (token = guard.token)));
    const tiers = ['thread', ...('external' in options ? ['process'] : [])];
    if ('distributed' in options) tiers.push('distributed');
    assert.deepEqual(heard.at(-2)?.message['tiers'], tiers);
    assert.deepEqual(heard.at(-1)?.message['tiers'], tiers);
    assert.equal(heard.at(-1)?.message['mode'], 'shared' in options ? 'shared' : 'exclusive');
    for (const { event, message } of heard.slice(-3)) assert.equal(message['token'], token, event);
  }
});

test('what is not granted is told with its error, or without a token', async () => {
  await using guard = await lock('taken');
  const abort = new AbortController();
  const heard = await listen(async () => {
    await assert.rejects(lock('taken', { timeout: 0 }));
    assert.equal(await tryLock('taken'), null);
    assert.equal(tryLockSync('taken'), null);
    assert.throws(() => lockSync('taken'), { name: 'LockDeadlockError' });
    const { wait } = await mustBlock(lock('taken', { signal: abort.signal }));
    abort.abort(new Error('enough'));
    await assert.rejects(wait, /enough/);
    await assert.rejects(
      guard.run(() => lock('taken')),
      { name: 'LockDeadlockError' },
    );
  });
  const outcomes = heard
    .filter(({ event }) => event === 'end' || event === 'asyncEnd' || event === 'error')
    .map(({ event, message }) => [event, (message['error'] as Error | undefined)?.name, message['token']]);
  assert.deepEqual(outcomes, [
    ['end', undefined, undefined],
    ['error', 'LockTimeoutError', undefined],
    ['asyncEnd', 'LockTimeoutError', undefined],
    ['end', undefined, undefined],
    ['end', undefined, undefined],
    ['error', 'LockDeadlockError', undefined],
    ['end', 'LockDeadlockError', undefined],
    ['end', undefined, undefined],
    ['error', 'Error', undefined],
    ['asyncEnd', 'Error', undefined],
    ['end', undefined, undefined],
    ['error', 'LockDeadlockError', undefined],
    ['asyncEnd', 'LockDeadlockError', undefined],
  ]);
});

test('a wait is told with its length, and hand-overs one by one', async () => {
  const heard = await listen(async () => {
    const first = await lock('queue', { external: true, lockPath });
    const waits = [1, 2].map(() => lock('queue', { external: true, lockPath }, async () => undefined));
    await mustBlock(Promise.all(waits));
    await first.release();
    await Promise.all(waits);
  });
  const ends = heard.filter(({ event }) => event === 'asyncEnd' || event === 'release');
  assert.deepEqual(
    ends.map(({ event }) => event),
    ['asyncEnd', 'release', 'asyncEnd', 'release', 'asyncEnd', 'release'],
  );
  const [, , second, , third] = ends.map(({ message }) => Number(message['waited']));
  // Both had to wait for as long as it took to see that they did.
  assert.ok((second ?? 0) > 0 && (third ?? 0) > 0, `${second}, ${third}`);
  const tokens = ends.map(({ message }) => message['token']);
  assert.equal(new Set(tokens).size, 3, 'each grant has its own token');
  for (const i of [0, 2, 4]) assert.equal(tokens[i], tokens[i + 1]);
});

test('who is let in again is told as nested, and the name is given back once', async () => {
  const heard = await listen(() =>
    lock('again', async (guard) => {
      await lock('again', { reentrant: true }, async () => undefined);
      await (await lock('again', { within: guard })).release();
    }),
  );
  const told = heard.filter(({ event }) => event === 'asyncEnd' || event === 'release');
  assert.deepEqual(inShort(told, 'nested'), [
    'asyncEnd again false',
    'asyncEnd again true',
    'asyncEnd again true',
    'release again ',
  ]);
});

test('minHold: held until it is over', async () => {
  const heard = await listen(async () => {
    await (await lock('least', { minHold: 200 })).release();
    await lock('least', async () => undefined);
  }).then((all) => all.filter(({ event }) => event === 'release').slice(0, 1));
  // From the moment when it was told of: that is a little after the grant.
  assert.ok(Number(heard.at(-1)?.message['held']) >= 100);
});

test('a loss is told once for a hold and all of its parts, with the error', async () => {
  const told = await listen(async () => {
    const guard = await lock('lost');
    await lock('lost', { within: guard });
    await breakLock('lost');
  });
  const losses = told.filter(({ event }) => event === 'lost');
  assert.deepEqual(inShort(losses, 'kind', 'mode'), ['lost lost lock exclusive']);
  assert.match(String(losses[0]?.message['cause']), /^LockLostError: /);

  const store = new ScriptedStore();
  const heard = await listen(async () => {
    const guard = await lock('lost', { distributed: store, ttl: 1000 });
    await store.inner.break?.('lock:lost');
    await guard.renew().catch(() => undefined);
    assert.equal(guard.held, false);
    assert.equal(await guard.release(), false);
  });
  assert.deepEqual(
    heard.slice(-2).map(({ event }) => event),
    ['lost', 'release'],
  );
});

test('a hold without its store is told without that tier', async (t) => {
  const time = new Time(t);
  const store = new ScriptedStore().always('all', fails);
  const heard = await listen(async () => {
    const asking = lock('low', { distributed: store, onBackendDown: 'lower' });
    await time.until(asking);
    await (await asking).release();
  });
  const told = heard.filter(({ event }) => event !== 'start' && event !== 'end' && event !== 'asyncStart');
  assert.deepEqual(
    told.map(({ event, message }) => [event, message['tiers']]),
    [
      ['degraded', undefined],
      ['asyncEnd', ['thread']],
      ['release', ['thread']],
    ],
  );
});

test('the death of a holder is told with the grant that finds it', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const data = { names: ['dead', 'nobody'], words, shared: false };
  await using team = runWorkers({
    count: 1,
    module: new URL('./support/lock-workers.js', import.meta.url),
    name: 'holdAndWait',
    data,
  });
  using nobody = lockSync('nobody');
  await team.started;
  const heard = await listen(async () => {
    const isHeld = async (): Promise<boolean> => (await inspect('dead')).length > 0;
    await waitUntil(isHeld, { what: 'the worker holds it' });
    const waits = lock('dead', (guard) => guard.recovered);
    await team.terminate(0);
    assert.equal(await waits, true);
    assert.equal(await lock('dead', (guard) => guard.recovered), false);
  });
  const deaths = heard.filter(({ event }) => event === 'recovered');
  assert.deepEqual(
    deaths.map(({ message }) => message),
    [{ name: 'dead', kind: 'lock', mode: 'exclusive' }],
  );
  nobody.release();
});

test('without a listener nothing is noted; and what was taken so is not told later', async () => {
  const before = await lock('before');
  const heard = await listen(() => before.release());
  assert.deepEqual(heard, []);
  using hold = lockSync('before');
  assert.equal(hold.note, undefined);
  let after: Hold | undefined;
  await listen(() => void (after = lockSync('after')));
  assert.ok(after?.note);
  const later = await listen(() => after?.release());
  assert.deepEqual(inShort(later), ['release after'], 'its grant was told');
});

test('one channel alone is listened to as well', async () => {
  const heard: string[] = [];
  const hear = (event: string) => (): void => void heard.push(event);
  const tracing = tracingChannel('tierlock:acquire');
  for (const event of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const) {
    const listener = hear(event);
    tracing[event].subscribe(listener);
    await lock('one', async () => undefined);
    await lock('one', async () => assert.rejects(lock('one', { timeout: 0 }))).catch(() => undefined);
    tracing[event].unsubscribe(listener);
  }
  const listener = hear('release');
  channel('tierlock:release').subscribe(listener);
  await lock('one', async () => undefined);
  channel('tierlock:release').unsubscribe(listener);
  await lock('one', async () => undefined);
  const each = ['start', 'end', 'asyncStart', 'asyncEnd'].flatMap((event) =>
    Array.from({ length: 3 }, () => event),
  );
  assert.deepEqual(heard, [...each, 'error', 'release']);
});

test('a listener may take locks, and the grant runs in the store that is bound to the start', async () => {
  const seen: unknown[] = [];
  const storage = new AsyncLocalStorage();
  const tracing = tracingChannel('tierlock:acquire');
  tracing.start.bindStore(storage, (message) => (message as { name: string }).name);
  const free = (): void => {
    unsubscribe('tierlock:release', free);
    seen.push(tryLockSync('mine')?.release());
  };
  const end = (): void => void seen.push(storage.getStore());
  subscribe('tierlock:release', free);
  tracing.end.subscribe(end);
  try {
    await lock('mine', async () => undefined);
  } finally {
    tracing.start.unbindStore(storage);
    unsubscribe('tierlock:release', free);
    tracing.end.unsubscribe(end);
  }
  // The end of the call, and that of the listener's own, inside of which it is told.
  assert.deepEqual(seen, ['mine', 'mine', true]);
  assert.deepEqual(await leftOver(), []);
});
