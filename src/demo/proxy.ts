/** A proxy that sends each request to the next of several services, as a load balancer does in front of hosts. */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Proxy {
  readonly port: number;
  readonly close: () => void;
}

export async function startProxy(ports: readonly number[]): Promise<Proxy> {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const server = createServer((incoming, response) => {
    const { method, url: path, headers } = incoming;
    const port = ports[turn++ % ports.length];
    const fails = (error: unknown): void => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(String(error));
    };
    const outgoing = request({ host: '127.0.0.1', port, agent, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', fails).pipe(response);
    });
    incoming.pipe(outgoing.on('error', fails));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    agent.destroy();
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
