/** The proxy that spoils the network between a client and a server: each fault, as both sides see it, and its end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connected, meanwhile, pair, served, target } from './support/proxied.js';
import { startProxy } from './support/proxy.js';
import { HOST } from './support/servers/ports.js';
import { waitUntil } from '../src/testing/wait.js';

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

test('a socket that is reset while it ends keeps no process from exiting', async () => {
  const program = `
    import { once } from 'node:events';
    import { connect } from 'node:net';
    import { reset } from '${new URL('support/link.js', import.meta.url).href}';
    const socket = connect(process.argv[1], '${HOST}').resume();
    await once(socket, 'connect');
    socket.end();
    // It shuts the socket down in the next turn of the loop.
    await new Promise((resolve) => process.nextTick(resolve));
    reset(socket);
  `;
  const args = ['--input-type=module', '-e', program, String(target.port)];
  const child = spawn(process.execPath, args, { stdio: 'inherit', timeout: 20_000, killSignal: 'SIGKILL' });
  assert.deepEqual(await once(child, 'close'), [0, null]);
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
