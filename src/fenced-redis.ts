/**
 * A fence (see fence.ts) inside of Redis: the check of the token and what is done under it are one script, so nobody gets
 * in between. The largest token of a resource lies beside it, and never lapses: as many digits always, because Lua would
 * compare numbers as doubles.
 */
import { createHash } from 'node:crypto';
import { commandsOf } from './backends/redis-clients.js';
import type { RedisClient } from './backends/redis-clients.js';
import type { RedisCommands } from './backends/redis-commands.js';
import { LockLostError } from './errors.js';
import { checkKeys, wrongType } from './options.js';

/**
 * How the fence lies in Redis.
 *
 * @example
 * import { Redis } from 'ioredis';
 * import { RedisFence } from 'tierlock';
 * import type { RedisFenceOptions } from 'tierlock';
 *
 * const options: RedisFenceOptions = { prefix: 'shop:fence:' };
 * const fence = new RedisFence(new Redis({ lazyConnect: true }), options);
 * console.log(fence.keyOf('report')); // shop:fence:{report}
 */
export interface RedisFenceOptions {
  /** What the keys of the tokens begin with. Default: `fence:`. */
  readonly prefix?: string;
}

/**
 * What is done under a token.
 *
 * @example
 * import type { FencedScript } from 'tierlock';
 *
 * const script: FencedScript = { lua: "return redis.call('INCR', KEYS[1])", keys: ['count'], token: 8n };
 * console.log(script.keys.length); // 1
 */
export interface FencedScript {
  /** The body of a script, with its own KEYS and ARGV. */
  readonly lua: string;
  readonly keys: readonly string[];
  readonly args?: readonly string[];
  readonly token: bigint;
  /** What the token is compared for. Default: the first key. */
  readonly resource?: string;
}

const DIGITS = 40;

const SET = "return redis.call('SET', KEYS[1], ARGV[1])";

/**
 * Writes to Redis under the token of a lock, unless a larger one has written before.
 *
 *     const fence = new RedisFence(client);
 *     await lock('report', { distributed: store }, async (guard) => {
 *       await fence.set('report', await render(), guard.token); // a LockLostError if it comes too late
 *     });
 *
 * @example
 * import { Redis } from 'ioredis';
 * import { RedisFence } from 'tierlock';
 *
 * const fence = new RedisFence(new Redis({ lazyConnect: true }));
 * console.log(fence.keyOf('{shop}report')); // fence:{shop}report
 */
export class RedisFence {
  readonly #commands: RedisCommands;
  readonly #prefix: string;

  /** The client stays the user's. */
  constructor(client: RedisClient, options: RedisFenceOptions = {}) {
    checkKeys(options, ['prefix']);
    const { prefix = 'fence:' } = options;
    if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
    this.#commands = commandsOf(client);
    this.#prefix = prefix;
  }

  /** Where the largest token of a resource lies: in a cluster, with the resource. */
  keyOf(resource: string): string {
    return this.#prefix + (/\{[^}]+\}/.test(resource) ? resource : `{${resource}}`);
  }

  /** Sets the key. */
  async set(key: string, value: string, token: bigint): Promise<void> {
    await this.run({ lua: SET, keys: [key], args: [value], token });
  }

  /** Runs the script and gives its answer. */
  async run({ lua, keys, args = [], token, resource = keys[0] }: FencedScript): Promise<unknown> {
    if (typeof lua !== 'string') throw wrongType('lua', 'the body of a script', lua);
    if (typeof resource !== 'string') throw wrongType('resource', 'a string', resource);
    if (typeof token !== 'bigint' || token < 0n) throw wrongType('token', 'a bigint, not negative', token);
    const script = fenced(lua);
    const allKeys = [this.keyOf(resource), ...keys];
    const allArgs = [String(token).padStart(DIGITS, '0'), ...args];
    const answer = await this.#eval(script, allKeys, allArgs);
    const [verdict, what] = answer as [unknown, unknown];
    if (String(verdict) === 'done') return what;
    const message =
      `'${resource}' refuses the token ${token}: it has seen ${BigInt(String(what))}. Whoever shows it has lost the lock ` +
      'since, and must not go on';
    throw new LockLostError(message, { lock: resource });
  }

  async #eval(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#commands.evalSha(createHash('sha1').update(lua).digest('hex'), keys, args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#commands.eval(lua, keys, args);
    }
  }
}

/** The script behind its check. */
function fenced(lua: string): string {
  return `
local seen = redis.call('GET', KEYS[1])
if seen and seen > ARGV[1] then return { 'late', seen } end
redis.call('SET', KEYS[1], ARGV[1])
local keys, args = {}, {}
for i = 2, #KEYS do keys[i - 1] = KEYS[i] end
for i = 2, #ARGV do args[i - 1] = ARGV[i] end
return { 'done', (function(KEYS, ARGV) ${lua}
end)(keys, args) }
`;
}
