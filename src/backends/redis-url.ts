/**
 * Redis at a URL, by a client of ours: of the package ioredis, or else redis, whichever can be imported. Nothing is
 * opened before it is needed, and a connection that is lost is made again when the next command needs it: commands never
 * pile up for a server that is down, they reject, and whoever asked asks again. One that stays silent while commands wait
 * is given up. The connection keeps the process alive while a command is under way, not else.
 *
 *     redis://user:password@host:port/database          rediss:// by TLS
 *     redis+sentinel://user:password@host:port,host:port/master/database?sentinelUsername=...&sentinelPassword=...
 *                                                        rediss+sentinel:// by TLS, to the sentinels too; ioredis only
 */
import type { Backend } from '../backend.js';
import { LockBackendError, LockUnsupportedError } from '../errors.js';
import { nobody } from '../nobody.js';
import type { RedisCommands, Subscription } from './redis-commands.js';
import { connectOnce, IoRedisCommands, ONCE, type IoRedis } from './redis-ioredis.js';
import { destroy, NodeRedisCommands, ONCE_SOCKET, type NodeRedis } from './redis-node.js';
import type { RedisOptions } from './redis-options.js';
import { redisOver } from './redis.js';

/** A store in the Redis at this URL. */
export function redisUrl(url: string, options: RedisOptions = {}): Backend {
  const sentinels = parseSentinels(url);
  return redisOver(new OwnClient((lost) => open(url, sentinels, lost)), options);
}

/** How long a server may be silent while a command waits for it, in ms, or a connection take to be made. */
const SILENCE = 5000;

interface Opened {
  readonly commands: RedisCommands;
  ref(on: boolean): void;
  close(): void;
}

class OwnClient implements RedisCommands {
  readonly cluster = false;
  readonly waits = true;
  readonly keyPrefix = '';
  readonly #open: (lost: () => void) => Promise<Opened>;
  #opened: Opened | undefined = undefined;
  #opening: Promise<Opened> | undefined = undefined;
  #pending = 0;
  #answers = 0;
  #longest = 0;
  #guard: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(opener: (lost: () => void) => Promise<Opened>) {
    this.#open = opener;
  }

  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#use((commands) => commands.evalSha(sha, keys, args));
  }

  eval(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#use((commands) => commands.eval(lua, keys, args));
  }

  wait(replicas: number, ms: number): Promise<number> {
    this.#longest = Math.max(this.#longest, ms);
    return this.#use((commands) => commands.wait(replicas, ms));
  }

  scan(pattern: string): Promise<string[]> {
    return this.#use((commands) => commands.scan(pattern));
  }

  subscribe(channel: string, heard: (message: string) => void, lost: () => void): Promise<Subscription> {
    return this.#use((commands) => commands.subscribe(channel, heard, lost));
  }

  close(): void {
    this.#closed = true;
    this.#drop(this.#opened);
  }

  async #use<T>(ask: (commands: RedisCommands) => Promise<T>): Promise<T> {
    if (this.#pending++ === 0) this.#opened?.ref(true);
    let opened: Opened | undefined;
    try {
      opened = this.#opened ?? (await this.#connect());
      return await ask(opened.commands);
    } catch (error) {
      // It was the primary once. The address, or a sentinel, may lead to another one now.
      if (error instanceof Error && error.message.startsWith('READONLY')) this.#drop(opened);
      throw error;
    } finally {
      this.#answers++;
      if (--this.#pending === 0) this.#opened?.ref(false);
    }
  }

  // Not in the context of who happens to need it first.
  #connect(): Promise<Opened> {
    return (this.#opening ??= nobody.runInAsyncScope(() => this.#tryConnect()));
  }

  async #tryConnect(): Promise<Opened> {
    let opened: Opened | undefined;
    let lost = false;
    try {
      opened = await this.#open(() => {
        lost = true;
        this.#drop(opened);
      });
      if (this.#closed || lost) {
        opened.close();
        throw new Error('the connection was closed');
      }
      opened.ref(this.#pending > 0);
      this.#opened = opened;
      this.#watchSilence(opened);
      return opened;
    } finally {
      this.#opening = undefined;
    }
  }

  /** A connection that the network has forgotten would never say so. */
  #watchSilence(opened: Opened): void {
    let answers = this.#answers;
    let silent = 0;
    this.#guard = setInterval(() => {
      silent = this.#pending > 0 && this.#answers === answers ? silent + SILENCE / 2 : 0;
      answers = this.#answers;
      if (silent >= SILENCE + this.#longest) this.#drop(opened);
    }, SILENCE / 2).unref();
  }

  #drop(opened: Opened | undefined): void {
    if (opened === undefined || this.#opened !== opened) return;
    clearInterval(this.#guard);
    this.#opened = undefined;
    opened.close();
  }
}

