/**
 * Locks in Redis, as long as one Redis lives: for work that must not be done twice as a rule. Each step is one script
 * (redis-scripts.ts, with the records and their states), each record says whose it is and lapses by the server's clock.
 * What is asked again under the same id is the same, so nothing is counted twice after a lost reply. Taking what is free
 * and giving it back are two commands.
 *
 * Tokens grow also over a restart, the loss of all data and a failover, because they go by the server's clock; but only
 * if no clock is set back meanwhile, and Redis promises nothing of that kind. So they are called volatile. A failover may
 * lose the last records, whose holders learn of it when they renew them; with `wait`, replicas must have a record first.
 * Eviction would lose records as well: the policy has to be noeviction, as it is by default.
 *
 * In a cluster, all records of a key lie in one slot. Messages reach whoever waits from every node.
 */
import type { Backend, BackendRequest, Grant, StoreHolder, Supports, Watch } from '../backend.js';
import { LockBackendError, LockLostError, LockMisuseError, LockUnsupportedError } from '../errors.js';
import { commandsOf, type RedisClient } from './redis-clients.js';
import type { RedisCommands } from './redis-commands.js';
import { judge } from './redis-errors.js';
import { keyOf, onWire, patternOf, redisKeys, type RedisKeys } from './redis-keys.js';
import {
  ACQUIRE,
  BREAK,
  FORGET,
  INSPECT,
  LEAVE,
  RELEASE,
  RENEW,
  STAY,
  type Script,
} from './redis-scripts.js';
import { Wakes } from './redis-wakes.js';
import { shows } from '../shown.js';

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

/**
 * A store in Redis by the user's own client, which is never closed here; one connection more is made from it when
 * somebody waits.
 *
 * @example
 * import { redis } from 'tierlock';
 * import { Redis } from 'ioredis';
 *
 * const client = new Redis({ lazyConnect: true });
 * const store = redis(client);
 * console.log(store.supports.shared, store.supports.token); // true volatile
 * await store.close();
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Backend {
  return redisOver(commandsOf(client), options);
}

export function redisOver(commands: RedisCommands, options: RedisOptions): Backend {
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
  return new RedisBackend(commands, prefix, wait, waitTimeout);
}

/** Of whom no other one can be beside: see `record` in redis-scripts.ts. */
const isAlone = ({ shared, permits, owner }: BackendRequest): boolean =>
  !shared && permits === 1 && owner === undefined;

const MOST_KEYS = 256;

const flag = (on: boolean): string => (on ? '1' : '0');
const whole = (ms: number): string => String(Math.max(1, Math.ceil(ms)));

