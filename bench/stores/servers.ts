/** The servers of a trial: on private ports, with their data in memory, and gone with it. And what they were asked. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startEtcd } from '../../test/support/servers/etcd.js';
import { startRedis } from '../../test/support/servers/redis.js';
import type { Server } from '../../test/support/servers/server.js';
import { allowedCores } from '../../test/support/system.js';
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

/**
 * Keeps this process on one core, and the servers that it starts from now on. For what asks and answers in turn, that is
 * the sum of their work: else it is, half of the time, how long it takes to wake the other core, which may be three times
 * as much.
 */
export function stayOnOneCore(): void {
  const [core = 0] = allowedCores();
  const { status } = spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
  if (status !== 0) throw new Error('this process cannot be kept on one core');
}

/** Until something is so; asked every so many ms. */
export async function until(done: () => boolean | Promise<boolean>, everyMs = 1): Promise<void> {
  while (!(await done())) await sleep(everyMs);
}
