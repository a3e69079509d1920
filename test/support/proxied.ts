/** Both ends of connections through a proxy, to a server in this thread, which ends with the tests of the file. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after } from 'node:test';
import { startProxy, type Proxy, type Target } from './proxy.js';
import { HOST } from './servers/ports.js';
import { waitUntil } from '../../src/testing/wait.js';

/** One end of a connection, and all that it was told. */
export class End {
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
const ends: End[] = [];
/** Those of the server, in their order. */
export const served: readonly End[] = ends;
const echo = createServer({ noDelay: true }, (socket) => {
  ends.push(new End(socket));
  socket.on('data', (text: string) => socket.write(text.toUpperCase()));
});
echo.listen(0, HOST);
await once(echo, 'listening');
after(() => echo.close());
export const target: Target = { host: HOST, port: (echo.address() as AddressInfo).port };

const open: Socket[] = [];
after(() => {
  for (const socket of [...open, ...served.map((end) => end.socket)]) socket.destroy();
});

export async function connected(proxy: Proxy): Promise<End> {
  const socket = connect({ host: HOST, port: proxy.port, noDelay: true });
  open.push(socket);
  const end = new End(socket);
  await once(socket, 'connect');
  return end;
}

/** Both ends of a new connection that works. */
export async function pair(proxy: Proxy): Promise<[client: End, server: End]> {
  const before = served.length;
  const client = await connected(proxy);
  await waitUntil(() => served.length > before, { what: 'the server has a connection' });
  client.socket.write('-');
  await client.hears('-');
  return [client, served[before] as End];
}

/** What goes through in this time would have arrived; what is held does not arrive, however long it takes. */
export async function meanwhile(): Promise<void> {
  await using healthy = await startProxy(target);
  const [client] = await pair(healthy);
  for (let i = 0; i < 20; i++) {
    client.text = '';
    client.socket.write('x');
    await client.hears('X');
  }
}
