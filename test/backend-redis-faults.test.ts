/** What goes wrong in Redis, on the way there, or with a client: told as it is, and never twice or not at all. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { redisUrl } from '../src/backends/redis-url.js';
import { redis } from '../src/backends/redis.js';
import { LockBackendError, LockError, LockUnsupportedError } from '../src/errors.js';
import { startProxy } from './support/proxy.js';
import { ask, clientKinds, command, isFree, newKey, open, take } from './support/redis.js';
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

const plain = (error: unknown): boolean => error instanceof Error && !(error instanceof LockError);

test('a password: none, a wrong one, the right one', { skip }, async () => {
  await using locked = await startRedis({ password: 'secret' });
  const { host, port } = locked;
  for (const [login, message] of [
    ['', /wants a password/],
    [':wrong@', /refuses/],
  ] as const) {
    await using store = redisUrl(`redis://${login}${host}:${port}`);
    await assert.rejects(store.tryAcquire(ask(newKey())), (error) => {
      assert.ok(error instanceof LockBackendError && error.cause instanceof Error, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  await using store = redisUrl(locked.url);
  await (await take(store, ask(newKey()))).release();
  const client = new Redis(port, host);
  client.on('error', () => undefined);
  await using theirs = redis(client);
  await assert.rejects(theirs.tryAcquire(ask(newKey())), LockBackendError);
  client.disconnect();
});

test('a user who may not hear the channel is told so when he has to wait', { skip }, async () => {
  const { host, port } = server;
  await command(server, 'ACL', 'SETUSER', 'deaf', 'on', '>x', '~*', '+@all', 'resetchannels');
  await using store = redisUrl(`redis://deaf:x@${host}:${port}`);
  const waits = ask(newKey(), { waits: true });
  const held = await store.tryAcquire(ask(waits.key));
  assert.equal(await store.tryAcquire(waits), null);
  await assert.rejects(store.watch?.(waits) ?? Promise.resolve(), (error) => {
    assert.ok(error instanceof LockBackendError);
    assert.match(error.message, /channels of the prefix/);
    return true;
  });
  assert.equal(await held?.release(), true);
});

for (const kind of clientKinds) {
  test(`${kind}: what asking again does not help against`, { skip }, async () => {
    await using one = await open(kind, server, { prefix: `${kind}{a}:` });
    const key = newKey();
    const grant = await one.store.tryAcquire(ask(key));
    const [record] = (await command(server, 'KEYS', `*:${key}`)) as [string];
    assert.ok(record.startsWith(`${kind}{a}:`));
    await command(server, 'DEL', record);
    await command(server, 'LPUSH', record, 'something else');
    await assert.rejects(async () => grant?.release(), LockBackendError);
    await assert.rejects(one.store.tryAcquire(ask(key)), /another prefix/);
    await command(server, 'CONFIG', 'SET', 'maxmemory', '1');
    try {
      await assert.rejects(one.store.tryAcquire(ask(newKey())), LockBackendError);
    } finally {
      await command(server, 'CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  test(`${kind}: what may pass is no LockError`, { skip }, async () => {
    await using primary = await startRedis();
    await using one = await open(kind, primary);
    await isFree(one.store, newKey());
    await command(primary, 'REPLICAOF', '127.0.0.1', primary.port);
    await assert.rejects(one.store.tryAcquire(ask(newKey())), plain);
    await command(primary, 'REPLICAOF', 'NO', 'ONE');
    await waitUntil(() => isFree(one.store, newKey()).catch(() => false), { what: 'it is the primary' });
  });

  test(`${kind}: a reply that is lost costs nothing`, { skip }, async () => {
    await using proxy = await startProxy(server);
    await using one = await open(kind, proxy);
    await isFree(one.store, newKey());
    const request = ask(newKey());
    const lost = proxy.loseReply({ request: (bytes) => bytes.includes(request.id) });
    // Some clients ask again by themselves.
    const first = one.store.tryAcquire(request).catch((error: unknown) => {
      assert.ok(plain(error));
      return null;
    });
    await lost;
    await first;
    const grant = await waitUntil(() => one.store.tryAcquire(request).catch(() => null), {
      what: 'it is there',
    });
    assert.equal((await one.store.inspect?.(request.key))?.[0]?.token, grant?.token);
    await one.store.forget?.(request);
    assert.equal(await isFree(one.store, request.key), true);
  });

  test(`${kind}: after close() it says so, and leaves the client alone`, { skip }, async () => {
    const one = await open(kind, server);
    const key = newKey();
    const held = await one.store.tryAcquire(ask(key));
    const waits = ask(key, { waits: true });
    await one.store.tryAcquire(waits);
    const watch = await one.store.watch?.(waits);
    const changed = watch?.changed();
    await one.store.close();
    await changed;
    await one.store.close();
    const calls = [
      () => one.store.tryAcquire(ask(key)),
      () => one.store.watch?.(waits),
      () => one.store.forget?.(waits),
      () => one.store.inspect?.(key),
      () => one.store.break?.(key),
      () => one.store.list?.(''),
      () => held?.renew?.(1000),
      () => held?.release(),
    ];
    for (const call of calls) await assert.rejects(async () => call(), LockBackendError);
    await waitUntil(async () => (await command(server, 'CLIENT', 'LIST', 'TYPE', 'pubsub')) === '', {
      what: 'its connection is closed',
    });
    await one[Symbol.asyncDispose]();
  });
}

test('a client that is not connected is told to connect', { skip }, async () => {
  const client = createClient({ url: server.url });
  const store = redis(client);
  await assert.rejects(store.tryAcquire(ask(newKey())), /await client.connect\(\)/);
  await assert.rejects(store.list?.('') ?? Promise.resolve(), LockBackendError);
  await store.close();
});

test('a server that is not there: no command waits for it', { skip }, async () => {
  await using proxy = await startProxy(server);
  await using store = redisUrl(`redis://${proxy.address}`);
  proxy.refuse();
  for (let i = 0; i < 3; i++) {
    await assert.rejects(store.tryAcquire(ask(newKey())), (error) => {
      assert.ok(plain(error));
      assert.match(String((error as { code?: string }).code), /ECONNREFUSED/);
      return true;
    });
  }
  await proxy.heal();
  const grant = await store.tryAcquire(ask(newKey()));
  assert.ok(grant);
  proxy.cut();
  assert.equal(await waitUntil(() => grant.release().catch(() => null), { what: 'it is back' }), true);
});

test('a server that is silent: its connection is given up, and the next one works', { skip }, async () => {
  await using proxy = await startProxy(server);
  await using store = redisUrl(`redis://${proxy.address}`);
  const key = newKey();
  await isFree(store, key);
  proxy.blackhole();
  await assert.rejects(store.tryAcquire(ask(key)), plain);
  const again = store.tryAcquire(ask(newKey()));
  await proxy.heal();
  await (await again)?.release();
});

test('what is no client, no option, no URL', () => {
  for (const wrong of [undefined, null, 'redis://localhost', {}, { get: () => undefined }]) {
    assert.throws(() => redis(wrong as never), TypeError);
  }
  const client = new Redis({ lazyConnect: true });
  for (const wrong of [{ prefx: '' }, { prefix: 1 }, { wait: '1' }]) {
    assert.throws(() => redis(client, wrong as never), TypeError);
  }
  for (const wrong of [{ prefix: 'a{}' }, { wait: -1 }, { wait: 0.5 }, { waitTimeout: Infinity }]) {
    assert.throws(() => redis(client, wrong), RangeError);
  }
  for (const wrong of [
    'redis+sentinel://h:1',
    'redis+sentinel://h:1,h:2/',
    'redis+sentinel://h/m?password=x',
  ]) {
    assert.throws(() => redisUrl(wrong), TypeError);
  }
  assert.throws(
    () => redis(client, { wait: 1 }) && redis({ ...methods, isCluster: true } as never, { wait: 1 }),
    LockUnsupportedError,
  );
});

const methods = { evalsha: () => undefined, duplicate: () => undefined, on: () => undefined };
