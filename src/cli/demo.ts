/**
 * The experiment behind every lock, run for real: a small web service whose handlers overwrite one file and read it
 * back. A client must be answered with what it sent. Without a lock the handlers of this one process interleave at
 * every `await`, and answers come from somebody else's request; with a lock none do.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mutex } from '../index.js';

const CLIENTS = 10;
const REQUESTS = 2000;

/** Overwrites the file and answers what is in it afterwards. */
type Handler = (todo: string) => Promise<string>;

export interface Outcome {
  readonly requests: number;
  /** Answers that were not what their client had sent. */
  readonly mismatches: number;
  readonly perSecond: number;
}

function withoutLock(file: string): Handler {
  return async (todo) => {
    await writeFile(file, todo);
    return await readFile(file, 'utf8');
  };
}

function withLock(file: string): Handler {
  const mutex = new Mutex();
  const handle = withoutLock(file);
  return (todo) => mutex.run(() => handle(todo));
}

/** Serves `PUT /todos?index=N`, lets the clients loose on it, and counts. */
export async function measure(handle: Handler, requests: number = REQUESTS): Promise<Outcome> {
  const server = createServer((message, response) => {
    const answer = async (): Promise<void> => {
      const chunks = await message.toArray();
      response.end(await handle(Buffer.concat(chunks as Buffer[]).toString()));
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  let left = requests;
  let mismatches = 0;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const sent = `todo ${Math.floor(Math.random() * 1000)} ${randomUUID()}\n`;
      if ((await put(port, agent, sent)) !== sent) mismatches++;
    }
  };
  const started = performance.now();
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  } finally {
    agent.destroy();
    server.close();
  }
  return { requests, mismatches, perSecond: (requests * 1000) / (performance.now() - started) };
}

async function put(port: number, agent: Agent, todo: string): Promise<string> {
  const path = `/todos?index=${todo.split(' ')[1]}`;
  const outgoing = request({ host: '127.0.0.1', port, agent, method: 'PUT', path });
  outgoing.end(todo);
  const [response] = await once(outgoing, 'response');
  const chunks = await response.toArray();
  const text = Buffer.concat(chunks).toString();
  if (response.statusCode !== 200) throw new Error(`the service answered ${response.statusCode}: ${text}`);
  return text;
}

/** Runs every row, printing it as it is done. */
export async function demo(print: (line: string) => void, requests: number = REQUESTS): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tierlock-demo-'));
  const file = join(folder, 'todos');
  print(`A service in one process: PUT /todos overwrites one file, reads it back and answers what it read.`);
  print(
    `${CLIENTS} clients, ${requests} requests; an answer that is not what its client sent is a mismatch.\n`,
  );
  print('  lock            mismatches   requests/s');
  const outcomes: Outcome[] = [];
  try {
    for (const [name, handler] of [
      ['none', withoutLock(file)],
      ['tierlock Mutex', withLock(file)],
    ] as const) {
      const outcome = await measure(handler, requests);
      outcomes.push(outcome);
      const share = ((100 * outcome.mismatches) / outcome.requests).toFixed(1);
      const count = `${outcome.mismatches} (${share} %)`;
      print(`  ${name.padEnd(14)} ${count.padStart(12)} ${outcome.perSecond.toFixed(0).padStart(12)}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  print('\nOne process has one thread, but not one handler at a time: each await lets another one run.');
  print('The mutex keeps the write and the read of one request together.');
  return outcomes;
}

/** The command. */
export async function main(): Promise<number> {
  await demo(console.log);
  return 0;
}

if (process.argv[1]?.endsWith('demo.js')) await main();
