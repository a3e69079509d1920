/** Locks by their names between processes: they exclude whatever happens, and whoever is killed holds nothing. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lock, tryLock } from '../src/index.js';
import { openFolder } from '../src/files/folder.js';
import { mustBeCorrect } from './support/history.js';
import { newFolder } from './support/locks.js';
import { storm } from './support/lock-storm.js';
import type { Outcome, Storm } from './support/lock-storm.js';
import { readFileLogs } from './support/record.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/lock-storm.js', import.meta.url);
const full = process.env['TIERLOCK_TEST'] === 'full';

for (const seed of full ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [1, 2]) {
  test(`25 tasks in each of two processes take, give up and throw at any step: nothing is left, seed ${seed}`, async () => {
    const folder = newFolder();
    const events = join(folder, 'events');
    mkdirSync(events);
    const lockPath = join(folder, 'locks');
    mkdirSync(lockPath);
    const names = ['a', 'b', 'c'];
    const rounds = full ? 400 : 60;
    const data: Storm = { seed, tasks: 25, rounds, names, lockPath, events };
    await using other = await spawnTaker(module, { timeoutMs: 60_000 });
    const [ours, theirs] = await Promise.all([
      storm(data),
      other.run('storm', { ...data, seed: seed + 500 }) as Promise<Outcome>,
    ]);
    for (const { granted, failed, left } of [ours, theirs]) {
      assert.equal(granted + failed, 25 * rounds);
      assert.ok(granted > rounds && failed > rounds, `${granted} granted, ${failed} not`);
      assert.deepEqual(left, []);
    }
    mustBeCorrect(readFileLogs(events));
    // Nobody has it locked, and nobody is recorded.
    const files = openFolder({ lockPath });
    for (const name of names) {
      assert.ok(await other.take({ name, external: true, lockPath, how: 'try' }).acquired, name);
      assert.equal(await tryLock(name, { external: true, lockPath }), null);
      await other.release();
      await (await lock(name, { external: true, lockPath, timeout: 5000 })).release();
      assert.equal(files.entry('lock', name).holder(), undefined);
    }
  });
}

test('whoever is killed holds nothing, and tokens grow over his death', async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  let last = 0n;
  for (const how of ['async', 'sync'] as const) {
    const holder = await spawnTaker(module);
    const held = await holder.take({ name: 'killed', how, ...options }).acquired;
    assert.ok((held?.token ?? 0n) > last);
    const wait = lock('killed', options);
    await assert.rejects(lock('killed', { ...options, timeout: 0 }));
    await holder.kill();
    const guard = await wait;
    assert.ok(guard.token > (held?.token ?? 0n));
    last = guard.token;
    await guard.release();
  }
});

test("whoever is killed while he waits is in nobody's way", async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  const guard = await lock('waits', options);
  const waiters = await Promise.all([spawnTaker(module), spawnTaker(module)]);
  for (const waiter of waiters)
    void waiter.take({ name: 'waits', ...options }).acquired.catch(() => undefined);
  await Promise.all(waiters.map((waiter) => waiter.mustBlock()));
  for (const waiter of waiters) await waiter.kill();
  const next = lock('waits', options);
  await guard.release();
  await (await next).release();
});

test('readers of several processes are in together, and writers alone', async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  await using other = await spawnTaker(module);
  const reader = await lock('modes', { ...options, shared: true });
  const theirs = other.take({ name: 'modes', ...options, shared: true });
  assert.ok(await theirs.acquired);
  assert.equal(await tryLock('modes', options), null);
  await reader.release();
  const writer = lock('modes', options);
  await theirs.release();
  await (await writer).release();
});

test('a plain lock keeps nobody out but this process, and an external one does', async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  await using other = await spawnTaker(module);
  const plain = await lock('tier');
  const take = other.take({ name: 'tier', ...options, how: 'try' });
  assert.ok(await take.acquired);
  const both = lock('tier', options);
  await plain.release();
  await waitUntil(async () => (await tryLock('tier')) === null, { what: 'it waits for the file' });
  await take.release();
  await (await both).release();
});

test('names of any kind have files of their own', async () => {
  const lockPath = newFolder();
  const names = [
    'a/b',
    'a%2Fb',
    '..',
    'A',
    'a',
    'é',
    'x'.repeat(400),
    `${'x'.repeat(400)}y`,
    '\0',
    ' ',
    '\ud800',
    'lock:a',
  ];
  const guards = await Promise.all(names.map((name) => lock(name, { external: true, lockPath, timeout: 0 })));
  assert.equal(readdirSync(lockPath).filter((file) => file.endsWith('.lock')).length, names.length);
  await using other = await spawnTaker(module);
  for (const [i, name] of names.entries()) {
    if (name === '\ud800') continue; // what a message makes of it
    assert.equal(
      await other.take({ name, external: true, lockPath, how: 'try' }).acquired,
      null,
      JSON.stringify(name),
    );
    await guards[i]?.release();
    assert.ok(
      await other.take({ name, external: true, lockPath, how: 'try' }).acquired,
      JSON.stringify(name),
    );
  }
});
