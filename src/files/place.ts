/**
 * Where the lock files lie, and whether that place can be trusted. Whoever decides otherwise than another process, and
 * does not notice, excludes nobody. So the folder does not depend on what differs between a shell, a service and a cron
 * job (TMPDIR, the XDG folders, the current folder):
 *
 *   `lockPath`, else TIERLOCK_PATH, else OSLO_LOCK_PATH       made with its parents, as the umask has it
 *   else /tmp/tierlock-UID                                    made for this user alone, and refused if it is not
 *
 * In /tmp anybody may make anything, but its sticky bit lets nobody replace what is another's: so what has been found to
 * be ours stays ours.
 */
import { existsSync, lstatSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { LockBackendError, LockMisuseError, LockUnsupportedError } from '../errors.js';
import { explain } from './open-files.js';

/** Where to look for the folder. */
export interface PlaceOptions {
  /** The folder. Default: see above. */
  readonly lockPath?: string;
  /** That it may lie on a file system that other hosts may use as well. Default: false. */
  readonly network?: boolean;
}

/** Where a place comes from, for those who want another. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where the folder of each user is. */
  readonly base: string;
}

/** A folder that is there and may be used. */
export interface Place {
  readonly path: string;
  /** Nobody asked for it, so it is ours alone. */
  readonly own: boolean;
}

/** The folder, made if it is not there. */
export function findPlace(options: PlaceOptions = {}, around?: Surroundings): Place {
  const place = whichPlace(options, around);
  if (place.own) makeOwn(place.path);
  else make(place.path);
  if (options.network !== true) checkFileSystem(place.path);
  return place;
}

/** Where it is, or would be. */
export function whichPlace(
  { lockPath }: PlaceOptions = {},
  { env, base }: Surroundings = { env: process.env, base: '/tmp' },
): Place {
  const asked = lockPath === undefined ? fromEnvironment(env) : fromCaller(lockPath);
  const path = asked ?? join(base, `tierlock-${process.geteuid?.() ?? 0}`);
  return { path, own: asked === undefined };
}

function fromCaller(path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new TypeError("'lockPath' must be the path of a folder");
  return resolve(path);
}

function fromEnvironment(env: NodeJS.ProcessEnv): string | undefined {
  for (const name of ['TIERLOCK_PATH', 'OSLO_LOCK_PATH']) {
    const path = env[name];
    if (path === undefined || path === '') continue;
    if (isAbsolute(path)) return resolve(path);
    const message =
      `${name} is '${path}': make it an absolute path, or processes that start in different folders ` +
      'would not exclude each other';
    throw new LockMisuseError(message, { lock: path });
  }
  return undefined;
}

function make(path: string): void {
  try {
    makeAll(path);
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw explain(error, path, 'made', 'folder');
  }
  throw new LockBackendError(`'${path}' or a part of it is no folder: choose another for the locks`, {
    lock: path,
  });
}

/** With its parents. (Node's own way never ends where the system says that a parent is not there which is: in /proc.) */
function makeAll(path: string): void {
  try {
    makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    makeAll(parent);
    makeOne(path);
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // On a file system that is read-only it may be there all the same.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code === 'ENOENT' || !existsSync(path)) throw error;
  }
}

function makeOwn(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, path, 'made', 'folder');
  }
  const found = lstatSync(path);
  const wrong = whatIsWrong(found.isSymbolicLink(), found.isDirectory(), found.uid, found.mode);
  if (wrong === undefined) return;
  const remedy =
    'somebody may have put it there to disturb: remove it, or set TIERLOCK_PATH to a folder of your own';
  throw new LockBackendError(`the folder '${path}' cannot be trusted with locks: ${wrong}; ${remedy}`, {
    lock: path,
  });
}

function whatIsWrong(link: boolean, folder: boolean, uid: number, mode: number): string | undefined {
  if (link) return 'it is a symbolic link';
  if (!folder) return 'it is no folder';
  const own = process.geteuid?.() ?? uid;
  if (uid !== own) return `it belongs to user ${uid}, not to ${own}`;
  if ((mode & 0o022) !== 0) return 'others may write in it';
  return undefined;
}

/** File systems that other hosts may use, too, by what statfs(2) calls them. */
const shared: ReadonlyMap<bigint, string> = new Map([
  [0x6969n, 'NFS'],
  [0x517bn, 'SMB'],
  [0xff534d42n, 'CIFS'],
  [0xfe534d42n, 'SMB2'],
  [0x01021997n, '9P'],
  [0x00c36400n, 'Ceph'],
  [0x0bd00bd0n, 'Lustre'],
  [0x5346414fn, 'AFS'],
  [0x73757245n, 'Coda'],
  [0x01161970n, 'GFS2'],
  [0x7461636fn, 'OCFS2'],
  [0x47504653n, 'GPFS'],
  [0x19830326n, 'BeeGFS'],
  [0x65735546n, 'FUSE, which may be one of the network'],
]);

function checkFileSystem(path: string): void {
  let type: bigint;
  try {
    type = statfsSync(path, { bigint: true }).type;
  } catch (error) {
    throw explain(error, path, 'looked at', 'folder');
  }
  // Where a long has 32 bits, the numbers above 2 ** 31 are negative.
  const name = process.platform === 'linux' ? shared.get(BigInt.asUintN(32, type)) : undefined;
  if (name === undefined) return;
  const message =
    `the folder '${path}' lies on a network file system (${name}): its locks may not hold between hosts, and the ` +
    'memory that processes share there does not reach other hosts. Choose a local folder; or, if only this host uses ' +
    'it and its locks do hold, say so with { network: true }';
  throw new LockUnsupportedError(message, { lock: path });
}
