/** Redis and the life of a process: by the public names, in programs of their own. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { redisUrl } from '../src/backends/redis-url.js';
import { runProgram } from './support/child.js';
import { ask, command } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { temporary } from './support/temporary.js';

const skip = requireServer('redis');
const { newFolder } = temporary();
let server: Server;
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.close());

const src = (file: string): string =>
  JSON.stringify(new URL(`../src/backends/${file}.js`, import.meta.url).href);
const request = `const ask = (key, how) => ({ key, id: crypto.randomUUID(), shared: false, units: 1, permits: 1, ttl: 5000,
  waits: false, fifo: false, owner: undefined, signal: new AbortController().signal, ...how });`;

test('an open store does not keep a process alive, but a command and a wait do', { skip }, async () => {
  const ended = await runProgram(`
    import { redisUrl } from ${src('redis-url')};
    ${request}
    const store = redisUrl('${server.url}');
    const grant = await store.tryAcquire(ask('lock:alive'));
    const waits = ask('lock:alive', { waits: true });
    await store.tryAcquire(waits);
    const watch = await store.watch(waits);
    await watch.changed();
    console.log('waited');
    watch.close();
    await store.forget(waits);
    console.log(await grant.release());
  `);
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'waited\ntrue\n', stderr: '' });
});

test('a store of a server that has gone does not keep a process alive', { skip }, async () => {
  const ended = await runProgram(`
    import { redisUrl } from ${src('redis-url')};
    ${request}
    const store = redisUrl('redis://127.0.0.1:1');
    console.log(await store.tryAcquire(ask('lock:gone')).catch((error) => error.code));
    const watch = await store.watch(ask('lock:gone'));
    console.log('watches');
    watch.close();
  `);
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'ECONNREFUSED\nwatches\n', stderr: '' });
});

test('without a client package it says what to install', { skip }, async () => {
  // As it is installed, but for all other packages.
  const folder = newFolder();
  cpSync(fileURLToPath(new URL('../src', import.meta.url)), join(folder, 'src'), { recursive: true });
  cpSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'));
  const file = JSON.stringify(join(folder, 'src/backends/redis-url.js'));
  const ended = await runProgram(`
    const { redisUrl } = await import(${file});
    ${request}
    for (const url of ['redis://127.0.0.1:1', 'redis+sentinel://127.0.0.1:1/main']) {
      const store = redisUrl(url);
      console.log(await store.tryAcquire(ask('lock:x')).catch(({ code, message }) => [code, message].join(' ')));
    }
  `);
  assert.deepEqual(
    [ended.code, ended.stdout.trim().split('\n'), ended.stderr],
    [
      0,
      [
        'ERR_LOCK_UNSUPPORTED locks in Redis need the package ioredis or redis: npm install ioredis',
        'ERR_LOCK_UNSUPPORTED sentinels need the package ioredis: npm install ioredis',
      ],
      '',
    ],
  );
});

test('a waiter that is killed leaves its place to the next one', { skip }, async () => {
  const program = (then: string): string => `
    import { redisUrl } from ${src('redis-url')};
    ${request}
    const store = redisUrl('${server.url}');
    const waits = ask('lock:killed', { waits: true, fifo: true });
    for (;;) {
      const grant = await store.tryAcquire(waits);
      if (grant) { console.log('got it'); await grant.release(); break; }
      ${then}
    }
  `;
  await using store = redisUrl(server.url);
  const grant = await store.tryAcquire(ask('lock:killed'));
  const killed = runProgram(program(`process.kill(process.pid, 'SIGKILL');`));
  assert.equal((await killed).signal, 'SIGKILL');
  const released = sleep(500).then(() => grant?.release());
  const next = await runProgram(
    program(`const watch = await store.watch(waits); await watch.changed(); watch.close();`),
  );
  assert.deepEqual([next.code, next.stdout, next.stderr], [0, 'got it\n', '']);
  assert.equal(await released, true);
});

test('lock() of several processes excludes them all, and hands over by messages', { skip }, async () => {
  const program = `
    import { lock } from 'tierlock';
    import { Redis } from ${JSON.stringify(import.meta.resolve('ioredis'))};
    import { redisUrl } from ${src('redis-url')};
    const client = new Redis('${server.url}');
    const store = redisUrl('${server.url}');
    let last = 0n;
    for (let i = 0; i < 25; i++) {
      await lock('count', { distributed: store }, async ({ token }) => {
        if (token <= last) throw new Error('the token did not grow');
        last = token;
        const count = Number(await client.get('count'));
        await new Promise((resolve) => setTimeout(resolve, 1));
        await client.set('count', count + 1);
      });
    }
    client.disconnect();
  `;
  const all = await Promise.all([1, 2, 3, 4].map(() => runProgram(program)));
  for (const ended of all) assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.equal(await command(server, 'GET', 'count'), '100');
});

test('lock() of a holder that was killed comes free when its record lapses', { skip }, async () => {
  const killed = await runProgram(`
    import { lock } from 'tierlock';
    import { redisUrl } from ${src('redis-url')};
    await lock('dead', { distributed: redisUrl('${server.url}'), ttl: 1500 });
    process.kill(process.pid, 'SIGKILL');
  `);
  assert.equal(killed.signal, 'SIGKILL');
  const next = await runProgram(`
    import { lock } from 'tierlock';
    import { redisUrl } from ${src('redis-url')};
    const store = redisUrl('${server.url}');
    const guard = await lock('dead', { distributed: store, timeout: 5000 });
    console.log(guard.held, await guard.release());
  `);
  assert.deepEqual([next.code, next.stdout, next.stderr], [0, 'true true\n', '']);
});
