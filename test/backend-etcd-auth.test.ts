/** Who asks etcd, over what, and what an error says when it will have nothing to do with us. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test as always } from 'node:test';
import type { Backend } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { LockBackendError } from '../src/index.js';
import { acquire, requestOf } from './support/backend-requests.js';
import { base64, Calls, storeBehindProxies } from './support/etcd-store.js';
import { requireServer } from './support/servers/available.js';
import { noCertificate } from './support/servers/certificate.js';
import { etcdCall, startEtcd } from './support/servers/etcd.js';
import { newFolder } from './support/servers/keeper.js';
import { waitUntil } from '../src/testing/wait.js';

type Skip = string | false;
const test = (name: string, body: () => Promise<void>, skip: Skip = false): void =>
  void always(name, { skip: requireServer('etcd') || skip }, body);

/** Each call of it says what to do. */
async function refuses(store: Backend, words: RegExp): Promise<void> {
  await using refused = store;
  const says = (error: unknown): boolean => {
    assert.ok(error instanceof LockBackendError, String(error));
    assert.match(error.message, words);
    return true;
  };
  await assert.rejects(refused.tryAcquire(requestOf('lock:no')), says);
  await assert.rejects(refused.watch?.(requestOf('lock:no')) ?? Promise.resolve(), says);
  await assert.rejects(refused.list?.('') ?? Promise.resolve(), says);
}

async function works(store: Backend): Promise<void> {
  await using trusted = store;
  const held = await trusted.tryAcquire(requestOf('lock:yes'));
  const request = requestOf('lock:yes', { waits: true });
  const waiting = acquire(trusted, request);
  await held?.renew?.(30_000);
  assert.equal(await held?.release(), true);
  assert.equal(await (await waiting).release(), true);
}

test('a user has to say who he is, and may do what he was granted', async () => {
  await using server = await startEtcd({ auth: 'secret' });
  const { token } = (await etcdCall(server, '/v3/auth/authenticate', {
    name: 'root',
    password: 'secret',
  })) as {
    token: string;
  };
  for (const [path, body] of [
    ['user/add', { name: 'shop', password: 'pass word' }],
    ['role/add', { name: 'locks' }],
    [
      'role/grant',
      { name: 'locks', perm: { permType: 'READWRITE', key: base64('shop/'), range_end: base64('shop0') } },
    ],
    ['user/grant', { user: 'shop', role: 'locks' }],
  ] as const)
    await etcdCall(server, `/v3/auth/${path}`, body, { token });
  const endpoints = server.urls;
  const host = endpoints[0]?.slice('http://'.length) ?? '';
  await refuses(etcd({ endpoints }), /give `user` and `password`/);
  await refuses(etcd({ endpoints, user: 'root', password: 'wrong' }), /`user` or `password` is wrong/);
  await refuses(etcd({ endpoints, user: 'shop', password: 'pass word' }), /grant the user `readwrite`/);
  await works(etcd({ endpoints, user: 'root', password: 'secret' }));
  await works(etcd(`etcd://shop:pass%20word@${host}/shop`));
});

test('a token that etcd has forgotten is asked for again, by who acquires, renews and waits', async () => {
  await using server = await startEtcd({ auth: 'secret' });
  await using proxied = await storeBehindProxies(server, { user: 'root', password: 'secret' });
  const { store, proxies } = proxied;
  const held = await store.tryAcquire(requestOf('lock:token'));
  const waiting = acquire(store, requestOf('lock:token', { waits: true }));
  await waitUntil(async () => (await store.inspect?.('lock:token'))?.length === 1, { what: 'it waits' });
  const calls = new Calls(...proxies);
  const as = { name: 'root', password: 'secret' };
  const { token = '' } = (await etcdCall(server, '/v3/auth/authenticate', as)) as { token?: string };
  // All tokens of the user are void from then on.
  await etcdCall(server, '/v3/auth/user/changepw', as, { token });
  await held?.renew?.(30_000);
  await store.tryAcquire(requestOf('lock:other'));
  assert.equal(await held?.release(), true);
  assert.equal(await (await waiting).release(), true);
  assert.equal(calls.take().filter((path) => path === 'auth/authenticate').length, 1);
});

test('whoever has a password may use it where nobody asks, and from when somebody does', async () => {
  await using server = await startEtcd();
  await using store = etcd({ endpoints: server.urls, user: 'root', password: 'secret' });
  const before = await store.tryAcquire(requestOf('lock:before'));
  await etcdCall(server, '/v3/auth/user/add', { name: 'root', password: 'secret' });
  await etcdCall(server, '/v3/auth/role/add', { name: 'root' });
  await etcdCall(server, '/v3/auth/user/grant', { user: 'root', role: 'root' });
  await etcdCall(server, '/v3/auth/enable', {});
  await before?.renew?.(30_000);
  assert.equal(await before?.release(), true);
});

test(
  'TLS, by a certificate that is trusted',
  async () => {
    await using server = await startEtcd({ tls: true });
    const [url = ''] = server.urls;
    const host = url.slice('https://'.length);
    const ca = server.ca ?? '';
    const file = join(newFolder('ca'), 'ca.pem');
    writeFileSync(file, ca);
    await works(etcd({ endpoints: [url], tls: { ca } }));
    await works(etcd({ endpoints: [host], tls: { ca: [ca] } }));
    await works(etcd(`etcds://${host}?ca=${encodeURIComponent(file)}`));
    await refuses(etcd(`etcds://${host}`), /give its certificate authority/);
    await refuses(etcd({ endpoints: [url] }), /give its certificate authority/);
    await refuses(etcd(`etcds://${host}?ca=/no/such/file`), /cannot read '\/no\/such\/file', the ca/);
    await using plain = etcd(`etcd://${host}`);
    // It hangs up, as it may do when it ends: no reason not to try again.
    await assert.rejects(plain.tryAcquire(requestOf('lock:no')), /does it speak TLS/);
  },
  noCertificate(),
);

test('no gateway, or something else altogether', async () => {
  const other = createServer((_, response) => response.writeHead(404).end('404 page not found\n'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await refuses(etcd(`etcd://127.0.0.1:${port}`), /no JSON gateway under \/v3: start it with/);
  other.close();
  await using nobody = etcd(`etcd://127.0.0.1:${port}`);
  // Whoever starts it late is not to blame.
  await assert.rejects(
    nobody.tryAcquire(requestOf('lock:no')),
    (error: unknown) => !(error instanceof LockBackendError) && /no answer from etcd at/.test(String(error)),
  );
});
