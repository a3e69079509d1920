/**
 * What a lock must be able to do to take part where threads meet. The trial's main thread makes it, the workers open
 * it by its handle. As in contestant.ts each adapter writes its loops out; what waits asynchronously returns
 * promises from the same methods.
 */
import { buildNative, isNative } from './native.js';

/** One thread's use of the lock. */
export interface Access {
  /** Takes the free lock and gives it back, `n` times, counting in `tally`. */
  loop?(n: number): void | Promise<void>;
  /** Takes the lock `n` times, and runs the section each time. */
  turns?(n: number, section: () => void): void | Promise<void>;
  /** Of a lock with two modes: likewise beside other readers, and alone. */
  reads?(n: number, section: () => void): void;
  writes?(n: number, section: () => void): void;
  /** Takes the lock; the result gives it back. */
  hold?(): (() => void) | Promise<() => void>;
}

export interface Shared {
  /** A new lock, as something that can be sent to other threads. */
  make(): unknown;
  open(handle: unknown): Access;
}

/** What each adapter module exports. */
export interface SharedModule {
  readonly contestants: Readonly<Record<string, Shared>>;
}

/** Where a contestant comes from: it can be sent to a worker, which loads that module and no other. */
export interface Origin {
  readonly module: string;
  readonly name: string;
}

/** By the contestant's name up to its colon. */
const modules: Readonly<Record<string, string>> = {
  tierlock: './tierlock-shared.js',
  'lock(name)': './tierlock-names-shared.js',
  floor: './floors-shared.js',
  'SAB naive': './sab-naive.js',
  'SAB 3-state': './sab-3-state.js',
  'SAB semaphore': './sab-semaphore.js',
  'SAB counter': './sab-rwlock.js',
};

export function origin(name: string): Origin {
  const module = modules[name.split(':')[0] ?? name];
  if (module === undefined) throw new Error(`there is no contestant '${name}'`);
  return { module: new URL(module, import.meta.url).href, name };
}

export async function load({ module, name }: Origin): Promise<Shared> {
  const { contestants }: SharedModule = await import(module);
  const found = contestants[name];
  if (found === undefined) throw new Error(`there is no contestant '${name}'`);
  return found;
}

/** The lock opened, with what a trial needs of it. */
export function able<K extends keyof Access>(
  shared: Shared,
  handle: unknown,
  ...needs: readonly K[]
): Required<Pick<Access, K>> {
  const access = shared.open(handle);
  const can = (it: Access): it is Access & Required<Pick<Access, K>> =>
    needs.every((need) => it[need] !== undefined);
  if (!can(access)) throw new Error(`the contestant cannot ${needs.join(' and ')}`);
  return access;
}

/** Why a contestant cannot take part on this machine; undefined if it can. */
export async function absent(name: string): Promise<string | undefined> {
  return isNative(name) ? buildNative() : undefined;
}
