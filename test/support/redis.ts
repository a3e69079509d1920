/** Stores in a Redis of the test's own, by each client that the driver knows, and requests as the core makes them. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { Backend, BackendRequest, Grant } from '../../src/backend.js';
import { redisUrl } from '../../src/backends/redis-url.js';
import type { RedisOptions } from '../../src/backends/redis-options.js';
import { redis } from '../../src/backends/redis.js';
import { waitUntil } from '../../src/testing/wait.js';
import { redisCommand, type Reply } from './servers/resp.js';

/** A store, and the end of the client it was made of. */
export interface Opened extends AsyncDisposable {
  readonly store: Backend;
}

export type ClientKind = 'ioredis' | 'redis' | 'url';
export const clientKinds: readonly ClientKind[] = ['ioredis', 'redis', 'url'];

interface Address {
  readonly host: string;
  readonly port: number;
}

export async function open(
  kind: ClientKind,
  { host, port }: Address,
  options?: RedisOptions,
): Promise<Opened> {
  const url = `redis://${host}:${port}`;
  if (kind === 'url') {
    const store = redisUrl(url, options);
    return { store, [Symbol.asyncDispose]: () => store.close() };
  }
  if (kind === 'ioredis') {
    const client = new Redis(port, host);
    client.on('error', () => undefined);
    return opened(redis(client, options), () => client.disconnect());
  }
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  return opened(redis(client, options), () => client.destroy());
}

function opened(store: Backend, end: () => void): Opened {
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      end();
    },
  };
}

let count = 0;

/** A key that no other test has. */
export const newKey = (): string => `lock:${process.pid}-${count++}`;

export function ask(key: string, how: Partial<BackendRequest> = {}): BackendRequest {
  return {
    key,
    id: randomUUID(),
    shared: false,
    units: 1,
    permits: 1,
    ttl: 10_000,
    waits: false,
    fifo: false,
    owner: undefined,
    signal: new AbortController().signal,
    ...how,
  };
}

/** Waits as the core does: tries, subscribes, tries again whenever something has changed. */
export async function take(store: Backend, request: BackendRequest): Promise<Grant> {
  const asked = { ...request, waits: true };
  const first = await store.tryAcquire(asked);
  if (first) return first;
  const watch = await store.watch?.(asked);
  try {
    for (;;) {
      const grant = await store.tryAcquire(asked);
      if (grant) return grant;
      await watch?.changed();
      asked.signal.throwIfAborted();
    }
  } catch (error) {
    await store.forget?.(asked);
    throw error;
  } finally {
    watch?.close();
  }
}

/** Whether it can be taken now; it is not kept. */
export async function isFree(store: Backend, key: string): Promise<boolean> {
  const grant = await store.tryAcquire(ask(key));
  await grant?.release();
  return grant !== null;
}

export const command = (server: Address, ...words: (string | number)[]): Promise<Reply> =>
  redisCommand(server, words);

/** How many stand in the queue of the key. */
export async function queued(server: Address, key: string): Promise<number> {
  const [queue] = (await command(server, 'KEYS', `*q:${key}`)) as string[];
  return queue === undefined ? 0 : Number(await command(server, 'ZCARD', queue));
}

export const untilQueued = (server: Address, key: string, waiters: number): Promise<unknown> =>
  waitUntil(async () => (await queued(server, key)) === waiters, { what: `${waiters} wait` });

/** How often the server has run it. */
export async function calls(server: Address, ...names: string[]): Promise<number> {
  const info = String(await command(server, 'INFO', 'commandstats'));
  return names
    .map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0))
    .reduce((sum, some) => sum + some, 0);
}
