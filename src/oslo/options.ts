/** The options of `lock` as oslo.concurrency calls them, and what they are in ours. */
import { osloFileOf } from '../files/file-names.js';
import { DEFAULTS } from '../lock-options.js';
import type { Plan } from '../lock-options.js';
import { checkKeys, readWait, wrongType } from '../options.js';
import type { WaitOptions } from '../options.js';
import { scopeOf, Semaphores } from './containers.js';
import { checkDelay } from './inter-process.js';
import { findLockPath, joined } from './lock-path.js';

/**
 * How to take a lock: oslo's options, and `timeout` and `signal`, which it does not have.
 *
 * @example
 * import { lock } from 'tierlock/oslo';
 * import type { OsloLockOptions } from 'tierlock/oslo';
 *
 * const options: OsloLockOptions = { lockFilePrefix: 'nova', external: true, lockPath: '/tmp/tierlock-example' };
 * await using guard = await lock('orders', options);
 * console.log(guard.name); // nova-orders
 */
export interface OsloLockOptions extends WaitOptions {
  /** Goes before the name, with one `-` between them. Default: none. */
  readonly lockFilePrefix?: string | undefined;
  /** Keeps out all other processes of this host as well, Python's among them. Default: false. */
  readonly external?: boolean | undefined;
  /** The folder of the lock files. Default: see `setDefaults`. */
  readonly lockPath?: string | undefined;
  /** Whether to write to the log: see `NODE_DEBUG=tierlock`. Default: true. */
  readonly doLog?: boolean | undefined;
  /** A name space of its own for the lock within this thread. Default: that of all. */
  readonly semaphores?: Semaphores | undefined;
  /** Checked, and not used: whoever waits is woken. */
  readonly delay?: number | undefined;
  /** In order of arrival in this process. Default: false. */
  readonly fair?: boolean | undefined;
  /** Whether to wait; else it is an `AcquireLockFailedException` if it is taken. Default: true. */
  readonly blocking?: boolean | undefined;
}

/** Options that have been checked. */
export interface Asked {
  readonly name: string;
  readonly key: string;
  readonly plan: Plan;
  readonly blocking: boolean;
  readonly doLog: boolean;
}

const flags = { external: false, doLog: true, fair: false, blocking: true } as const;
const known = [
  'lockFilePrefix',
  'lockPath',
  'semaphores',
  'delay',
  'timeout',
  'signal',
  ...Object.keys(flags),
];

/** Throws for what cannot be right, whatever the name is. */
export function checkOsloOptions(options: OsloLockOptions): void {
  checkKeys(options, known);
  const { lockFilePrefix, semaphores, delay = 0 } = options;
  for (const flag of Object.keys(flags) as (keyof typeof flags)[]) {
    const value: unknown = options[flag];
    if (value !== undefined && typeof value !== 'boolean') throw wrongType(flag, 'true or false', value);
  }
  if (lockFilePrefix !== undefined && typeof lockFilePrefix !== 'string')
    throw wrongType('lockFilePrefix', 'a string', lockFilePrefix);
  if (semaphores !== undefined && !(semaphores instanceof Semaphores))
    throw wrongType('semaphores', 'a Semaphores of this package', semaphores);
  checkDelay('delay', delay);
  readWait(options);
  if (options.blocking !== false) return;
  for (const key of ['timeout', 'signal'] as const)
    if (options[key] !== undefined) throw new TypeError(`'${key}' makes no sense with { blocking: false }`);
}

export function readOsloOptions(name: string, options: OsloLockOptions): Asked {
  checkOsloOptions(options);
  const { external, doLog, fair, blocking } = { ...flags, ...defined(options) };
  const { lockFilePrefix, lockPath, semaphores } = options;
  const key = (semaphores === undefined ? '' : scopeOf(semaphores)) + joined(name, lockFilePrefix);
  const plan: Plan = { ...DEFAULTS, ...readWait(options), fair };
  return { name, key, plan: external ? onFile(plan, name, lockFilePrefix, lockPath) : plan, blocking, doLog };
}

function defined(options: OsloLockOptions): Partial<Record<keyof typeof flags, boolean>> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The plan for a lock that has a file, whichever way other locks take theirs: Python sees no other. */
export function onFile(
  plan: Plan,
  name: string,
  prefix?: string,
  path?: string,
): Plan & { osloFile: string } {
  const osloFile = osloFileOf('lock', name, prefix);
  return { ...plan, external: true, via: 'ofd', lockPath: findLockPath(name, path), osloFile };
}
