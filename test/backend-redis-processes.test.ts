/** Redis and the life of a process: by the public names, in programs of their own. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runProgram } from './support/child.js';
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
  const holder = runProgram(`
    import { redisUrl } from ${src('redis-url')};
    ${request}
    const store = redisUrl('${server.url}');
    const grant = await store.tryAcquire(ask('lock:killed'));
    setTimeout(() => grant.release(), 1500);
  `);
  const killed = runProgram(program(`process.kill(process.pid, 'SIGKILL');`));
  assert.equal((await killed).signal, 'SIGKILL');
  const next = await runProgram(
    program(`const watch = await store.watch(waits); await watch.changed(); watch.close();`),
  );
  assert.deepEqual([next.code, next.stdout, next.stderr], [0, 'got it\n', '']);
  assert.equal((await holder).code, 0);
});
