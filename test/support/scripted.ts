/** A store that does what it is told: the one in memory behind a connection on which anything can happen. */
import assert from 'node:assert/strict';
import { acquire } from '../../src/acquire.js';
import type { Wanted } from '../../src/acquire.js';
import type { Backend, BackendRequest, Grant, StoreHolder, Supports, Watch } from '../../src/backend.js';
import { memory } from '../../src/backends/memory.js';
import type { Lease } from '../../src/lease.js';

/** What becomes of one command. */
export type Way = <T>(perform: () => Promise<T>) => Promise<T>;

const never = <T>(): Promise<T> => new Promise<T>(() => {});
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const passes: Way = (perform) => perform();
/** It does not arrive, and an error says so. */
export const fails: Way = async () => {
  throw new Error('connection refused');
};
/** It is done, and the answer gets lost: an error says that something has. */
export const cut: Way = async (perform) => {
  await perform();
  throw new Error('connection reset');
};
/** It does not arrive, and nobody says so. */
export const silent: Way = never;
/** It is done, and the answer never comes. */
export const mute: Way = async <T>(perform: () => Promise<T>) => {
  await perform();
  return never<T>();
};
/** It is done at once, and the answer takes so long. */
export const late =
  (ms: number): Way =>
  async (perform) => {
    const answer = await perform();
    await pause(ms);
    return answer;
  };
/** It takes so long until it is done. */
export const slow =
  (ms: number): Way =>
  async (perform) => {
    await pause(ms);
    return perform();
  };
/** It is done when that is over. */
export const after =
  (event: Promise<unknown>): Way =>
  async (perform) => {
    await event;
    return perform();
  };
export const throws =
  (error: Error): Way =>
  async () => {
    throw error;
  };

export type Command =
  | 'tryAcquire'
  | 'watch'
  | 'changed'
  | 'forget'
  | 'renew'
  | 'release'
  | 'inspect'
  | 'acquire';

/** One command that was sent. */
export interface Sent {
  readonly command: Command;
  /** By performance.now(). */
  readonly at: number;
  readonly id: string;
  readonly ttl: number | undefined;
}

export interface Script {
  /** What it cannot do. */
  readonly without?: readonly ('watch' | 'forget' | 'renew' | 'inspect')[];
  readonly supports?: Partial<Supports>;
  /** Goes with each grant. */
  readonly lost?: AbortSignal;
  readonly lasts?: number;
}

let stores = 0;
let rivals = 0;

export class ScriptedStore implements Backend {
  readonly name = 'scripted';
  readonly supports: Supports;
  /** The records, as they are there. */
  readonly inner: Backend = memory(`scripted ${stores++}`);
  readonly sent: Sent[] = [];
  /** What was asked for, each try. */
  readonly requests: BackendRequest[] = [];
  /** How many subscriptions are open. */
  open = 0;
  readonly watch?: (request: BackendRequest) => Promise<Watch>;
  readonly forget?: (request: BackendRequest) => Promise<void>;
  readonly inspect?: (key: string) => Promise<StoreHolder[]>;
  readonly #script: Script;
  readonly #next: Map<Command, Way[]> = new Map();
  readonly #always: Map<Command, Way> = new Map();

  constructor(script: Script = {}) {
    const { without = [], supports = {} } = script;
    this.#script = script;
    this.supports = { ...this.inner.supports, ...supports };
    if (!without.includes('watch')) this.watch = (request) => this.#watch(request);
    if (!without.includes('forget'))
      this.forget = (request) => this.#send('forget', request, async () => this.inner.forget?.(request));
    if (!without.includes('inspect'))
      this.inspect = (key) => {
        const id = '';
        return this.#send('inspect', { id }, async () => (await this.inner.inspect?.(key)) ?? []);
      };
  }

  /** The next commands of that kind go these ways. */
  next(command: Command, ...ways: Way[]): this {
    this.#next.set(command, [...(this.#next.get(command) ?? []), ...ways]);
    return this;
  }

  /** All others of that kind go this way. */
  always(command: Command | 'all', way: Way): this {
    const all = ['tryAcquire', 'watch', 'forget', 'renew', 'release', 'inspect', 'acquire'] as const;
    for (const each of command === 'all' ? all : [command]) this.#always.set(each, way);
    return this;
  }

  count(command: Command): number {
    return this.all(command).length;
  }

  all(command: Command): Sent[] {
    return this.sent.filter((one) => one.command === command);
  }

  /** Who holds the key there. */
  async holders(key: string = KEY): Promise<StoreHolder[]> {
    return (await this.inner.inspect?.(key)) ?? [];
  }

  async #send<T>(
    command: Command,
    { id, ttl }: { id: string; ttl?: number },
    perform: () => Promise<T>,
  ): Promise<T> {
    this.sent.push({ command, at: performance.now(), id, ttl });
    return this.wayOf(command)(perform);
  }

  /** How the next command of that kind goes. */
  wayOf(command: Command): Way {
    return this.#next.get(command)?.shift() ?? this.#always.get(command) ?? passes;
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    this.requests.push(request);
    const grant = await this.#send('tryAcquire', request, () => this.inner.tryAcquire(request));
    return grant && this.#granted(request, grant);
  }

  #granted({ id }: BackendRequest, grant: Grant): Grant {
    const { without = [], lost, lasts } = this.#script;
    const renew = (ttl: number): Promise<void> =>
      this.#send('renew', { id, ttl }, async () => grant.renew?.(ttl));
    return {
      token: grant.token,
      release: () => this.#send('release', { id }, () => grant.release()),
      ...(!without.includes('renew') && { renew }),
      ...(lost && { lost }),
      ...(lasts !== undefined && { lasts }),
    };
  }

  async #watch(request: BackendRequest): Promise<Watch> {
    const perform = async (): Promise<Watch> => {
      const watch = (await this.inner.watch?.(request)) as Watch;
      this.open++;
      return {
        changed: () => this.#send('changed', request, () => watch.changed()),
        close: () => {
          this.open--;
          watch.close();
        },
      };
    };
    return this.#send('watch', request, perform);
  }

  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

export const KEY = 'lock:x';

const WANTED: Wanted = {
  key: KEY,
  shared: false,
  units: 1,
  permits: 1,
  fifo: false,
  owner: undefined,
  ttl: 3000,
  renew: true,
  lockDelay: 0,
  minHold: 0,
};

/** Asks for it as the core does: once, unless there is a timeout. */
export function ask(
  store: Backend,
  wanted: Partial<Wanted> = {},
  timeout?: number,
  signal?: AbortSignal,
): Promise<Lease | null> {
  return acquire(store, { ...WANTED, ...wanted }, timeout, signal);
}

export async function take(store: Backend, wanted: Partial<Wanted> = {}): Promise<Lease> {
  const lease = await ask(store, wanted);
  assert.ok(lease, 'it is free');
  return lease;
}

/** As another host would take it; null if it is taken. */
export function rival(store: ScriptedStore, options: Partial<BackendRequest> = {}): Promise<Grant | null> {
  const { signal } = new AbortController();
  return store.inner.tryAcquire({ ...WANTED, id: `rival-${rivals++}`, waits: false, signal, ...options });
}

/** What was sent to it. */
export function commands(store: ScriptedStore): Command[] {
  return store.sent.map(({ command }) => command).filter((command) => command !== 'changed');
}
