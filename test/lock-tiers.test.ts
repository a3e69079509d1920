/** A lock by its name climbs as far as it is asked to, and leaves nothing when it does not get there. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  inspect,
  lock,
  LockMisuseError,
  lockSync,
  LockTimeoutError,
  tryLock,
  tryLockSync,
} from '../src/index.js';
import { Folder, openFolder } from '../src/files/folder.js';
import { locks } from '../src/registry.js';
import { countNames, countWaits, leftOver, newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/locks.js', import.meta.url);
const lockPath = newFolder();
const external = { external: true, lockPath } as const;

test('a name is one lock, whoever asks for it in whichever way', async () => {
  const guard = await lock('one');
  assert.equal(await tryLock('one'), null);
  assert.equal(tryLockSync('one'), null);
  assert.equal(await tryLock('one', external), null);
  assert.equal(await tryLock('one', { shared: true }), null);
  const waits = await Promise.all([
    mustBlock(lock('one')),
    mustBlock(lock('one', external)),
    mustBlock(lock('one', { shared: true })),
    mustBlock(lock('one', { fair: true }, async () => 'fair')),
  ]);
  assert.equal(await guard.release(), true);
  assert.equal(await guard.release(), true);
  const [plain, file, shared, fair] = waits;
  for (const { wait } of [plain, file, shared]) {
    const next = await wait;
    assert.equal(next.held, true);
    assert.equal(guard.held, false);
    await next.release();
  }
  assert.equal(await fair.wait, 'fair');
  assert.deepEqual(await leftOver(), []);
});

test('a name that gets the place of another one gets none of what was its', async () => {
  // As many as are kept in between, so that the place is given away at once.
  const first = await lock('place-a', external);
  await first.release();
  const number = countNames();
  await waitUntil(() => countNames() < number || countNames() === 0, { what: 'the names are closed' });
  const second = await lock('place-b', external);
  assert.equal(second.name, 'place-b');
  assert.ok(readdirSync(lockPath).includes('place-b.lock'));
  await using taker = await spawnTaker(module);
  assert.notEqual(await taker.take({ name: 'place-a', how: 'try', ...external }).acquired, null);
  assert.equal(await taker.take({ name: 'place-b', how: 'try', ...external }).acquired, null);
  await second.release();
});

test('a guard of old stays one of its own name, and harms nobody who has its place now', async () => {
  const old = lockSync('old');
  old.release();
  await waitUntil(() => locks.find('old') === undefined, { what: 'the name is closed' });
  const all = Array.from({ length: 80 }, (_, i) => lockSync(`new-${i}`));
  assert.equal(old.release(), true);
  assert.equal(old.name, 'old');
  assert.throws(() => old.assertHeld(), { message: /the lock 'old' was released/ });
  assert.throws(() => old.downgrade(), LockMisuseError);
  assert.throws(() => old.tryUpgrade(), LockMisuseError);
  assert.ok(all.every((hold, i) => hold.held && tryLockSync(`new-${i}`) === null));
  for (const hold of all) hold.release();
});

test('the token of a guard stays what it was, although the file goes on to the next one', async () => {
  const first = await lock('token', external);
  const waits = Array.from({ length: 10 }, () => lock('token', external));
  const seen = [first];
  let last = first.token;
  const tokens = [last];
  await first.release();
  for (const wait of waits) {
    const guard = await wait;
    assert.ok(guard.token > last, 'each grant has a greater one');
    last = guard.token;
    tokens.push(last);
    seen.push(guard);
    await guard.release();
  }
  assert.deepEqual(
    seen.map((guard) => guard.token),
    tokens,
  );
});

test('whoever cannot have the file leaves nothing behind, at whichever step he gives up', async () => {
  await using taker = await spawnTaker(module);
  const reason = new Error('enough');
  for (const options of [{ timeout: 0 }, { timeout: 5 }, { timeout: 60 }] as const) {
    const name = `step-${options.timeout}`;
    const held = taker.take({ name, ...external });
    await held.acquired;
    await assert.rejects(lock(name, { ...external, ...options }), {
      name: 'LockTimeoutError',
      message: new RegExp(
        `${options.timeout} ms waiting for the lock '${name}' \\(held by process ${taker.pid} since`,
      ),
    });
    assert.throws(() => lockSync(name, { ...external, ...options }), LockTimeoutError);
    assert.equal(await tryLock(name, external), null);
    const control = new AbortController();
    const wait = lock(name, { ...external, signal: control.signal });
    if (options.timeout > 0) await sleep(options.timeout);
    control.abort(reason);
    await assert.rejects(wait, (error) => error === reason);
    assert.deepEqual(await leftOver(), []);
    await held.release();
    await (await lock(name, external)).release();
    assert.ok(await taker.take({ name, how: 'try', ...external }).acquired);
    assert.equal(await taker.release(), true);
  }
  await waitUntil(() => countWaits() === 0, { what: 'no thread waits' });
});

test('an abort in any of the ticks around the grant leaves nothing, with the file or without', async () => {
  for (const options of [{}, external]) {
    for (let ticks = 0; ticks < 30; ticks++) {
      for (const contended of [false, true]) {
        const holder = contended ? await lock('tick', options) : undefined;
        const control = new AbortController();
        let entered = false;
        const plain = lock('tick', { ...options, signal: control.signal });
        const run = lock('tick', { ...options, signal: control.signal }, async () => void (entered = true));
        const last = lock('tick', options);
        const released = holder?.release();
        for (let i = 0; i < ticks; i++) await Promise.resolve();
        control.abort();
        const answers = await Promise.allSettled([plain.then((guard) => guard.release()), run, released]);
        assert.equal(answers[1]?.status === 'fulfilled', entered);
        await (await last).release();
        assert.deepEqual(await leftOver(), []);
      }
    }
  }
  await using taker = await spawnTaker(module);
  assert.ok(await taker.take({ name: 'tick', how: 'try', ...external }).acquired);
});

test('an error that was the reason of an abort is passed on as it is', async () => {
  await using taker = await spawnTaker(module);
  await taker.take({ name: 'reason', ...external }).acquired;
  const reason = new LockTimeoutError('mine', { lock: 'mine' });
  const control = new AbortController();
  const { wait } = await mustBlock(lock('reason', { ...external, signal: control.signal }));
  control.abort(reason);
  await assert.rejects(wait, (error) => error === reason);
});

test('what was left to somebody who has it not taken is given back', async () => {
  const holder = await lock('legacy', external);
  const control = new AbortController();
  const heir = lock('legacy', { ...external, signal: control.signal });
  await mustBlock(heir);
  // In this order: the file is his, and he is told to give up before he has seen it.
  const released = holder.release();
  assert.ok(locks.find('legacy')?.legacy);
  control.abort();
  await assert.rejects(heir, { name: 'AbortError' });
  await released;
  assert.deepEqual(await leftOver(), []);
  await using taker = await spawnTaker(module);
  assert.ok(await taker.take({ name: 'legacy', how: 'try', ...external }).acquired);
});

test('when the tokens fail in the middle of a hand-over, nobody is left out and the file is free', async () => {
  const folder = openFolder({ lockPath });
  const holder = await lock('broken', external);
  const waits = [1, 2, 3].map(() => lock('broken', external));
  await mustBlock(Promise.all(waits));
  const failure = new Error('no tokens');
  let failures = 1;
  folder.nextToken = (): bigint => {
    if (failures-- > 0) throw failure;
    return Folder.prototype.nextToken.call(folder);
  };
  try {
    await holder.release();
    await assert.rejects(waits[0] as Promise<unknown>, (error) => error === failure);
    await (await waits[1])?.release();
    failures = 1;
    await assert.rejects(lock('broken-2', external), (error) => error === failure);
  } finally {
    Reflect.deleteProperty(folder, 'nextToken');
  }
  await (await waits[2])?.release();
  assert.deepEqual(await leftOver(), []);
  await using taker = await spawnTaker(module);
  for (const name of ['broken', 'broken-2'])
    assert.ok(await taker.take({ name, how: 'try', ...external }).acquired);
});

test('downgrade and upgrade go through both tiers', async () => {
  await using taker = await spawnTaker(module);
  const hold = lockSync('sides', external);
  assert.equal(await taker.take({ name: 'sides', how: 'try', shared: true, ...external }).acquired, null);
  hold.downgrade();
  assert.equal(hold.mode, 'shared');
  const reader = taker.take({ name: 'sides', how: 'try', shared: true, ...external });
  assert.ok(await reader.acquired);
  assert.equal(hold.tryUpgrade(), null);
  assert.equal(hold.mode, 'shared');
  await reader.release();
  assert.equal(hold.tryUpgrade(), hold);
  assert.equal(await taker.take({ name: 'sides', how: 'try', shared: true, ...external }).acquired, null);
  assert.equal(hold.release(), true);
  assert.ok(await taker.take({ name: 'sides', how: 'try', ...external }).acquired);
});

test('tasks of a thread are served in order of arrival, whatever each of them asks for', async () => {
  const order: number[] = [];
  const kinds = [
    {},
    external,
    { shared: true },
    { ...external, shared: true },
    { ...external, timeout: 10_000 },
  ];
  const holder = await lock('order', external);
  const all = Array.from({ length: 60 }, (_, i) =>
    lock('order', kinds[(i * 7) % kinds.length], async () => {
      order.push(i);
      if (i % 3 === 0) await sleep(0);
    }),
  );
  await holder.release();
  await Promise.all(all);
  // Readers who are in together may be in at once; what is recorded is when they come in.
  const modes = order.map((i) => (i * 7) % kinds.length);
  const writers = order.filter((_, at) => modes[at] !== 2 && modes[at] !== 3);
  assert.deepEqual(
    writers,
    writers.toSorted((a, b) => a - b),
  );
  assert.equal(order.length, 60);
  assert.deepEqual(await inspect('order'), []);
});
