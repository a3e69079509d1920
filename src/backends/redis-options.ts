/** How the locks lie in Redis, and which of that a client can do. */
import { LockUnsupportedError } from '../errors.js';
import type { RedisCommands } from './redis-commands.js';

/**
 * How the locks lie in Redis.
 *
 * @example
 * import { Redis } from 'ioredis';
 * import { redis } from 'tierlock';
 * import type { RedisOptions } from 'tierlock';
 *
 * const options: RedisOptions = { prefix: 'shop:', wait: 1, waitTimeout: 200 };
 * await using store = redis(new Redis({ lazyConnect: true }), options);
 * console.log(store.supports.fifo); // true
 */
export interface RedisOptions {
  /** What all keys and channels begin with. Default: `tierlock:`. */
  readonly prefix?: string;
  /**
   * How many replicas must have a record before it counts as taken or renewed. If fewer have it in time, it is given
   * back, and the store counts as one that failed. Not with a cluster. Default: 0.
   */
  readonly wait?: number;
  /** How long to wait for them, in ms: the connection does nothing else meanwhile. Default: 1000. */
  readonly waitTimeout?: number;
}

export function settingsOf(commands: RedisCommands, options: RedisOptions): Required<RedisOptions> {
  for (const key of Object.keys(options)) {
    if (!['prefix', 'wait', 'waitTimeout'].includes(key)) throw new TypeError(`unknown option '${key}'`);
  }
  const { prefix = 'tierlock:', wait = 0, waitTimeout = 1000 } = options;
  if (typeof prefix !== 'string') throw new TypeError('prefix must be a string');
  // Redis would then take no part of a key as its tag.
  if (/\{\}/.test(prefix)) throw new RangeError("prefix must not contain '{}'");
  for (const [name, value] of Object.entries({ wait, waitTimeout })) {
    if (typeof value !== 'number') throw new TypeError(`${name} must be a number`);
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`${name} must be a whole number from 0 on`);
  }
  if (wait > 0 && !commands.waits) {
    const message = 'wait needs a client with one connection, to one Redis: leave it out';
    throw new LockUnsupportedError(message, { lock: 'redis' });
  }
  return { prefix, wait, waitTimeout };
}
