/**
 * One process of the service: a web server in front of it. It is told what it is by its environment, says on which port
 * it listens, and ends with its parent, however that ends.
 *
 * The client names the column in a header and gets the visit in another, so that no process has anything to remember.
 */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configure } from '../index.js';
import { openPool } from './pool.js';
import { columns, put, putSync } from './service.js';
import type { Answer, Column } from './service.js';

export interface HostSettings {
  /** The file that all requests overwrite. */
  readonly file: string;
  /** The folder of the lock files, of the process tier. */
  readonly lockPath: string;
  /** The URL of the store, of the distributed tier. */
  readonly backend: string;
  readonly sync: boolean;
  /** How many worker threads handle the requests. 0: the thread of the server. */
  readonly threads: number;
}

export const SETTINGS = 'TIERLOCK_DEMO_HOST';

export interface Listening {
  readonly port: number;
  /** Which pool the threads are of, if there are any. */
  readonly pool: string | undefined;
}

async function listen({ file, lockPath, backend, sync, threads }: HostSettings): Promise<void> {
  configure({ lockPath, backend });
  const pool = threads > 0 ? await openPool(threads) : undefined;
  const handle = async (column: Column, todo: string): Promise<Answer> => {
    if (pool !== undefined) return pool.run({ column, file, todo });
    return sync ? putSync(column, file, todo) : put(column, file, todo);
  };
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const { text, thread, entered, left } = await handle(columnOf(request), await bodyOf(request));
      response.writeHead(200, { visit: `${process.pid}/${thread} ${entered} ${left}` }).end(text);
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  // More than a cell lasts, so that no connection is closed under a request.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ port, pool: pool?.kind } satisfies Listening);
  });
}

function columnOf({ method, url = '', headers }: IncomingMessage): Column {
  if (method !== 'PUT' || !/^\/todos\?index=\d+$/.test(url))
    throw new Error('only PUT /todos?index=N is known');
  const column = columns.find((known) => known === headers['column']);
  if (column === undefined) throw new Error('the header that names the lock is missing');
  return column;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat((await request.toArray()) as Buffer[]).toString();
}

process.on('disconnect', () => process.exit());
const settings = process.env[SETTINGS];
if (settings !== undefined) await listen(JSON.parse(settings) as HostSettings);
