/** Redis by TLS: by each client, as the holder and as one who waits, for whom a second connection is opened. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { Backend } from '../src/backend.js';
import { LockBackendError } from '../src/errors.js';
import { connect, redis } from '../src/index.js';
import { ask, newKey, take } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { makeCertificate, noCertificate } from './support/servers/certificate.js';
import { HOST, withPorts } from './support/servers/ports.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';

const skip = requireServer('redis') || noCertificate();
const { cert, key } = skip ? { cert: '', key: '' } : makeCertificate();
const ca = skip ? '' : readFileSync(cert, 'utf8');
let server: Server;
let url: string;

before(async () => {
  if (skip) return;
  server = await withPorts(1, async ([port]) => {
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    const secure = ['--tls-port', String(port?.number), '--tls-auth-clients', 'no', ...files];
    url = `rediss://${HOST}:${port?.number}`;
    return startRedis({ args: secure });
  });
});
after(() => server?.close());

/** One holds, the other is told when that has ended. */
async function works(store: Backend): Promise<void> {
  const name = newKey();
  const held = await store.tryAcquire(ask(name));
  const waiting = take(store, ask(name));
  await held?.release();
  assert.equal(await (await waiting).release(), true);
}

test('by ioredis', { skip }, async () => {
  const client = new Redis(url, { tls: { ca } });
  await using store = redis(client);
  await works(store).finally(() => client.disconnect());
});

test('by node-redis', { skip }, async () => {
  const client = createClient({ url, socket: { tls: true, ca } });
  await client.connect();
  await using store = redis(client);
  await works(store).finally(() => client.destroy());
});

test('by a URL, where the process trusts the certificate', { skip }, async () => {
  const index = fileURLToPath(new URL('../src/index.js', import.meta.url));
  const program = `
    import { connect, lock } from ${JSON.stringify(index)};
    const store = connect(process.argv[1]);
    const guard = await lock('orders', { distributed: store });
    process.stdout.write(guard.held + ' ' + (await guard.release()));
    await store.close();`;
  const args = ['--input-type=module', '-e', program, url];
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert, NODE_TEST_CONTEXT: undefined };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
  assert.deepEqual([stdout, stderr], ['true true', '']);
});

test('a certificate that nobody vouches for is an error that says what to do', { skip }, async () => {
  await using store = connect(url);
  await assert.rejects(store.tryAcquire(ask(newKey())), (error) => {
    assert.ok(error instanceof LockBackendError);
    assert.match(error.message, /certificate is not trusted: .*NODE_EXTRA_CA_CERTS/);
    return true;
  });
});
