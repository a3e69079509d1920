/** The package ioredis behind the driver's words. Its types are not used: it may be absent, or of another version. */
import type { RedisCommands, Subscription } from './redis-commands.js';

/** What we use of a client. */
export interface IoRedis {
  readonly isCluster?: boolean;
  readonly options?: { readonly keyPrefix?: string };
  readonly status?: string;
  /** Of one connection, once it is made. */
  readonly stream?: { ref?(): void; unref?(): void };
  evalsha(sha: string, keys: number, ...rest: string[]): Promise<unknown>;
  eval(lua: string, keys: number, ...rest: string[]): Promise<unknown>;
  wait(replicas: number, ms: number): Promise<unknown>;
  scan(cursor: string, ...options: string[]): Promise<[cursor: unknown, keys: unknown[]]>;
  nodes?(role: 'master'): IoRedis[];
  duplicate(override: object): IoRedis;
  connect(): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  disconnect(): void;
}

/** Of a connection of ours: it neither retries nor comes back by itself, whoever needs it makes another one. */
export const ONCE: object = {
  lazyConnect: true,
  connectTimeout: 5000,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  sentinelReconnectStrategy: null,
  reconnectOnError: null,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: true,
  maxRetriesPerRequest: null,
  keepAlive: 10_000,
};

/** Connects it, or rejects with what went wrong; it is useless then. */
export async function connectOnce(client: IoRedis, then: () => Promise<unknown>): Promise<void> {
  let failure: unknown;
  client.on('error', (error: unknown) => (failure = error));
  try {
    await client.connect();
    await then();
  } catch (error) {
    client.disconnect();
    // "Connection is closed", says the promise; the event says why.
    throw failure ?? error;
  }
}

export class IoRedisCommands implements RedisCommands {
  readonly cluster: boolean;
  readonly #client: IoRedis;

  constructor(client: IoRedis) {
    this.#client = client;
    this.cluster = client.isCluster === true;
  }

  get waits(): boolean {
    return !this.cluster;
  }

  get keyPrefix(): string {
    return this.#client.options?.keyPrefix ?? '';
  }

  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.evalsha(sha, keys.length, ...keys, ...args);
  }

  eval(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.eval(lua, keys.length, ...keys, ...args);
  }

  async wait(replicas: number, ms: number): Promise<number> {
    return Number(await this.#client.wait(replicas, ms));
  }

  async scan(pattern: string): Promise<string[]> {
    const found = [];
    for (const node of this.#nodes()) {
      let cursor = '0';
      do {
        const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', '1000');
        for (const key of keys) found.push(String(key));
        cursor = String(next);
      } while (cursor !== '0');
    }
    return found;
  }

  async subscribe(
    channel: string,
    heard: (message: string) => void,
    lost: () => void,
  ): Promise<Subscription> {
    // All nodes of a cluster pass messages on to each other.
    const nodes = this.#nodes();
    const source = nodes[Math.floor(Math.random() * nodes.length)];
    if (source === undefined) throw new Error('no node of the cluster is known yet');
    const override = { ...ONCE, commandTimeout: undefined, socketTimeout: undefined, keyPrefix: '' };
    const own = source.duplicate(override);
    own.on('message', (_channel: string, message: string) => heard(message));
    own.on('end', lost);
    await connectOnce(own, () => own.subscribe(channel));
    return {
      ref: (on) => (on ? own.stream?.ref?.() : own.stream?.unref?.()),
      close: () => own.disconnect(),
    };
  }

  close(): void {
    // It is the user's.
  }

  #nodes(): IoRedis[] {
    return this.cluster ? (this.#client.nodes?.('master') ?? []) : [this.#client];
  }
}
