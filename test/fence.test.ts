/** The resource's side of a lock: who comes too late is refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Fence, fencedHttp, LockLostError } from '../src/index.js';

test('a larger token is let in, the same one again, and a smaller one never', async () => {
  const fence = new Fence();
  const seen: bigint[] = [];
  const write = (token: bigint): Promise<number> => fence.run('a', token, () => seen.push(token));
  await write(5n);
  await write(5n);
  await assert.rejects(write(4n), { code: 'ERR_LOCK_LOST', lock: 'a', message: /token 4: it has seen 5/ });
  await write(6n);
  await assert.rejects(write(5n), LockLostError);
  await fence.run('b', 1n, () => undefined);
  assert.deepEqual(seen, [5n, 5n, 6n]);
  assert.equal(fence.largest('a'), 6n);
});

test('who is at it ends before a larger token acts, and who waited behind that is refused', async () => {
  const fence = new Fence();
  const order: string[] = [];
  let end!: () => void;
  const first = fence.run('a', 1n, async () => {
    await new Promise<void>((resolve) => (end = resolve));
    order.push('one');
  });
  const second = fence.run('a', 2n, () => order.push('two'));
  const late = fence.run('a', 1n, () => order.push('late'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(order, []);
  end();
  await Promise.all([first, second, assert.rejects(late, LockLostError)]);
  assert.deepEqual(order, ['one', 'two']);
});

test('the largest token is saved before anybody acts, and loaded once', async () => {
  const kept = new Map<string, bigint>([['a', 7n]]);
  let loads = 0;
  const events: string[] = [];
  const fence = new Fence({
    load: async (resource) => (loads++, kept.get(resource)),
    save: async (resource, token) => void (kept.set(resource, token), events.push(`save ${token}`)),
  });
  await assert.rejects(
    fence.run('a', 6n, () => undefined),
    LockLostError,
  );
  await fence.run('a', 8n, () => events.push('act'));
  assert.deepEqual([loads, kept.get('a'), events.join()], [1, 8n, 'save 8,act']);
  const broken = new Fence({ save: () => Promise.reject(new Error('disk full')) });
  await assert.rejects(
    broken.run('a', 1n, () => assert.fail('it is not kept')),
    /disk full/,
  );
  assert.throws(() => new Fence({ save: 1 } as never), TypeError);
  await assert.rejects(
    fence.run('a', 1 as never, () => undefined),
    TypeError,
  );
});

const fence = new Fence();
const fenced = fencedHttp({ fence });
const writes: string[] = [];
const server = createServer((incoming, response) =>
  fenced(incoming, response, () => {
    writes.push(String(incoming.headers['lock-token']));
    response.end('written');
  }),
);
await once(server.listen(0, '127.0.0.1'), 'listening');
after(() => server.close());
const { port } = server.address() as AddressInfo;

async function put(path: string, headers: Record<string, string>): Promise<number | undefined> {
  const sent = request({ host: '127.0.0.1', port, path, method: 'PUT', headers, agent: false }).end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

test('an HTTP server asks for a token, and refuses what is none and what is too old', async () => {
  assert.equal(await put('/a', {}), 428);
  assert.equal(await put('/a', { 'lock-token': '12x' }), 400);
  assert.equal(await put('/a', { 'lock-token': '12' }), 200);
  assert.equal(await put('/a?again', { 'lock-token': '11' }), 412);
  assert.equal(await put('/b', { 'lock-token': '11' }), 200);
});

test('a client that goes away while it waits holds nobody up', async () => {
  let end!: () => void;
  const busy = fence.run('/c', 1n, () => new Promise<void>((resolve) => (end = resolve)));
  const gone = request({ host: '127.0.0.1', port, path: '/c', headers: { 'lock-token': '2' }, agent: false });
  gone.on('error', () => undefined).end();
  await once(gone, 'finish');
  gone.destroy();
  const next = put('/c', { 'lock-token': '3' });
  end();
  await busy;
  assert.equal(await next, 200);
});
