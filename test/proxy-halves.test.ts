/** The proxy where one side knows less than the other: half-open connections, lost answers, and what a hook decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanwhile, pair, target } from './support/proxied.js';
import { startProxy } from './support/proxy.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import { redisCommand } from './support/servers/resp.js';
import { waitUntil } from '../src/testing/wait.js';

test('halfOpen: the server is gone, and the client not told', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.halfOpen('server');
  await server.isTold('ECONNRESET');
  client.socket.write('a');
  await meanwhile();
  assert.deepEqual([client.text, client.over, proxy.connections], ['-', '', 1]);
  // Who comes now is not concerned.
  await pair(proxy);
  await proxy.heal();
  await client.isTold('ECONNRESET');
});

test('halfOpen: the client is gone, and the server not told', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.halfOpen('client');
  await client.isTold('ECONNRESET');
  proxy.onData(() => assert.fail('this goes nowhere'));
  server.socket.write('still there?');
  await meanwhile();
  assert.deepEqual([server.text, server.over, proxy.connections], ['-', '', 1]);
  await proxy.heal();
  await server.isTold('ECONNRESET');
});

test('half a connection that closes itself is forgotten', async () => {
  await using proxy = await startProxy(target);
  const [client] = await pair(proxy);
  proxy.halfOpen('server');
  client.socket.end();
  await waitUntil(() => proxy.connections === 0, { what: 'it is forgotten' });
});

test('loseReply: the server has done it, and the client does not know', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  const lost = proxy.loseReply({ request: (bytes) => bytes.includes('take') });
  client.socket.write('ask');
  await client.hears('-ASK');
  client.socket.write('take');
  await lost;
  await client.isTold('ECONNRESET');
  await server.isTold('ECONNRESET');
  assert.deepEqual([client.text, server.text], ['-ASK', '-asktake']);
  // Once.
  const [next] = await pair(proxy);
  next.socket.write('take');
  await next.hears('-TAKE');
});

test('loseReply: the right answer, and a server that keeps its side', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  const lost = proxy.loseReply({ reply: (bytes) => bytes.includes('DONE'), gone: 'client' });
  client.socket.write('take');
  await server.hears('-take');
  server.socket.write('wait');
  await meanwhile();
  assert.equal(client.over, '');
  server.socket.write('DONE');
  await lost;
  await client.isTold('ECONNRESET');
  await meanwhile();
  assert.deepEqual([client.text, server.over], ['-', '']);
});

test('onData knows connections and requests', async () => {
  await using proxy = await startProxy(target);
  const seen: string[] = [];
  proxy.onData(({ way, bytes, connection, turn }) => {
    seen.push(`${connection}.${turn} ${way} ${String(bytes)}`);
    if (way === 'up' && connection === 2 && turn === 3) return 'cut';
    return String(bytes) === 'DROP' ? 'drop' : 'pass';
  });
  await pair(proxy);
  const [client, server] = await pair(proxy);
  client.socket.write('drop');
  await server.hears('-drop');
  await waitUntil(() => seen.at(-1) === '2.2 down DROP', { what: 'the answer is dropped' });
  client.socket.write('a');
  await client.isTold('ECONNRESET');
  await server.isTold('ECONNRESET');
  assert.deepEqual([client.text, server.text], ['-', '-drop']);
  const first = ['1.1 up -', '1.1 down -', '2.1 up -', '2.1 down -'];
  assert.deepEqual(seen, [...first, '2.2 up drop', '2.2 down DROP', '2.3 up a']);
});

test('a SET of which the answer is lost is in Redis', { skip: requireServer('redis') }, async () => {
  await using redis = await startRedis();
  await using proxy = await startProxy(redis);
  const lost = proxy.loseReply({ request: (bytes) => bytes.includes('SET') });
  const set = ['SET', 'key', 'value', 'NX'];
  await assert.rejects(redisCommand(proxy, set), { code: 'ECONNRESET' });
  await lost;
  assert.equal(await redisCommand(proxy, set), null);
});
