/** The servers that tests start are real: they answer, stop, die, come back with their data, and fail over. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test as always } from 'node:test';
import { requireServer, type ServerName } from './support/servers/available.js';
import { noCertificate } from './support/servers/certificate.js';
import { etcdCall, startEtcd } from './support/servers/etcd.js';
import { claimPort, HOST, withPorts } from './support/servers/ports.js';
import { startRedis, startRedises } from './support/servers/redis.js';
import { redisCommand } from './support/servers/resp.js';
import { startSentinel } from './support/servers/sentinel.js';
import { stateOf } from '../src/testing/process-state.js';
import { waitUntil } from '../src/testing/wait.js';

type Body = () => Promise<void>;
const test = (server: ServerName, name: string, body: Body, skip: string | false = false): void =>
  void always(`${server}: ${name}`, { skip: requireServer(server) || skip }, body);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const put = { key: base64('key'), value: base64('value') };
const valueIn = (reply: unknown): unknown => (reply as { kvs?: { value: string }[] }).kvs?.[0]?.value;

test('redis', 'five that know nothing of each other', async () => {
  const servers = await startRedises(5);
  for (const [i, server] of servers.entries()) {
    assert.equal(await redisCommand(server, ['SET', 'key', i]), 'OK');
    assert.match(
      String(await redisCommand(server, ['INFO', 'server'])),
      new RegExp(`process_id:${server.pid}\r`),
    );
    assert.ok(server.port >= 20_000 && server.port < 26_000);
  }
  for (const [i, server] of servers.entries())
    assert.equal(await redisCommand(server, ['GET', 'key']), String(i));
  await Promise.all(servers.map((server) => server.close()));
  for (const server of servers)
    await assert.rejects(redisCommand(server, ['PING']), { code: 'ECONNREFUSED' });
});

test('redis', 'stopped it takes connections and answers when it goes on', async () => {
  await using server = await startRedis();
  const { pid } = server;
  await server.stop();
  await assert.rejects(redisCommand(server, ['PING'], 100), { name: 'AbortError' });
  const answer = redisCommand(server, ['PING']);
  assert.equal(stateOf(pid), 'T');
  await server.resume();
  assert.equal(await answer, 'PONG');
  assert.equal(server.pid, pid);
  await server.stop();
  await server.kill();
  assert.equal(server.running, false);
});

for (const appendonly of [true, false])
  test('redis', `killed and restarted it has ${appendonly ? 'all' : 'none'} of its data`, async () => {
    await using server = await startRedis({ appendonly });
    const before = { pid: server.pid, port: server.port };
    await redisCommand(server, ['SET', 'key', 'value']);
    await server.kill();
    await assert.rejects(redisCommand(server, ['PING']), { code: 'ECONNREFUSED' });
    await server.start();
    assert.equal(server.port, before.port);
    assert.notEqual(server.pid, before.pid);
    assert.equal(await redisCommand(server, ['GET', 'key']), appendonly ? 'value' : null);
    await server.restart();
    assert.equal(await redisCommand(server, ['GET', 'key']), appendonly ? 'value' : null);
  });

test('redis', 'password and arguments', async () => {
  await using server = await startRedis({ password: 'a b', args: ['--maxmemory', '4mb'] });
  await assert.rejects(redisCommand(server, ['PING']), /NOAUTH/);
  const address = { port: server.port, password: 'a b' };
  assert.deepEqual(await redisCommand(address, ['CONFIG', 'GET', 'maxmemory']), ['maxmemory', '4194304']);
  assert.equal(decodeURIComponent(new URL(server.url).password), 'a b');
});

test('redis', 'one that cannot start says why', async () => {
  await assert.rejects(startRedis({ args: ['--no-such-option', '1'] }), /redis has ended:[^]*no-such-option/);
});

test('redis', 'sentinels make the replica the primary', async () => {
  await using group = await startSentinel({ sentinels: 3 });
  assert.equal(await group.current(), group.primary);
  await assert.rejects(redisCommand(group.replica, ['SET', 'key', 1]), /READONLY/);
  await group.primary.kill();
  await waitUntil(async () => (await group.current()) === group.replica, {
    what: 'the replica is the primary',
    timeoutMs: 30_000,
  });
  const write = (): Promise<boolean> =>
    redisCommand(group.replica, ['SET', 'key', 1]).then(
      () => true,
      () => false,
    );
  await waitUntil(write, { what: 'it can be written to' });
});

test('etcd', 'one node keeps its data and gives leases of a second', async () => {
  await using etcd = await startEtcd();
  await etcdCall(etcd, '/v3/kv/put', put);
  assert.equal(((await etcdCall(etcd, '/v3/lease/grant', { TTL: 1 })) as { TTL: string }).TTL, '1');
  await etcd.nodes[0]?.restart();
  assert.equal(valueIn(await etcdCall(etcd, '/v3/kv/range', { key: put.key })), put.value);
});

test('etcd', 'three nodes go on with one killed, which comes back', async () => {
  await using etcd = await startEtcd({ nodes: 3 });
  const [first] = etcd.nodes;
  assert.ok(first);
  await first.kill();
  await assert.rejects(etcdCall(etcd, '/v3/kv/put', put), { code: 'ECONNREFUSED' });
  // It may have been the leader, and what waits for another one waits long.
  const options = { node: 1, timeoutMs: 300 };
  const write = (): Promise<unknown> => etcdCall(etcd, '/v3/kv/put', put, options).catch(() => false);
  await waitUntil(write, { what: 'the other two take a value', timeoutMs: 30_000 });
  await first.start();
  assert.equal(valueIn(await etcdCall(etcd, '/v3/kv/range', { key: put.key })), put.value);
});

const password = 'secret';
const withAuth = async (): Promise<void> => {
  await using etcd = await startEtcd({ auth: password, tls: true });
  await assert.rejects(etcdCall(etcd, '/v3/kv/put', put), /user name is empty/);
  const login = await etcdCall(etcd, '/v3/auth/authenticate', { name: 'root', password });
  const { token } = login as { token: string };
  await etcdCall(etcd, '/v3/kv/put', put, { token });
  assert.equal(valueIn(await etcdCall(etcd, '/v3/kv/range', { key: put.key }, { token })), put.value);
  assert.match(etcd.urls[0] ?? '', /^https:/);
  await assert.rejects(fetch(`${etcd.urls[0]}/health`), (error: Error) =>
    /self-signed/.test((error.cause as Error).message),
  );
};
test('etcd', 'with a password and TLS', withAuth, noCertificate());

always('a port is claimed once, and one that a stranger took is given up for another', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, claimPort));
  assert.equal(new Set(ports.map((port) => port.number)).size, 100);
  for (const port of ports) port.release();

  const tried: number[] = [];
  const stranger = createServer();
  const taken = await withPorts(1, async ([port]) => {
    assert.ok(port);
    tried.push(port.number);
    if (tried.length === 1) {
      await new Promise<void>((resolve) => stranger.listen(port.number, HOST, resolve));
    }
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port.number, HOST, resolve);
    });
    server.close();
    return port;
  });
  assert.deepEqual(tried.slice(1), [taken.number]);
  taken.release();
  stranger.close();
});

test('redis', 'a port that a stranger took is told as such', async () => {
  const stranger = createServer();
  await using server = await startRedis();
  await server.kill();
  await new Promise<void>((resolve) => stranger.listen(server.port, HOST, resolve));
  await assert.rejects(server.start(), /address already in use/i);
  stranger.close();
  await server.start();
});
