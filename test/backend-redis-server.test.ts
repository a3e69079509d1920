/** What the driver costs the server, and what it leaves there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Grant } from '../src/backend.js';
import { ask, calls, clientKinds, command, isFree, newKey, open, take } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { waitUntil } from '../src/testing/wait.js';

const skip = requireServer('redis');
let server: Server;
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.close());

const scripts = (): Promise<number> => calls(server, 'evalsha', 'eval');

for (const kind of clientKinds) {
  test(`${kind}: to take what is free and to give it back are two commands`, { skip }, async () => {
    await using one = await open(kind, server);
    const key = newKey();
    for (const how of [{}, { shared: true }, { permits: 3 }, { owner: 'me' }, { waits: true, fifo: true }]) {
      const cycle = async (): Promise<unknown> => (await one.store.tryAcquire(ask(key, how)))?.release();
      await cycle();
      await command(server, 'CONFIG', 'RESETSTAT');
      for (let i = 0; i < 10; i++) assert.equal(await cycle(), true);
      assert.equal(await calls(server, 'evalsha'), 20);
      assert.equal(await calls(server, 'eval', 'publish', 'subscribe', 'wait', 'script\\|load'), 0);
    }
  });

  test(`${kind}: a server that has forgotten the scripts learns them anew`, { skip }, async () => {
    await using one = await open(kind, server);
    const key = newKey();
    const grant = await one.store.tryAcquire(ask(key));
    await command(server, 'SCRIPT', 'FLUSH');
    await grant?.renew?.(5000);
    await command(server, 'SCRIPT', 'FLUSH');
    assert.equal(await grant?.release(), true);
    await command(server, 'SCRIPT', 'FLUSH');
    assert.equal(await isFree(one.store, key), true);
    await command(server, 'CONFIG', 'RESETSTAT');
    assert.equal(await isFree(one.store, key), true);
    assert.equal(await calls(server, 'eval'), 0);
  });
}

test('what was forgotten before the server knew the script is not taken after all', { skip }, async () => {
  await using one = await open('ioredis', server);
  const request = ask(newKey());
  await command(server, 'SCRIPT', 'FLUSH');
  const asked = one.store.tryAcquire(request);
  const forgotten = one.store.forget?.(request);
  await assert.rejects(asked, /NOSCRIPT/);
  await forgotten;
  assert.equal(await isFree(one.store, request.key), true);
});

test('a hand-over among 50 that wait is 5 commands or fewer', { skip }, async () => {
  const key = newKey();
  const all = await Promise.all(Array.from({ length: 50 }, () => open('ioredis', server)));
  try {
    const held = await all[0]?.store.tryAcquire(ask(key));
    let inside = 0;
    let count = 0;
    const use = async (grant: Grant): Promise<void> => {
      assert.equal(inside++, 0);
      count++;
      await sleep(1);
      inside--;
      assert.equal(await grant.release(), true);
    };
    const rounds = 4;
    await command(server, 'CONFIG', 'RESETSTAT');
    const waiting = all.map(async ({ store }) => {
      for (let i = 0; i < rounds; i++) await use(await take(store, ask(key)));
    });
    await sleep(100);
    await held?.release();
    await Promise.all(waiting);
    const commands = (await scripts()) / count;
    assert.equal(count, 50 * rounds);
    assert.ok(commands <= 5, `${commands} commands`);
  } finally {
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  }
});

test('a thousand names leave a counter each 256th of them at most, and nothing else', { skip }, async () => {
  await using one = await open('ioredis', server);
  await command(server, 'FLUSHALL');
  const ways = [{}, { shared: true }, { permits: 3, units: 2 }, { owner: 'me' }];
  for (let i = 0; i < 1000; i++) {
    const key = newKey();
    const grant = await one.store.tryAcquire(ask(key, ways[i % 4]));
    if (i % 3 === 0) {
      const waits = ask(key, { waits: true, fifo: i % 2 === 0, permits: i % 4 === 2 ? 3 : 1, units: 2 });
      assert.equal(await one.store.tryAcquire(waits), null);
      await one.store.forget?.(waits);
    }
    await grant?.release();
  }
  const keys = (await command(server, 'KEYS', '*')) as string[];
  assert.ok(keys.length <= 256 && keys.every((key) => /^tierlock:\{\d+\}$/.test(key)), String(keys));
});

test('holders and places that nobody renews leave nothing', { skip }, async () => {
  await using one = await open('ioredis', server);
  await command(server, 'FLUSHALL');
  const keys = [newKey(), newKey(), newKey()];
  const ways = [{}, { shared: true }, { permits: 3, units: 3 }];
  for (const [i, key] of keys.entries()) {
    assert.ok(await one.store.tryAcquire(ask(key, { ...ways[i], ttl: 200 })));
    const waits = ask(key, { waits: true, fifo: true, permits: i === 2 ? 3 : 1 });
    assert.equal(await one.store.tryAcquire(waits), null);
  }
  await waitUntil(async () => (await command(server, 'KEYS', '*}?*'))?.toString() === '', {
    what: 'only counters are left',
  });
});

test('tokens grow over the loss of all data and a restart', { skip }, async () => {
  await using one = await open('url', server);
  let last = 0n;
  const grows = async (): Promise<void> => {
    for (const how of [{}, { shared: true }]) {
      const grant = await waitUntil(() => one.store.tryAcquire(ask('lock:grows', how)).catch(() => null), {
        what: 'it is there again',
      });
      assert.ok(grant);
      assert.ok(grant.token > last, `${grant.token} after ${last}`);
      last = grant.token;
      await grant.release();
    }
  };
  for (let i = 0; i < 50; i++) {
    await grows();
    await command(server, 'FLUSHALL');
  }
  await server.restart();
  await grows();
  // As if some had been lost in a failover.
  const counters = (await command(server, 'KEYS', '*}')) as string[];
  for (const counter of counters) await command(server, 'DECRBY', counter, 100_000);
  await grows();
  // A clock that was set back.
  for (const counter of counters) await command(server, 'INCRBY', counter, 2 ** 40);
  last += 2n ** 39n;
  await grows();
  assert.ok(last << 10n < 2n ** 63n);
});
