/** Which library a client of the user's comes from: that is seen by its methods, so that no library has to be there. */
import type { RedisCommands } from './redis-commands.js';
import { IoRedisCommands, type IoRedis } from './redis-ioredis.js';
import { NodeRedisCommands, type NodeRedis } from './redis-node.js';

/**
 * A client of the packages `ioredis` (`Redis` or `Cluster`, also by sentinels) or `redis` (`createClient()`,
 * `createCluster()` or `createSentinel()`, connected), or one that has their methods.
 *
 * @example
 * import { redis } from 'tierlock';
 * import type { RedisClient } from 'tierlock';
 * import { Redis } from 'ioredis';
 *
 * const client: RedisClient = new Redis({ lazyConnect: true });
 * await using store = redis(client, { prefix: 'shop:' });
 * console.log(store.name); // redis
 */
export type RedisClient =
  | { evalsha(...args: never[]): unknown; duplicate(...args: never[]): unknown }
  | { evalSha(...args: never[]): unknown; subscribe(...args: never[]): unknown };

export function commandsOf(client: RedisClient): RedisCommands {
  if (has(client, 'evalsha', 'duplicate', 'on')) return new IoRedisCommands(client as unknown as IoRedis);
  if (has(client, 'evalSha', 'subscribe', 'on')) return new NodeRedisCommands(client as unknown as NodeRedis);
  throw new TypeError("redis() takes a client of the package 'ioredis' or 'redis'; a URL goes to connect()");
}

function has(client: unknown, ...methods: string[]): boolean {
  if (typeof client !== 'object' || client === null) return false;
  return methods.every((method) => typeof (client as Record<string, unknown>)[method] === 'function');
}
