/**
 * What the driver needs of a client library. ioredis and node-redis have an adaptor each (redis-ioredis.ts, redis-node.ts),
 * around a client of the user's or around one that we open when it is needed (redis-url.ts).
 */

/** A connection of ours that hears one channel, once. */
export interface Subscription {
  /** Whether it keeps the process alive. */
  ref(on: boolean): void;
  close(): void;
}

export interface RedisCommands {
  /** A message that one node sends may have receivers at another. */
  readonly cluster: boolean;
  /** `WAIT` is for the connection that has sent the script before it. */
  readonly waits: boolean;
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** How many replicas have all that this connection wrote. */
  wait(replicas: number, ms: number): Promise<number>;
  /** What the client puts before each key by itself. */
  readonly keyPrefix: string;
  scan(pattern: string): Promise<string[]>;
  /** Resolves once subscribed. The connection is not made again when it is lost. */
  subscribe(channel: string, heard: (message: string) => void, lost: () => void): Promise<Subscription>;
  /** Ends what is ours. */
  close(): void;
}
