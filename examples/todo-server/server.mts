/**
 * The service of `tierlock demo`, as you would write it: PUT /todos?index=N overwrites one file, reads it back and answers
 * what it has read, in a cluster. README.md says how to run it, and what happens without the decorator.
 */
import cluster from 'node:cluster';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { configure, synchronized } from 'tierlock';

const { PORT = '8080', PROCESSES = '4', FILE = 'todos', BACKEND } = process.env;

// On one host its files are enough. With several, they all have to ask one store.
const distributed = BACKEND !== undefined;
if (distributed) configure({ backend: BACKEND });

class Todos {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  @synchronized('todos', { external: true, distributed, timeout: 10_000 })
  async put(todo: string): Promise<string> {
    await writeFile(this.#file, todo);
    return await readFile(this.#file, 'utf8');
  }
}

const todos = new Todos(FILE);

async function answer(request: IncomingMessage): Promise<string> {
  const { method, url = '' } = request;
  if (method !== 'PUT' || !/^\/todos\?index=\d+$/.test(url))
    throw new Error('only PUT /todos?index=N is known');
  return todos.put(Buffer.concat((await request.toArray()) as Buffer[]).toString());
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(PROCESSES); i++) cluster.fork();
  cluster.on('listening', ({ process: { pid } }, { port }) => console.log(`${pid} listens on ${port}`));
} else {
  const server = createServer((request, response) => {
    answer(request).then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(503).end(String(error)),
    );
  });
  server.listen(Number(PORT));
}
