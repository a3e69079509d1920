/** A holder who stands still past his lease, and then goes on: the resource refuses what he does late. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { connect, fencedHttp, lock, LockLostError, RedisFence } from '../src/index.js';
import type { Guard } from '../src/index.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Taker } from '../src/testing/taker.js';

const skip = requireServer('redis');
const ttl = 600;
let redis: Server;
let client: Redis;

before(async () => {
  if (skip !== false) return;
  redis = await startRedis();
  client = new Redis(redis.url);
});
after(async () => {
  client?.disconnect();
  await redis?.close();
});

/** A process holds the name, is stopped, and somebody else gets it. */
async function overtaken(name: string): Promise<[Taker, Guard]> {
  const stopped = await spawnTaker(new URL('./support/store-holder.js', import.meta.url));
  await stopped.take({ url: redis.url, name, ttl }).acquired;
  await stopped.stop();
  const next = await lock(name, { distributed: connect(redis.url), ttl: 5000 });
  return [stopped, next];
}

test('Redis refuses it', { skip }, async () => {
  const [stopped, next] = await overtaken('report');
  const fence = new RedisFence(client);
  await fence.set('report', 'of the next', next.token);
  await stopped.continue();
  assert.equal(await stopped.run('setLate', redis.url, 'report', 'late'), 'LockLostError');
  assert.equal(await client.get('report'), 'of the next');
  assert.deepEqual(await stopped.run('lookAndRelease'), [false, false]);
  assert.equal(next.held, true);
  assert.equal(await next.release(), true);
  await stopped[Symbol.asyncDispose]();
});

test('an HTTP server refuses it', { skip }, async () => {
  const fenced = fencedHttp();
  const written: string[] = [];
  const server = createServer((request, response) =>
    fenced(request, response, () => {
      written.push(String(request.headers['lock-token']));
      response.end();
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const [stopped, next] = await overtaken('page');
  const headers = { 'lock-token': String(next.token) };
  assert.equal((await fetch(`http://127.0.0.1:${port}/page`, { method: 'PUT', headers })).status, 200);
  await stopped.continue();
  assert.equal(await stopped.run('putLate', port, '/page'), 412);
  assert.deepEqual(written, [String(next.token)]);
  await next.release();
  await stopped[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

test(
  'the check and the script are one: what it refuses has done nothing, and its answer comes through',
  { skip },
  async () => {
    const fence = new RedisFence(client, { prefix: 'f:' });
    const append = (token: bigint, text: string): Promise<unknown> =>
      fence.run({ lua: "return redis.call('APPEND', KEYS[1], ARGV[1])", keys: ['log'], args: [text], token });
    // Beyond what a double can tell apart.
    const large = 2n ** 63n;
    assert.equal(await append(large + 1n, 'a'), 1);
    assert.equal(await append(large + 1n, 'b'), 2);
    await assert.rejects(append(large, 'c'), (error: Error) => {
      assert.ok(error instanceof LockLostError);
      assert.match(error.message, new RegExp(`token ${large}: it has seen ${large + 1n}`));
      return true;
    });
    await client.script('FLUSH');
    assert.equal(await append(large + 2n, 'd'), 3);
    assert.equal(await client.get('log'), 'abd');
    assert.equal(await client.exists(fence.keyOf('log')), 1);
    await assert.rejects(append(1 as never, 'x'), TypeError);
    await assert.rejects(
      fence.run({ lua: 'return nonsense(', keys: ['log'], token: large + 3n }),
      /compil|Error/,
    );
  },
);
