/** The proxy that spoils the network between a client and a server: each fault, as both sides see it, and its end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { startProxy, type Proxy } from './support/proxy.js';
import { requireServer } from './support/servers/available.js';
import { HOST } from './support/servers/ports.js';
import { startRedis } from './support/servers/redis.js';
import { redisCommand } from './support/servers/resp.js';
import { waitUntil } from './support/wait.js';

/** One end of a connection, and all that it was told. */
class End {
  readonly socket: Socket;
  text = '';
  /** How it was told of the end, if it was. */
  over = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    socket.once('end', () => (this.over ||= 'end'));
    socket.once('error', (error: NodeJS.ErrnoException) => (this.over ||= error.code ?? error.message));
  }

  hears(text: string): Promise<boolean> {
    return waitUntil(() => this.text === text, { what: `it hears '${text}', not '${this.text}'` });
  }

  isTold(how: string): Promise<boolean> {
    return waitUntil(() => this.over === how, { what: `it is told '${how}', not '${this.over}'` });
  }
}

// Says back in capitals what it hears.
const served: End[] = [];
const echo = createServer({ noDelay: true }, (socket) => {
  served.push(new End(socket));
  socket.on('data', (text: string) => socket.write(text.toUpperCase()));
});
echo.listen(0, HOST);
await once(echo, 'listening');
after(() => echo.close());
const target = { host: HOST, port: (echo.address() as AddressInfo).port };

const open: Socket[] = [];
after(() => {
  for (const socket of [...open, ...served.map((end) => end.socket)]) socket.destroy();
});

async function connected(proxy: Proxy): Promise<End> {
  const socket = connect({ host: HOST, port: proxy.port, noDelay: true });
  open.push(socket);
  const end = new End(socket);
  await once(socket, 'connect');
  return end;
}

/** Both ends of a new connection that works. */
async function pair(proxy: Proxy): Promise<[client: End, server: End]> {
  const before = served.length;
  const client = await connected(proxy);
  await waitUntil(() => served.length > before, { what: 'the server has a connection' });
  client.socket.write('-');
  await client.hears('-');
  return [client, served[before] as End];
}

// What goes through in this time would have arrived; what is held does not arrive, however long it takes.
async function meanwhile(): Promise<void> {
  await using healthy = await startProxy(target);
  const [client] = await pair(healthy);
  for (let i = 0; i < 20; i++) {
    client.text = '';
    client.socket.write('x');
    await client.hears('X');
  }
}

test('without faults it passes on data and ends', async () => {
  await using proxy = await startProxy(target);
  assert.equal(proxy.connections, 0);
  const [client, server] = await pair(proxy);
  assert.equal(proxy.connections, 1);
  client.socket.write('a');
  await client.hears('-A');
  client.socket.end('b');
  await client.hears('-AB');
  await server.isTold('end');
  await client.isTold('end');
  await waitUntil(() => proxy.connections === 0, { what: 'it is forgotten' });
});

test('cut resets both sides', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.cut();
  await client.isTold('ECONNRESET');
  await server.isTold('ECONNRESET');
  await waitUntil(() => proxy.connections === 0, { what: 'it is forgotten' });
  await pair(proxy);
});

test('a reset goes on to the other side', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  client.socket.resetAndDestroy();
  await server.isTold('ECONNRESET');
  const [other, gone] = await pair(proxy);
  gone.socket.resetAndDestroy();
  await other.isTold('ECONNRESET');
});

test('refuse lets in nobody, and those inside stay', async () => {
  await using proxy = await startProxy(target);
  const [client] = await pair(proxy);
  proxy.refuse();
  await assert.rejects(connected(proxy), { code: 'ECONNREFUSED' });
  client.socket.write('a');
  await client.hears('-A');
  await proxy.accept();
  await pair(proxy);
});

for (const [ms, way] of [
  [40, 'up'],
  [40, 'down'],
  [80, undefined],
] as const)
  test(`delay takes its time: ${way ?? 'both ways'}`, async () => {
    await using proxy = await startProxy(target);
    const [client] = await pair(proxy);
    proxy.delay(40, way);
    const start = performance.now();
    client.socket.write('a');
    await client.hears('-A');
    assert.ok(performance.now() - start >= ms);
  });

test('what is delayed is not overtaken', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.delay(40);
  client.socket.write('a');
  // The proxy has it when the system has taken it and this loop has turned.
  await waitUntil(() => client.socket.writableLength === 0, { what: 'it is on its way' });
  await meanwhile();
  await proxy.heal();
  client.socket.end('b');
  await server.isTold('end');
  assert.equal(server.text, '-ab');
});

test('blackhole down: the server hears, and its answers come when it is healed', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.blackhole('down');
  client.socket.write('a');
  await server.hears('-a');
  await meanwhile();
  assert.equal(client.text, '-');
  await proxy.heal();
  await client.hears('-A');
});

test('blackhole up: the server hears nothing, and is heard', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.blackhole('up');
  client.socket.write('a');
  await meanwhile();
  server.socket.write('!');
  await client.hears('-!');
  assert.equal(server.text, '-');
  await proxy.heal();
  await client.hears('-!A');
});

test('blackhole: connections are taken and lead nowhere, ends are not told', async () => {
  await using proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  proxy.blackhole();
  const before = served.length;
  const lost = await connected(proxy);
  lost.socket.write('a');
  client.socket.destroy();
  await meanwhile();
  // The one of meanwhile() only.
  assert.equal(served.length, before + 1);
  assert.equal(server.over, '');
  assert.equal(proxy.connections, 2);
  await proxy.heal();
  await lost.hears('A');
  await server.isTold('end');
});

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

test('where no server is, the client is reset', async () => {
  const nobody = createServer().listen(0, HOST);
  await once(nobody, 'listening');
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  await using proxy = await startProxy({ host: HOST, port });
  const client = await connected(proxy);
  await client.isTold('ECONNRESET');
});

test('closed it has no connection and no port', async () => {
  const proxy = await startProxy(target);
  const [client, server] = await pair(proxy);
  await proxy.close();
  await client.isTold('ECONNRESET');
  await server.isTold('ECONNRESET');
  await assert.rejects(connected(proxy), { code: 'ECONNREFUSED' });
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
