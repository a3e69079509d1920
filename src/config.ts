/**
 * What is set for the whole process: `configure()`. Its parts are cloneable, and reach the worker threads that are
 * started later: each reads them when it begins.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { tryAddon } from './addon.js';
import { checkKeys, wrongType } from './options.js';
import type { Via } from './files/folder.js';
import type { Backend } from './backend.js';
import { checkBound, checkMs, checkPath, checkVia, isBackend } from './lock-options.js';
import type { Bound } from './outside.js';

/**
 * What `configure` sets. What is left out stays as it is; `undefined` is the default again.
 *
 * @example
 * import { configure } from 'tierlock';
 * import type { Configuration } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const settings: Configuration = { lockPath: join(tmpdir(), 'tierlock-example') };
 * configure(settings);
 */
export interface Configuration {
  /** The folder of the lock files. Default: TIERLOCK_PATH, else OSLO_LOCK_PATH, else /tmp/tierlock-UID. */
  readonly lockPath?: string | undefined;
  /** How the files are locked. Default: as the folder says, or `ofd`. */
  readonly via?: Via | undefined;
  /** That the folder may lie on a network file system. Default: false. */
  readonly network?: boolean | undefined;
  /** Whether a lock remembers who runs inside of it; `off` saves that, and refuses `reentrant`. Default: on. */
  readonly deadlock?: 'on' | 'off' | undefined;
  /** That there are worker threads. `false` is for programs without any, where the addon is missing. Default: true. */
  readonly threads?: boolean | undefined;
  /**
   * How many threads of the addon may wait for files at a time in this process; what more there is to wait for is tried
   * every 5 to 20 ms. Default: 64.
   */
  readonly waitingThreads?: number | undefined;
  /**
   * The store of `{ distributed: true }`: its URL (see `connect`), or the store itself, which reaches no other thread.
   * Default: none.
   */
  readonly backend?: string | Backend | undefined;
  /** See `LockCallOptions`. */
  readonly handover?: Partial<Bound> | undefined;
  /**
   * Who has waited for so long, in ms, is warned of once: a process warning, TIERLOCK_SLOW_WAIT, names the holder, and since
   * when he holds. Default: off.
   */
  readonly slowWait?: number | undefined;
  /**
   * Whether the errors of time-outs and deadlocks, and the warnings of slow waits, say where in the program the holder has
   * asked for the lock. Then each lock by name costs a stack trace. Default: false.
   */
  readonly debug?: boolean | undefined;
}

const KEY = 'tierlock:configuration';
const known = [
  'lockPath',
  'via',
  'network',
  'deadlock',
  'threads',
  'waitingThreads',
  'backend',
  'handover',
  'slowWait',
  'debug',
] as const;
const MOST_WAITING = 10_000;
const WAITING = 64;

let current: Configuration = (getEnvironmentData(KEY) as Configuration | undefined) ?? {};

/** What is set now. */
export function configuration(): Configuration {
  return current;
}

const asksForNotes = ({ slowWait, debug }: Configuration): boolean =>
  slowWait !== undefined || debug === true;

/** Whether `slowWait` or `debug` is set: a variable, because every lock looks at it. */
export let noted: boolean = asksForNotes(current);

/** Counts the calls of `configure` in this thread. */
export let revision = 0;

/**
 * Sets defaults for the whole thread, and for the worker threads that are started afterwards. Callable again.
 *
 * @example
 * import { configure, lock } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * configure({ lockPath: join(tmpdir(), 'tierlock-example') });
 * await using guard = await lock('orders', { external: true });
 * console.log(guard.held); // true
 */
export function configure(settings: Configuration): void {
  checkKeys(settings, known);
  const { lockPath, via, network, deadlock, threads, handover, slowWait, debug } = settings;
  if (lockPath !== undefined) checkPath(lockPath);
  if (via !== undefined) checkVia(via);
  for (const [name, value] of Object.entries({ network, threads, debug }))
    if (value !== undefined && typeof value !== 'boolean') throw wrongType(name, 'true or false', value);
  if (deadlock !== undefined && deadlock !== 'on' && deadlock !== 'off')
    throw new TypeError(`'deadlock' must be 'on' or 'off', got ${JSON.stringify(deadlock)}`);
  if (slowWait !== undefined) checkMs(slowWait, 'slowWait');
  const { backend } = settings;
  if (backend !== undefined && typeof backend !== 'string' && !isBackend(backend))
    throw wrongType('backend', 'the URL of a store, or a store', backend);
  if ('waitingThreads' in settings) limitWaits(settings.waitingThreads ?? WAITING);
  const next: Record<string, unknown> = { ...configuration() };
  const bound = handover === undefined ? undefined : checkBound(handover);
  const given: Record<string, unknown> = { ...settings, handover: bound };
  for (const name of known) if (name in settings) next[name] = given[name];
  current = next;
  noted = asksForNotes(current);
  revision++;
  // An object with functions cannot be sent.
  setEnvironmentData(KEY, typeof next['backend'] === 'object' ? { ...next, backend: undefined } : next);
}

/** The limit belongs to the process: all its threads count together. */
function limitWaits(count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > MOST_WAITING)
    throw new RangeError(
      `'waitingThreads' must be a whole number from 0 to ${MOST_WAITING}, got ${String(count)}`,
    );
  tryAddon()?.limitWaits(count);
}
