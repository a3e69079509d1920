/** The options of locks that are found by name, their checks and their defaults. */
import { LockUnsupportedError } from './errors.js';
import type { Via } from './files/folder.js';
import { Guard } from './lock-guard.js';
import { checkKeys, readWait, wrongType } from './options.js';
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
  /** After so long, in ms, the guard's `signal` aborts. The lock stays ours until it is released. Default: never. */
  readonly maxHold?: number;
  /**
   * What was taken outside of this thread may go from task to task in it for so long, and so often, before others get
   * it. Default: 10 ms, 256 times.
   */
  readonly handover?: Partial<Bound>;
  /** How the file is locked: see `FileLock`. One choice for a folder. Default: as the folder says, or `ofd`. */
  readonly via?: Via;
  /** Goes before the name, and is part of it in every tier. Default: none. */
  readonly prefix?: string;
  /** The folder of the lock files. Default: see `configure`. */
  readonly lockPath?: string;
}

/** Options that have been checked, each read once. */
export interface Plan {
  readonly external: boolean;
  readonly shared: boolean;
  readonly fair: boolean;
  readonly reentrant: boolean;
  readonly within: Guard | undefined;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly minHold: number;
  readonly maxHold: number;
  readonly handover: Bound | undefined;
  readonly via: Via | undefined;
  readonly prefix: string;
  readonly lockPath: string | undefined;
  /** The file, in a folder that is named as oslo.concurrency does it. No option: the face that is `oslo` sets it. */
  readonly osloFile?: string;
}

export const DEFAULTS: Plan = Object.freeze({
  external: false,
  shared: false,
  fair: false,
  reentrant: false,
  within: undefined,
  timeout: Infinity,
  signal: undefined,
  minHold: 0,
  maxHold: Infinity,
  handover: undefined,
  via: undefined,
  prefix: '',
  lockPath: undefined,
});

const later = ['distributed', 'owner', 'ttl', 'renew', 'lockDelay', 'onBackendDown'];
const known = Object.keys(DEFAULTS);

/** `timeout` and `signal` in an object of their own, or undefined if there are none. */
export function waitOf(plan: Plan, left: number = plan.timeout): WaitOptions | undefined {
  const { signal } = plan;
  if (signal !== undefined) return { timeout: left, signal };
  return left === Infinity ? undefined : { timeout: left };
}

export function readPlan(options: LockCallOptions | undefined): Plan {
  if (options === undefined) return DEFAULTS;
  for (const key of later) if (key in Object(options)) refuse(key, (options as Record<string, unknown>)[key]);
  checkKeys(options, known, later);
  const { external = false, shared = false, fair = false, reentrant = false } = options;
  const { within, minHold = 0, maxHold = Infinity, handover, via, prefix = '', lockPath } = options;
  if (typeof external !== 'boolean') throw wrongType('external', 'true or false', external);
  if (typeof shared !== 'boolean') throw wrongType('shared', 'true or false', shared);
  if (typeof reentrant !== 'boolean') throw wrongType('reentrant', 'true or false', reentrant);
  if (typeof fair !== 'boolean' && fair !== 'strict')
    throw new TypeError(`'fair' must be true, false or 'strict'`);
  if (fair === 'strict' && external) refuseStrict();
  if (within !== undefined && !(within instanceof Guard))
    throw wrongType('within', 'the guard that lock() gave', within);
  if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
  if (lockPath !== undefined && (typeof lockPath !== 'string' || lockPath === ''))
    throw new TypeError("'lockPath' must be the path of a folder");
  if (via !== undefined) checkVia(via);
  return {
    external,
    shared,
    fair: fair !== false,
    reentrant,
    within,
    ...readWait(options),
    minHold: checkMs('minHold', minHold),
    maxHold: checkMs('maxHold', maxHold),
    handover: handover === undefined ? undefined : checkBound(handover),
    via,
    prefix,
    lockPath,
  };
}

function refuse(key: string, value: unknown): void {
  if (value === undefined || value === false) return;
  throw new LockUnsupportedError(
    `'${key}' is for locks between hosts, which this version does not have yet`,
    {
      lock: key,
    },
  );
}

function refuseStrict(): never {
  const message =
    "{ fair: 'strict', external: true } cannot be promised: the kernel gives its file locks in no certain order. Use " +
    '{ fair: true }, which is strict among the threads of this process';
  throw new LockUnsupportedError(message, { lock: 'fair' });
}

const vias: readonly string[] = ['ofd', 'flock', 'mapped', 'lockfile'];

export function checkVia(via: unknown): asserts via is Via {
  if (typeof via !== 'string' || !vias.includes(via))
    throw new TypeError(`'via' must be one of ${vias.join(', ')}`);
  if (via === 'mapped')
    throw new LockUnsupportedError("'via: mapped' is not there yet: use 'ofd'", { lock: 'via' });
}

export function checkBound(bound: unknown): Bound {
  if (typeof bound !== 'object' || bound === null) throw wrongType('handover', 'an object', bound);
  checkKeys(bound, ['ms', 'grants']);
  const { ms = BOUND.ms, grants = BOUND.grants } = bound as Partial<Bound>;
  checkMs('handover.ms', ms);
  if (typeof grants !== 'number' || !(grants >= 0))
    throw new RangeError(`'handover.grants' must be a number, not negative`);
  return { ms, grants };
}

function checkMs(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value);
  if (!(value >= 0)) throw new RangeError(`'${name}' must not be negative or NaN, got ${value}`);
  return value;
}

export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
  if (name === '') throw new TypeError("'name' must not be empty");
}
