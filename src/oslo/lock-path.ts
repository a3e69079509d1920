/**
 * Where the lock files lie that we share with programs of oslo.concurrency, and what they are called: as they do it, so
 * there is no folder unless somebody names one. A folder that only one side uses would keep nobody out.
 *
 *   `lockPath`, else what `setDefaults` was told, else OSLO_LOCK_PATH, else it is an error
 */
import { isAbsolute } from 'node:path';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { LockMisuseError } from '../errors.js';
import { checkName } from '../lock-options.js';
import { wrongType } from '../options.js';

// Worker threads that are started later get a copy.
const KEY = 'tierlock:oslo';
const VARIABLE = 'OSLO_LOCK_PATH';

/**
 * Sets the folder of the lock files, for this thread and for worker threads that are started afterwards. `undefined`
 * leaves it to OSLO_LOCK_PATH again.
 *
 * @example
 * import { getLockPath, setDefaults } from 'tierlock/oslo';
 *
 * setDefaults('/run/lock/nova');
 * console.log(getLockPath()); // /run/lock/nova
 */
export function setDefaults(lockPath: string | undefined): void {
  if (lockPath !== undefined) checkLockPath(lockPath);
  setEnvironmentData(KEY, lockPath);
}

/**
 * The folder of the lock files where a call does not say another; undefined if there is none.
 *
 * @example
 * import { getLockPath, setDefaults } from 'tierlock/oslo';
 *
 * setDefaults(undefined);
 * delete process.env['OSLO_LOCK_PATH'];
 * console.log(getLockPath()); // undefined
 */
export function getLockPath(): string | undefined {
  const set = getEnvironmentData(KEY) as string | undefined;
  if (set !== undefined) return set;
  const path = process.env[VARIABLE];
  if (path === undefined || path === '') return undefined;
  if (isAbsolute(path)) return path;
  const message =
    `${VARIABLE} is '${path}': make it an absolute path, or processes that start in different folders would not ` +
    'exclude each other';
  throw new LockMisuseError(message, { lock: path });
}

/** The folder for the lock of that name. */
export function findLockPath(name: string, lockPath: string | undefined): string {
  if (lockPath !== undefined) checkLockPath(lockPath);
  const path = lockPath ?? getLockPath();
  if (path !== undefined) return path;
  const message =
    `the lock '${name}' needs a file, and nobody has said in which folder: give it a lockPath, call setDefaults(), or ` +
    `set ${VARIABLE}, to the folder that the Python services use`;
  throw new LockMisuseError(message, { lock: name });
}

function checkLockPath(path: unknown): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new TypeError("'lockPath' must be the path of a folder");
}

/** What the name is under that prefix: joined as in the name of its file, so that it is one name in every tier. */
export function joined(name: string, prefix: string = ''): string {
  checkName(name);
  if (typeof prefix !== 'string') throw wrongType('lockFilePrefix', 'a string', prefix);
  return prefix === '' || prefix.endsWith('-') ? `${prefix}${name}` : `${prefix}-${name}`;
}
