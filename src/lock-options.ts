/** The options of locks that are found by name, their checks and their defaults. */
import type { Backend } from './backend.js';
import { LockUnsupportedError } from './errors.js';
import type { Via } from './files/folder.js';
import { Guard } from './lock-guard.js';
import { checkKeys, checkTtl, isAbortSignal, readWait, wrongType } from './options.js';
import type { WaitOptions } from './options.js';
import { BOUND } from './outside.js';
import type { Bound } from './outside.js';

/**
 * How to take a lock by its name.
 *
 * @example
 * import { lock } from 'tierlock';
 * import type { LockCallOptions } from 'tierlock';
 *
 * const options: LockCallOptions = { shared: true, timeout: 100 };
 * await using guard = await lock('orders', options);
 * console.log(guard.mode); // shared
 */
export interface LockCallOptions extends WaitOptions {
  /** Keeps out every other process of this host as well. Default: false. */
  readonly external?: boolean;
  /** Keeps out every other host as well: by the store that `configure` has set, or by this one. Default: false. */
  readonly distributed?: boolean | Backend;
  /** Beside others who share it. Default: alone. */
  readonly shared?: boolean;
  /**
   * In order of arrival in this process, and never handed on past others who wait; for all who use the name, as long as
   * it is in use. `'strict'`: in order of arrival in every tier that is climbed. Default: false.
   */
  readonly fair?: boolean | 'strict';
  /** Who runs inside of the lock already is let in again. Default: false. */
  readonly reentrant?: boolean;
  /** Whoever shows a guard of the lock is let in again. */
  readonly within?: Guard;
  /** The name stays taken for at least so long after the grant, in ms, whenever it is released. Default: 0. */
  readonly minHold?: number;
  /**
   * After so long, in ms, the guard's `signal` aborts. On this host the lock stays ours until it is released; in a store
   * it is not renewed any more, and lapses. Default: never.
   */
  readonly maxHold?: number;
  /** In a store: for how long, in ms, it is ours without renewal. Default: 30,000. */
  readonly ttl?: number;
  /** In a store: whether it is renewed by itself, after each third of its `ttl`. Default: true. */
  readonly renew?: boolean;
  /**
   * In a store: if the holder vanishes, the name stays closed for so long, in ms, after its `ttl`, so that what the holder
   * has sent before may arrive. Default: 0.
   */
  readonly lockDelay?: number;
  /**
   * In a store: whoever presents the same owner as the holder is let in beside him. (On one host the threads and processes
   * exclude each other all the same.) Default: none.
   */
  readonly owner?: string;
  /**
   * What to do if the store cannot be reached: to fail with a `LockBackendError`, or to go on with the lower tiers only:
   * then the guard is `degraded`, and a warning says so. Default: `error`.
   */
  readonly onBackendDown?: 'error' | 'lower';
  /**
   * What was taken outside of this thread may go from task to task in it for so long, and so often, before others get
   * it. Default: 10 ms, 256 times.
   */
  readonly handover?: Partial<Bound>;
  /**
   * How the file is locked: `ofd` or `flock`, which are the kernel's (see `FileLock`), or `lockfile`, by the package
   * proper-lockfile. One choice for a folder. Default: as the folder says, or `ofd`.
   */
  readonly via?: Via;
  /** Goes before the name, and is part of it in every tier. Default: none. */
  readonly prefix?: string;
  /** The folder of the lock files. Default: see `configure`. */
  readonly lockPath?: string;
}

/** Options that have been checked, each read once. */
export interface Plan {
  readonly external: boolean;
  /** True: what `configure` has set. */
  readonly distributed: true | Backend | undefined;
  readonly shared: boolean;
  readonly fair: boolean | 'strict';
  readonly reentrant: boolean;
  readonly within: Guard | undefined;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly minHold: number;
  readonly maxHold: number;
  readonly ttl: number | undefined;
  readonly renew: boolean;
  readonly lockDelay: number;
  readonly owner: string | undefined;
  readonly onBackendDown: 'error' | 'lower';
  readonly handover: Bound | undefined;
  readonly via: Via | undefined;
  readonly prefix: string;
  readonly lockPath: string | undefined;
  /** The file, in a folder that is named as oslo.concurrency does it. No option: the face that is `oslo` sets it. */
  readonly osloFile?: string;
}

class Defaults implements Plan {
  readonly external = false;
  readonly distributed = undefined;
  readonly shared = false;
  readonly fair = false;
  readonly reentrant = false;
  readonly within = undefined;
  readonly timeout: number = Infinity;
  readonly signal = undefined;
  readonly minHold: number = 0;
  readonly maxHold: number = Infinity;
  readonly ttl = undefined;
  readonly renew = true;
  readonly lockDelay: number = 0;
  readonly owner = undefined;
  readonly onBackendDown = 'error';
  readonly handover = undefined;
  readonly via = undefined;
  readonly prefix: string = '';
  readonly lockPath = undefined;
}

export const DEFAULTS: Plan = Object.freeze(new Defaults());

/** `timeout` and `signal` in an object of their own, or undefined if there are none. */
export function waitOf(plan: Plan, left: number = plan.timeout): WaitOptions | undefined {
  const { signal } = plan;
  if (signal !== undefined) return { timeout: left, signal };
  return left === Infinity ? undefined : { timeout: left };
}

