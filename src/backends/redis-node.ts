/** The package redis (node-redis) behind the driver's words. Its types are not used: it may be absent, or of another version. */
import type { RedisCommands, Subscription } from './redis-commands.js';

interface Scripted {
  readonly keys: readonly string[];
  readonly arguments: readonly string[];
}

/** What we use of a client. */
export interface NodeRedis {
  readonly isOpen?: boolean;
  readonly options?: { readonly keyPrefix?: string | Buffer; readonly socket?: object };
  evalSha(sha: string, options: Scripted): Promise<unknown>;
  eval(lua: string, options: Scripted): Promise<unknown>;
  /** Of one connection only. */
  sendCommand(args: readonly string[]): Promise<unknown>;
  /** Of a cluster only. */
  readonly masters?: readonly object[];
  nodeClient?(node: object): NodeRedis | Promise<NodeRedis>;
  /** Of sentinels only. */
  getMasterNode?(): unknown;
  use?<T>(
    fn: (client: { sendCommand(readonly: boolean, args: readonly string[]): Promise<T> }) => Promise<T>,
  ): Promise<T>;
  duplicate(override: object): NodeRedis;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  ref(): void;
  unref(): void;
  /** Since v5; what it was called before. */
  destroy?(): void;
  disconnect(): Promise<void>;
}

/** Of a connection of ours: it neither retries nor comes back by itself, whoever needs it makes another one. */
export const ONCE_SOCKET: object = { reconnectStrategy: false, connectTimeout: 5000 };

/** Ends one of ours, in whatever state it is. */
export function destroy(client: NodeRedis): void {
  try {
    if (client.destroy) client.destroy();
    else client.disconnect().catch(() => undefined);
  } catch {
    // It has ended already.
  }
}

export class NodeRedisCommands implements RedisCommands {
  readonly cluster: boolean;
  readonly waits: boolean;
  readonly #client: NodeRedis;
  readonly #sentinel: boolean;

  constructor(client: NodeRedis) {
    this.#client = client;
    this.cluster = typeof client.nodeClient === 'function';
    this.#sentinel = typeof client.getMasterNode === 'function';
    // Its connections are a pool.
    this.waits = !this.cluster && !this.#sentinel;
  }

  get keyPrefix(): string {
    return String(this.#client.options?.keyPrefix ?? '');
  }

  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.evalSha(sha, { keys, arguments: args });
  }

  eval(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.eval(lua, { keys, arguments: args });
  }

  async wait(replicas: number, ms: number): Promise<number> {
    return Number(await this.#client.sendCommand(['WAIT', String(replicas), String(ms)]));
  }

  async scan(pattern: string): Promise<string[]> {
    const found = [];
    for (const send of await this.#senders()) {
      let cursor = '0';
      do {
        const reply = (await send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'])) as [
          unknown,
          unknown[],
        ];
        for (const key of reply[1]) found.push(String(key));
        cursor = String(reply[0]);
      } while (cursor !== '0');
    }
    return found;
  }

  async subscribe(
    channel: string,
    heard: (message: string) => void,
    lost: () => void,
  ): Promise<Subscription> {
    const listener = (message: string): void => heard(message);
    if (this.#sentinel) {
      // It makes a connection for that, and follows the primary.
      await this.#client.subscribe(channel, listener);
      const close = (): void => {
        // It would open itself again for that.
        if (this.#client.isOpen !== false) this.#client.unsubscribe(channel, listener).catch(() => undefined);
      };
      return { ref: () => undefined, close };
    }
    const source = await this.#anyNode();
    const socket = { ...source.options?.socket, ...ONCE_SOCKET };
    const own = source.duplicate({ socket, pingInterval: undefined, disableOfflineQueue: false });
    // The first error is the end of it, too.
    for (const event of ['error', 'end']) own.on(event, lost);
    try {
      await own.connect();
      await own.subscribe(channel, listener);
    } catch (error) {
      destroy(own);
      throw error;
    }
    return { ref: (on) => (on ? own.ref() : own.unref()), close: () => destroy(own) };
  }

  close(): void {
    // It is the user's.
  }

  async #anyNode(): Promise<NodeRedis> {
    const { masters } = this.#client;
    if (!this.cluster || !masters) return this.#client;
    const node = masters[Math.floor(Math.random() * masters.length)];
    if (node === undefined) throw new Error('no node of the cluster is known yet');
    return this.#client.nodeClient?.(node) ?? this.#client;
  }

  async #senders(): Promise<((args: readonly string[]) => Promise<unknown>)[]> {
    const client = this.#client;
    if (this.#sentinel)
      return [(args) => client.use?.((one) => one.sendCommand(false, args)) ?? Promise.resolve()];
    if (!this.cluster) return [(args) => client.sendCommand(args)];
    const nodes = await Promise.all(
      (client.masters ?? []).map(async (node) => client.nodeClient?.(node) ?? client),
    );
    return nodes.map((node) => (args) => node.sendCommand(args));
  }
}
