/** The servers of a trial: on private ports, with their data in memory, and gone with it. And what they were asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startEtcd } from '../../test/support/servers/etcd.js';
import { startRedis } from '../../test/support/servers/redis.js';
import type { Server } from '../../test/support/servers/server.js';
import { serverOf } from '../contestants/stores.js';

export interface Servers {
  readonly urls: readonly string[];
  readonly nodes: readonly Server[];
  /** How many commands of clients it has been asked until now; counted from the first call on. */
  readonly commands: () => Promise<number>;
}

/** `etcdNodes`: of how many etcd consists, if it is etcd. */
export async function withServers<T>(
  contestant: string,
  use: (servers: Servers) => Promise<T>,
  etcdNodes: 1 | 3 = 1,
): Promise<T> {
  const server = serverOf(contestant);
  if (server === undefined) return use({ urls: [], nodes: [], commands: () => Promise.resolve(0) });
  if (server === 'redis') {
    await using redis = await startRedis();
    await using counter = new RedisCounter(redis.url);
    return await use({ urls: [redis.url], nodes: [redis], commands: () => counter.count() });
  }
  await using etcd = await startEtcd({ nodes: etcdNodes });
  const { urls, nodes } = etcd;
  return await use({ urls, nodes, commands: () => callsOfEtcd(urls) });
}

/** By MONITOR, which tells apart what clients send and what scripts do. It slows the server down: only for counting. */
class RedisCounter implements AsyncDisposable {
  readonly #url: string;
  #client: Redis | undefined;
  #monitor: Redis | undefined;
  #commands = 0;
  #marks = 0;
  #marked: (() => void) | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async count(): Promise<number> {
    const client = this.#client ?? (await this.#open());
    const seen = new Promise<void>((resolve) => (this.#marked = resolve));
    // Answers of a monitor come on their own connection: this one says that all before it has come.
    await client.echo(`mark ${++this.#marks}`);
    await seen;
    return this.#commands;
  }

  async #open(): Promise<Redis> {
    const client = new Redis(this.#url);
    this.#client = client;
    this.#monitor = await client.monitor();
    this.#monitor.on('monitor', (_time: string, args: readonly string[], source: string) => {
      if (args[0]?.toLowerCase() === 'echo' && args[1] === `mark ${this.#marks}`) this.#marked?.();
      else if (source !== 'lua') this.#commands++;
    });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor?.disconnect();
    this.#client?.disconnect();
  }
}

/** Of all nodes: what came by JSON has become a call of gRPC, too. */
async function callsOfEtcd(urls: readonly string[]): Promise<number> {
  const counts = urls.map(async (url) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.match(/^grpc_server_msg_received_total\{.*$/gm) ?? [];
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Until something is so; asked every so many ms. */
export async function until(done: () => boolean | Promise<boolean>, everyMs = 1): Promise<void> {
  while (!(await done())) await sleep(everyMs);
}
