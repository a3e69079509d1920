/** A fence (fence.ts) in front of an HTTP server: requests carry the token of their lock in a header. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LockLostError } from './errors.js';
import { Fence } from './fence.js';
import { checkKeys } from './options.js';

/**
 * What a request has to show, and for what.
 *
 * @example
 * import { fencedHttp } from 'tierlock';
 * import type { FencedHttpOptions } from 'tierlock';
 *
 * const options: FencedHttpOptions = { header: 'x-lock-token', resource: (request) => request.url ?? '/' };
 * console.log(typeof fencedHttp(options)); // function
 */
export interface FencedHttpOptions {
  /** Default: `lock-token`. */
  readonly header?: string;
  /** What the token is compared for. Default: the path of the URL. */
  readonly resource?: (request: IncomingMessage) => string;
  /** Default: one of its own, in memory. */
  readonly fence?: Fence;
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

const TOKEN = /^\d{1,40}$/;

/**
 * A middleware for `node:http`, and whatever passes `(request, response, next)`: calls `next` for a request that shows a
 * token as large as any seen for its resource, one request of a resource after the other, each until its response is
 * closed. It answers 428 to those that show none, 400 to what is no token, and 412 to those that come too late.
 *
 * @example
 * import { createServer } from 'node:http';
 * import { once } from 'node:events';
 * import { fencedHttp } from 'tierlock';
 *
 * const fenced = fencedHttp();
 * const server = createServer((request, response) => fenced(request, response, () => response.end('written')));
 * await once(server.listen(0, '127.0.0.1'), 'listening');
 * const { port } = server.address() as { port: number };
 * const write = (token: bigint) =>
 *   fetch(`http://127.0.0.1:${port}/report`, { method: 'PUT', headers: { 'lock-token': String(token) } });
 * console.log((await write(8n)).status, (await write(7n)).status); // 200 412
 * server.close();
 */
export function fencedHttp(options: FencedHttpOptions = {}): Middleware {
  checkKeys(options, ['header', 'resource', 'fence']);
  const { header = 'lock-token', resource = pathOf, fence = new Fence() } = options;
  const name = header.toLowerCase();
  return (request, response, next) => {
    const shown = request.headers[name];
    if (shown === undefined) {
      refuse(response, 428, `show the token of the lock in the header '${header}'`);
    } else if (typeof shown !== 'string' || !TOKEN.test(shown)) {
      refuse(response, 400, `the header '${header}' must be the token of a lock, a whole number`);
    } else {
      fence
        .run(resource(request), BigInt(shown), () => closed(response, next))
        .catch((error: unknown) => {
          if (error instanceof LockLostError) refuse(response, 412, error.message);
          else if (response.headersSent) response.destroy();
          else refuse(response, 500, 'the request could not be checked');
        });
    }
  };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').replace(/[?#].*$/s, '');
}

function closed(response: ServerResponse, next: () => void): Promise<void> | undefined {
  // The client has gone while it waited.
  if (response.closed || response.destroyed) return undefined;
  return new Promise((resolve) => {
    response.once('close', resolve);
    next();
  });
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}
