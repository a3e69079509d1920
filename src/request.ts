/** What a store is asked for, and the ids by which it tells apart who asks. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { BackendRequest } from './backend.js';
import { threadId } from './words/thread.js';

/** What is to be taken. */
export interface Sought {
  /** The kind, a colon, prefix and name. */
  readonly key: string;
  readonly shared: boolean;
  readonly units: number;
  readonly permits: number;
  readonly fifo: boolean;
  readonly owner: string | undefined;
}

export class Request implements BackendRequest {
  readonly key: string;
  readonly id: string = newId();
  readonly shared: boolean;
  readonly units: number;
  readonly permits: number;
  readonly ttl: number;
  readonly waits: boolean;
  readonly fifo: boolean;
  readonly owner: string | undefined;
  // Few stores ask for it.
  #over: AbortController | undefined = undefined;
  #aborted = false;

  constructor({ key, shared, units, permits, fifo, owner }: Sought, ttl: number, waits: boolean) {
    this.key = key;
    this.shared = shared;
    this.units = units;
    this.permits = permits;
    this.ttl = ttl;
    this.waits = waits;
    this.fifo = fifo;
    this.owner = owner;
  }

  get signal(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#aborted) this.#over.abort();
    return this.#over.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#over?.abort();
  }
}

/** What a person calls that of which it is the key, and its name. */
export function calledOf(key: string): { readonly what: string; readonly name: string } {
  const colon = key.indexOf(':');
  const name = key.slice(colon + 1);
  return { what: `the ${key.slice(0, colon)} '${name}'`, name };
}

let prefix: string | undefined;
let count = 0;

/** Unique everywhere, and it says who it is. */
export function newId(): string {
  prefix ??= [
    encodeURIComponent(hostname()),
    process.pid,
    threadId,
    randomBytes(8).toString('base64url'),
  ].join('/');
  return `${prefix}/${(count++).toString(36)}`;
}

/** Who an id is of; undefined if it is none of ours. */
export function partyOf(id: string): { host: string; pid: number; thread: number } | undefined {
  const [host, pid, thread, random, number] = id.split('/');
  if (host === undefined || number === undefined || random === undefined) return undefined;
  return { host: decodeURIComponent(host), pid: Number(pid), thread: Number(thread) };
}
