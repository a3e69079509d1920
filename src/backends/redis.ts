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
import { LockBackendError, LockLostError, LockMisuseError } from '../errors.js';
import { commandsOf, type RedisClient } from './redis-clients.js';
import type { RedisCommands } from './redis-commands.js';
import { judge } from './redis-errors.js';
import { keyOf, onWire, patternOf, redisKeys, type RedisKeys } from './redis-keys.js';
import { settingsOf } from './redis-options.js';
import type { RedisOptions } from './redis-options.js';
import {
  ACQUIRE,
  BREAK,
  FORGET,
  GIVE,
  INSPECT,
  LEAVE,
  RELEASE,
  RENEW,
  STAY,
  TAKE,
  type Script,
} from './redis-scripts.js';
import { Wakes } from './redis-wakes.js';
import { shows } from '../shown.js';

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
  return new RedisBackend(commands, settingsOf(commands, options));
}

/** Of whom no other one can be beside: see `record` in redis-scripts.ts. */
const isAlone = ({ shared, permits, owner }: BackendRequest): boolean =>
  !shared && permits === 1 && owner === undefined;

const MOST_KEYS = 256;

/** What is remembered of a key. */
interface Known {
  readonly keys: RedisKeys;
  /** Nobody else has wanted it, as far as anyone here knows: the short scripts will do. */
  quiet: boolean;
}

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
  readonly #known: Map<string, Known> = new Map();
  readonly #forgotten: WeakSet<BackendRequest> = new WeakSet();
  #closed = false;

  constructor(commands: RedisCommands, { prefix, wait, waitTimeout }: Required<RedisOptions>) {
    this.#commands = commands;
    this.#prefix = prefix;
    this.#wait = wait;
    this.#waitTimeout = waitTimeout;
    this.#wakes = new Wakes(commands, prefix);
    this.#cluster = flag(commands.cluster);
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    const known = this.#knownOf(request.key);
    const stillWanted = (): boolean => !this.#forgotten.has(request);
    const token =
      (isAlone(request) && known.quiet ? await this.#takeQuietly(request, known, stillWanted) : undefined) ??
      (await this.#ask(request, known.keys, stillWanted));
    if (token === undefined) return null;
    const grant: Grant = {
      token,
      renew: (ttl) => this.#renew(request, known.keys, token, ttl),
      release: () => this.#release(request, known, token),
    };
    if (this.#wait > 0) await this.#replicated(request.key, () => grant.release());
    return grant;
  }

  /** The token, if nobody else is there. */
  async #takeQuietly(
    { key, id, ttl }: BackendRequest,
    known: Known,
    stillWanted: () => boolean,
  ): Promise<bigint | undefined> {
    const [record, holders, , queue, , counter] = known.keys;
    const args = [id, whole(ttl)];
    // A client may give numbers as text.
    const token = BigInt(
      (await this.#run(TAKE, key, [record, holders, queue, counter], args, stillWanted)) as number | string,
    );
    if (token > 0n) return token;
    known.quiet = false;
    return undefined;
  }

  /** The token; or when to try again. */
  async #ask(
    request: BackendRequest,
    keys: RedisKeys,
    stillWanted: () => boolean,
  ): Promise<bigint | undefined> {
    // What was forgotten meanwhile would be there for ever.
    if (!stillWanted()) return undefined;
    const { key, id, shared, units, permits, waits, fifo, owner } = request;
    const channel = waits ? this.#wakes.channel : '';
    const how = `${flag(shared)} ${flag(waits && fifo)} ${this.#cluster} ${units} ${permits} ${channel}`;
    const args = [id, whole(request.ttl), flag(isAlone(request)), how];
    if (owner !== undefined) args.push(`=${onWire(owner)}`);
    const reply = String(await this.#run(ACQUIRE, key, keys, args, stillWanted));
    if (reply.startsWith('p')) throw otherPermits(request, reply.slice(1));
    if (reply.startsWith('w')) {
      this.#wakes.due(id, Number(reply.slice(1)));
      return undefined;
    }
    return BigInt(reply.slice(1));
  }

  /** To make the keys costs a hash and six strings; who takes a key often takes it again soon. */
  #knownOf(key: string): Known {
    let known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KEYS) this.#known.clear();
    this.#known.set(key, (known = { keys: redisKeys(this.#prefix, key), quiet: true }));
    return known;
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

  async #release(request: BackendRequest, known: Known, token: bigint): Promise<boolean> {
    const { key, id } = request;
    const keys = known.keys.slice(0, 5);
    if (!isAlone(request)) return Number(await this.#run(LEAVE, key, keys, [id, this.#cluster])) > 0;
    const own = `${token} ${id}`;
    if (known.quiet) {
      const [record, , , queue] = known.keys;
      const given = Number(await this.#run(GIVE, key, [record, queue], [own]));
      if (given < 2) return given > 0;
      known.quiet = false;
    }
    const released = Number(await this.#run(RELEASE, key, keys, [own, this.#cluster]));
    known.quiet = released === 2;
    return released > 0;
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
