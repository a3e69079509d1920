/**
 * Ports of 127.0.0.1 for servers that this process starts. They lie below those that systems give to outgoing
 * connections: a client that calls a dead server again and again could otherwise be given that very port, connect to
 * itself, and keep the server from coming back. No server of ours has its standard port among them.
 *
 * A port stays claimed, by the UDP socket of the same number, for as long as its owner lives, also while its server is
 * down. Thereby all test processes keep out of each other's way, and the system gives back what a killed one had.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

export const HOST = '127.0.0.1';
const [FIRST, LAST] = [20_000, 26_000];

export interface Port {
  readonly number: number;
  /** Others may have it now. */
  release(): void;
}

/** A port that nobody has and nobody else of ours will take. */
export async function claimPort(): Promise<Port> {
  for (let tries = 0; tries < 200; tries++) {
    const number = randomInt(FIRST, LAST);
    const port = await claim(number);
    if (port && (await isFree(number))) return port;
    port?.release();
  }
  throw new Error(`no port between ${FIRST} and ${LAST} seems to be free`);
}

/**
 * Calls the function with that many claimed ports. A stranger can still take one before the server has it; then the
 * server says so and ends, and it goes again with others. From its success on the ports belong to the function.
 */
export async function withPorts<T>(
  count: number,
  start: (ports: readonly Port[]) => Promise<T>,
  tries = 5,
): Promise<T> {
  const ports = await Promise.all(Array.from({ length: count }, claimPort));
  try {
    return await start(ports);
  } catch (error) {
    for (const port of ports) port.release();
    if (tries > 1 && /address already in use/i.test(String(error))) return withPorts(count, start, tries - 1);
    throw error;
  }
}

function claim(number: number): Promise<Port | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref();
    socket.once('error', () => resolve(undefined));
    socket.bind({ address: HOST, port: number, exclusive: true }, () =>
      resolve({ number, release: closer(socket) }),
    );
  });
}

function closer(socket: { close(): unknown }): () => void {
  let open = true;
  return () => {
    if (open) socket.close();
    open = false;
  };
}

function isFree(number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: HOST, port: number, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
