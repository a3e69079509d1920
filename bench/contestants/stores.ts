/**
 * What a lock in a store must be able to do to take part in the group `distributed`. As in contestant.ts each adapter
 * writes its loop out, in the peer's own fastest form. All use their own defaults, but for what a `Place` says, and wait
 * for as long as it takes.
 */
import { isAvailable, saysMissing, type ServerName } from '../../test/support/servers/available.js';
import type { Origin } from './shared.js';

export interface Place {
  readonly urls: readonly string[];
  /** In ms. */
  readonly ttl: number;
  /** In order of arrival, where there is such a choice. */
  readonly strict?: boolean;
  /** One of several in its process, each of which shall be a client of the store for itself. */
  readonly apart?: boolean;
}

/** What is held, and renewed by the library itself. */
export interface Kept {
  /** Whether the library still says so: what a program asks before it writes. */
  allowed(): boolean;
  /** Gives it back; what the library answers. */
  release(): Promise<unknown>;
}

/** The use of one lock, always the same one, by one client. */
export interface StoreUse {
  /** Takes the free lock and gives it back, `n` times, counting in `tally`. */
  loop?(n: number): Promise<void>;
  /** Waits for it; the result gives it back. */
  hold?(): Promise<() => Promise<unknown>>;
  keep?(): Promise<Kept>;
  close(): void | Promise<void>;
}

export interface StoreContestant {
  open(place: Place): StoreUse | Promise<StoreUse>;
}

/** What each adapter module exports. */
export interface StoreModule {
  readonly contestants: Readonly<Record<string, StoreContestant>>;
}

interface Known {
  readonly module: string;
  readonly server?: ServerName;
}

/** By the contestant's whole name. */
const known: Readonly<Record<string, Known>> = {
  'floor: lock(name), no store': { module: './tierlock-stores.js' },
  'tierlock: redis': { module: './tierlock-stores.js', server: 'redis' },
  'tierlock: etcd': { module: './tierlock-stores.js', server: 'etcd' },
  'floor: two EVALSHAs': { module: './floors-stores.js', server: 'redis' },
  'floor: txn and delete': { module: './floors-stores.js', server: 'etcd' },
  redlock: { module: './redlock.js', server: 'redis' },
  'redis-semaphore': { module: './redis-semaphore.js', server: 'redis' },
  etcd3: { module: './etcd3.js', server: 'etcd' },
};

function find(name: string): Known {
  const found = known[name];
  if (found === undefined) throw new Error(`there is no contestant '${name}'`);
  return found;
}

export function storeOrigin(name: string): Origin {
  return { module: new URL(find(name).module, import.meta.url).href, name };
}

/** In which server its lock lies. */
export const serverOf = (name: string): ServerName | undefined => find(name).server;

/** The lock opened, with what a trial needs of it. */
export async function openStoreOf<K extends 'loop' | 'hold' | 'keep'>(
  { module, name }: Origin,
  place: Place,
  need: K,
): Promise<StoreUse & Required<Pick<StoreUse, K>>> {
  const { contestants }: StoreModule = await import(module);
  const use = await contestants[name]?.open(place);
  if (use === undefined) throw new Error(`there is no contestant '${name}'`);
  const can = (it: StoreUse): it is StoreUse & Required<Pick<StoreUse, K>> => it[need] !== undefined;
  if (!can(use)) throw new Error(`'${name}' cannot ${need}`);
  return use;
}

/** Why a contestant cannot take part on this machine; undefined if it can. */
export async function absentStore(name: string): Promise<string | undefined> {
  const { server } = find(name);
  if (server !== undefined && !isAvailable(server)) return saysMissing(server);
  try {
    await import(storeOrigin(name).module);
    return undefined;
  } catch (error) {
    return `it does not work here: ${String(error)}`;
  }
}