class RedisBackend implements Backend {
  static {
    shows(this, (store) => ({ prefix: store.#prefix, closed: store.#closed }));
  }

  readonly name = 'redis';
  readonly supports: Supports = {
    shared: true,
    permits: true,
    fifo: true,
    owner: true,
    ttl: true,
    token: 'volatile',
  };
  readonly #commands: RedisCommands;
  readonly #prefix: string;
  readonly #wait: number;
  readonly #waitTimeout: number;
  readonly #wakes: Wakes;
  readonly #cluster: string;
  readonly #keys: Map<string, RedisKeys> = new Map();
  readonly #forgotten: WeakSet<BackendRequest> = new WeakSet();
  #closed = false;

  constructor(commands: RedisCommands, prefix: string, wait: number, waitTimeout: number) {
    this.#commands = commands;
    this.#prefix = prefix;
    this.#wait = wait;
    this.#waitTimeout = waitTimeout;
    this.#wakes = new Wakes(commands, prefix);
    this.#cluster = flag(commands.cluster);
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    const { key, id, shared, units, permits, waits, fifo, owner } = request;
    const keys = this.#keysOf(key);
    const alone = isAlone(request);
    const channel = waits ? this.#wakes.channel : '';
    const how = `${flag(shared)} ${flag(waits && fifo)} ${this.#cluster} ${units} ${permits} ${channel}`;
    const args = [id, whole(request.ttl), flag(alone), how];
    if (owner !== undefined) args.push(`=${onWire(owner)}`);
    const stillWanted = (): boolean => !this.#forgotten.has(request);
    const reply = String(await this.#run(ACQUIRE, key, keys, args, stillWanted));
    if (reply.startsWith('p')) throw otherPermits(request, reply.slice(1));
    if (reply.startsWith('w')) {
      this.#wakes.due(id, Number(reply.slice(1)));
      return null;
    }
    const token = BigInt(reply.slice(1));
    const grant: Grant = {
      token,
      renew: (ttl) => this.#renew(request, keys, token, ttl),
      release: () => this.#release(request, keys, token),
    };
    if (this.#wait > 0) await this.#replicated(key, () => grant.release());
    return grant;
  }

  /** To make them costs a hash and six strings; who takes a key often takes it again soon. */
  #keysOf(key: string): RedisKeys {
    let keys = this.#keys.get(key);
    if (keys !== undefined) return keys;
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear();
    this.#keys.set(key, (keys = redisKeys(this.#prefix, key)));
    return keys;
  }

  watch({ id }: BackendRequest): Promise<Watch> {
    if (this.#closed) return Promise.reject(this.#isClosed('watch'));
    return this.#wakes.watch(id);
  }

  async forget(request: BackendRequest): Promise<void> {
    this.#forgotten.add(request);
    const { key, id } = request;
    await this.#run(FORGET, key, redisKeys(this.#prefix, key), [id, this.#cluster]);
  }

  async inspect(key: string): Promise<StoreHolder[]> {
    const reply = (await this.#run(INSPECT, key, redisKeys(this.#prefix, key), [])) as unknown[];
    const row = reply.map(String);
    const holders: StoreHolder[] = [];
    for (let i = 0; i + 4 < row.length; i += 5) {
      const [id, token, shared, units, left] = row.slice(i, i + 5) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const lasts = Number(left) < 0 ? undefined : Number(left);
      const isShared = shared === '1';
      holders.push({ id, token: BigInt(token), shared: isShared, units: Number(units), left: lasts });
    }
    return holders;
  }

  async break(key: string): Promise<boolean> {
    return Number(await this.#run(BREAK, key, redisKeys(this.#prefix, key), [this.#cluster])) > 0;
  }

  async list(prefix: string): Promise<string[]> {
    const before = this.#commands.keyPrefix + this.#prefix;
    if (this.#closed) throw this.#isClosed('list');
    const found = await this.#commands.scan(patternOf(before)).catch((error: unknown) => {
      throw judge(error, prefix);
    });
    const keys = found.map((redisKey) => keyOf(before, redisKey));
    return [...new Set(keys.filter((key) => key?.startsWith(prefix) === true))] as string[];
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wakes.close();
    this.#commands.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #renew(request: BackendRequest, keys: RedisKeys, token: bigint, ttl: number): Promise<void> {
    const { key, id } = request;
    const answer = isAlone(request)
      ? this.#run(RENEW, key, keys.slice(0, 1), [`${token} ${id}`, whole(ttl)])
      : this.#run(STAY, key, keys, [id, whole(ttl)]);
    if (Number(await answer) === 0) throw new LockLostError('its record is gone', { lock: key });
    if (this.#wait > 0) await this.#replicated(key);
  }

  async #release(request: BackendRequest, keys: RedisKeys, token: bigint): Promise<boolean> {
    const { key, id } = request;
    const [script, own] = isAlone(request) ? [RELEASE, `${token} ${id}`] : [LEAVE, id];
    return Number(await this.#run(script, key, keys.slice(0, 5), [own, this.#cluster])) > 0;
  }

  /** Whether enough replicas have what was written. Else it is undone, and an error says so. */
  async #replicated(key: string, undo?: () => Promise<unknown>): Promise<void> {
    const have = await this.#commands.wait(this.#wait, this.#waitTimeout);
    if (have >= this.#wait) return;
    await undo?.();
    throw new Error(`${have} of ${this.#wait} replicas had '${key}' within ${this.#waitTimeout} ms`);
  }

  async #run(
    script: Script,
    key: string,
    keys: readonly string[],
    args: readonly string[],
    stillWanted: () => boolean = () => true,
  ): Promise<unknown> {
    if (this.#closed) throw this.#isClosed(key);
    try {
      return await this.#commands.evalSha(script.sha, keys, args);
    } catch (error) {
      // It is new to this server. What was forgotten meanwhile would now be taken after all.
      const unknown = error instanceof Error && error.message.startsWith('NOSCRIPT') && stillWanted();
      if (!unknown) throw judge(error, key);
    }
    return this.#commands.eval(script.lua, keys, args).catch((error: unknown) => {
      throw judge(error, key);
    });
  }

  #isClosed(lock: string): LockBackendError {
    return new LockBackendError('the store was closed: connect again', { lock });
  }
}

function otherPermits({ key, permits }: BackendRequest, other: string): LockMisuseError {
  const message =
    `'${key}' is in use with ${other} permits, and was asked for with ${permits}: use the same number everywhere, ` +
    'or another name';
  return new LockMisuseError(message, { lock: key });
}