interface Sentinels {
  readonly tls: boolean;
  readonly name: string;
  readonly addresses: { readonly host: string; readonly port: number }[];
  readonly login: object;
}

function parseSentinels(url: string): Sentinels | undefined {
  const form = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?]+)\/([^/?]+)(?:\/(\d+))?(?:\?(.*))?$/;
  if (!/^rediss?\+sentinel:/.test(url)) return undefined;
  const [, tls, login = '', hosts = '', name = '', db, query] = form.exec(url) ?? [];
  if (name === '') throw new TypeError('a URL of sentinels is redis+sentinel://host:port,host:port/master');
  const [username, password] = login.split(':').map((part) => decodeURIComponent(part));
  const options: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    if (key !== 'sentinelUsername' && key !== 'sentinelPassword')
      throw new TypeError(`unknown parameter '${key}'`);
    options[key] = value;
  }
  const addresses = hosts.split(',').map((address) => {
    const { hostname, port } = new URL(`redis://${address}`);
    return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 26_379) };
  });
  const given = { username: username || undefined, password: password || undefined, db: Number(db ?? 0) };
  return { tls: tls === 's', name: decodeURIComponent(name), addresses, login: { ...given, ...options } };
}

async function open(url: string, sentinels: Sentinels | undefined, lost: () => void): Promise<Opened> {
  const ioredis = (await load(() => import('ioredis'))) as
    | { Redis: new (...args: unknown[]) => IoRedis }
    | undefined;
  if (ioredis) return openIoRedis(makeIoRedis(ioredis.Redis, url, sentinels), lost);
  const nodeRedis = sentinels
    ? undefined
    : ((await load(() => import('redis'))) as { createClient(options: object): NodeRedis } | undefined);
  if (nodeRedis) return openNodeRedis(nodeRedis.createClient({ url, socket: { ...ONCE_SOCKET } }), lost);
  const message = sentinels
    ? 'sentinels need the package ioredis: npm install ioredis'
    : 'locks in Redis need the package ioredis or redis: npm install ioredis';
  throw new LockUnsupportedError(message, { lock: 'redis' });
}

/** The package; nothing if it is not there. */
async function load(importing: () => Promise<unknown>): Promise<unknown> {
  try {
    return await importing();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    const message = 'the client for Redis cannot be loaded: install it again';
    throw new LockBackendError(message, { lock: 'redis', cause: error });
  }
}

function makeIoRedis(
  Redis: new (...args: unknown[]) => IoRedis,
  url: string,
  sentinels: Sentinels | undefined,
): IoRedis {
  if (!sentinels) return new Redis(url, { ...ONCE, enableReadyCheck: false });
  const { tls, name, addresses, login } = sentinels;
  const encrypted = tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {};
  // Another one first each time: one of them may be behind the times. The check is that it is the primary.
  const shuffled = addresses
    .map((address) => [Math.random(), address] as const)
    .toSorted(([a], [b]) => a - b);
  const where = { sentinels: shuffled.map(([, address]) => address), name, ...login, ...encrypted };
  return new Redis({ ...ONCE, ...where, enableReadyCheck: true });
}

async function openIoRedis(client: IoRedis, lost: () => void): Promise<Opened> {
  client.on('end', lost);
  await inTime(
    connectOnce(client, () => Promise.resolve()),
    () => client.disconnect(),
  );
  return {
    commands: new IoRedisCommands(client),
    ref: (on) => (on ? client.stream?.ref?.() : client.stream?.unref?.()),
    close: () => client.disconnect(),
  };
}

async function openNodeRedis(client: NodeRedis, lost: () => void): Promise<Opened> {
  for (const event of ['error', 'end']) client.on(event, lost);
  await inTime(client.connect(), () => destroy(client));
  return {
    commands: new NodeRedisCommands(client),
    ref: (on) => (on ? client.ref() : client.unref()),
    close: () => destroy(client),
  };
}

/** A server that accepts a connection and then says nothing would keep us for ever. */
async function inTime(connected: Promise<unknown>, giveUp: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no connection within ${SILENCE} ms`));
      giveUp();
    }, SILENCE);
  });
  try {
    await Promise.race([connected, late]);
  } finally {
    clearTimeout(timer);
  }
}