type Check = (value: unknown, name: string) => unknown;

/** What each option has to be. They are looked at one by one, because most calls have one or two. */
const checks: Readonly<Record<string, Check>> = Object.assign(Object.create(null), {
  external: checkBoolean,
  shared: checkBoolean,
  fair: checkFair,
  reentrant: checkBoolean,
  within: checkGuard,
  timeout: (value: unknown) => readWait({ timeout: value as number }).timeout,
  signal: (value: unknown) => readWait({ signal: value as AbortSignal }).signal,
  minHold: checkMs,
  maxHold: checkMs,
  handover: checkBound,
  via: checkVia,
  prefix: checkPrefix,
  lockPath: checkPath,
  distributed: checkDistributed,
  owner: checkOwner,
  ttl: checkTtl,
  renew: checkBoolean,
  lockDelay: checkMs,
  onBackendDown: checkDown,
} satisfies Record<string, Check>);

export function readPlan(options: LockCallOptions | undefined): Plan {
  if (options === undefined) return DEFAULTS;
  if (typeof options !== 'object' || options === null || isAbortSignal(options)) checkKeys(options, []);
  const plan = new Defaults() as Plan & Record<string, unknown>;
  // Inherited keys too: what was not looked at here must not be read later.
  for (const key in options) {
    const value = (options as Record<string, unknown>)[key];
    const check = checks[key];
    if (check === undefined)
      throw new TypeError(`unknown option '${key}'; known here: ${Object.keys(DEFAULTS).join(', ')}`);
    if (value !== undefined) plan[key] = check(value, key);
  }
  checkTogether(plan);
  return plan;
}

const ofStores = ['ttl', 'renew', 'lockDelay', 'owner', 'onBackendDown'] as const;

/** What makes sense with others only. */
function checkTogether(plan: Plan): void {
  if (plan.fair === 'strict' && plan.external) refuseStrict();
  if (plan.distributed === undefined) {
    for (const name of ofStores) {
      if (plan[name] === DEFAULTS[name]) continue;
      throw new TypeError(`'${name}' is for locks in a store: it needs { distributed: true }, or a store`);
    }
  } else if (plan.owner !== undefined && plan.external) {
    const message =
      "{ owner, external: true } is not possible: the kernel's file locks know no owners, so the second one of the same " +
      'owner would wait for the first. Leave external out';
    throw new LockUnsupportedError(message, { lock: 'owner' });
  }
}

function refuseStrict(): never {
  const message =
    "{ fair: 'strict', external: true } cannot be promised: the kernel gives its file locks in no certain order. Use " +
    '{ fair: true }, which is strict among the threads of this process';
  throw new LockUnsupportedError(message, { lock: 'fair' });
}

function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value);
  return value;
}

function checkFair(value: unknown): boolean | 'strict' {
  if (typeof value === 'boolean' || value === 'strict') return value;
  throw new TypeError("'fair' must be true, false or 'strict'");
}

export function checkDistributed(value: unknown): true | Backend | undefined {
  if (value === false) return undefined;
  if (value === true || isBackend(value)) return value;
  const remedy = typeof value === 'string' ? ": connect('...') makes one of a URL" : '';
  throw wrongType('distributed', `true, false or a store${remedy}`, value);
}

/** What has the calls of one. */
export function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false;
  const { name, supports, tryAcquire } = value as Partial<Backend>;
  return typeof name === 'string' && typeof supports === 'object' && typeof tryAcquire === 'function';
}

function checkOwner(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrongType('owner', 'a string that is not empty', value);
}

function checkDown(value: unknown): 'error' | 'lower' {
  if (value === 'error' || value === 'lower') return value;
  throw new TypeError("'onBackendDown' must be 'error' or 'lower'");
}

function checkGuard(value: unknown): Guard {
  if (value instanceof Guard) return value;
  throw wrongType('within', 'the guard that lock() gave', value);
}

function checkPrefix(value: unknown): string {
  if (typeof value !== 'string') throw wrongType('prefix', 'a string', value);
  return value;
}

export function checkPath(value: unknown): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw new TypeError("'lockPath' must be the path of a folder");
}

const vias: readonly string[] = ['ofd', 'flock', 'mapped', 'lockfile'];

export function checkVia(via: unknown): Via {
  if (typeof via !== 'string' || !vias.includes(via))
    throw new TypeError(`'via' must be one of ${vias.join(', ')}`);
  if (via === 'mapped')
    throw new LockUnsupportedError("'via: mapped' is not there yet: use 'ofd'", { lock: 'via' });
  return via as Via;
}

export function checkBound(bound: unknown): Bound {
  if (typeof bound !== 'object' || bound === null) throw wrongType('handover', 'an object', bound);
  checkKeys(bound, ['ms', 'grants']);
  const { ms = BOUND.ms, grants = BOUND.grants } = bound as Partial<Bound>;
  checkMs(ms, 'handover.ms');
  if (typeof grants !== 'number' || !(grants >= 0))
    throw new RangeError(`'handover.grants' must be a number, not negative`);
  return { ms, grants };
}

export function checkMs(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value);
  if (!(value >= 0)) throw new RangeError(`'${name}' must not be negative or NaN, got ${value}`);
  return value;
}

export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
  if (name === '') throw new TypeError("'name' must not be empty");
}
