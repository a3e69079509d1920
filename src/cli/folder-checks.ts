/**
 * What can be wrong with a lock folder, so that processes which should exclude each other do not: who may write there, who
 * else has files there, whether another service sees the same folder. The folder is there by now.
 */
import { accessSync, constants, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nameOf } from '../files/file-names.js';
import { ok, warning, fail } from './findings.js';
import type { Finding } from './findings.js';

/** Who may make, remove and lock files there. */
export function checkAccess(path: string): Finding {
  const { mode, uid } = statSync(path);
  const detail = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, of user ${uid}`;
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)
    return warning(
      'access',
      `${detail}: others may write in it, and remove the lock files of anybody`,
      `let only your services write there, or set its sticky bit: chmod +t ${path}`,
    );
  if (lstatSync(path).isSymbolicLink())
    return warning(
      'access',
      `${detail}; it is a symbolic link`,
      'where the link is changed while services run, they do not exclude each other: name the folder itself',
    );
  return ok('access', detail);
}

/** Whether the files of all users can be locked by this one. */
export function checkUsers(path: string, own: number = process.geteuid?.() ?? 0): Finding {
  const files = readdirSync(path).filter((file) => nameOf(file) !== undefined);
  const closed = files.filter((file) => !mayLock(join(path, file)));
  if (closed.length > 0)
    return fail(
      'users',
      `${closed.length} of ${files.length} lock files cannot be locked by user ${own}: ${closed.slice(0, 3).join(', ')}`,
      'give all services one user, or a group that may write these files and a umask of 002',
    );
  const users = new Set(files.map((file) => ownerOf(join(path, file))).filter((uid) => uid !== undefined));
  users.add(own);
  if (users.size > 1)
    return warning(
      'users',
      `users ${[...users].toSorted((a, b) => a - b).join(', ')} have lock files there`,
      'see that all of them may write all files: what one makes the others must be able to lock',
    );
  return ok('users', `all of ${files.length} lock files belong to user ${own}`);
}

function mayLock(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'; // it was removed just now
  }
}

function ownerOf(file: string): number | undefined {
  return lstatSync(file, { throwIfNoEntry: false })?.uid;
}

/** The folders of other users, where nobody has named one: services of different users do not meet. */
export function checkOwnFolders(path: string): Finding {
  const others = readdirSync(dirname(path)).filter(
    (name) => /^tierlock-\d+$/.test(name) && name !== basename(path),
  );
  if (others.length === 0) return ok('folders', 'no other user of this host has one');
  return warning(
    'folders',
    `other users have folders of their own: ${others.join(', ')}`,
    'programs of different users do not exclude each other: set TIERLOCK_PATH to one folder for all',
  );
}

/** Whether what this process sees there is what the rest of the host does. */
export function checkPrivate(path: string, mounts: string = readMounts()): Finding {
  const root = rootOf(path, mounts);
  if (root !== undefined && /systemd-private-/.test(root))
    return warning(
      'private',
      `it lies in a private /tmp of this service (${root})`,
      "systemd's PrivateTmp gives each service a /tmp of its own: set TIERLOCK_PATH to a folder elsewhere for all",
    );
  if (differsFromInit(path))
    return warning(
      'private',
      'the first process of this system sees another folder there',
      'this is a container, or a service with mounts of its own: mount one folder for all, and name it by TIERLOCK_PATH',
    );
  return ok('private', 'no sign that others see another folder there');
}

function readMounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** What is mounted where the path lies: the folder within its own file system. */
export function rootOf(path: string, mounts: string): string | undefined {
  let best: { at: string; root: string } | undefined;
  for (const line of mounts.split('\n')) {
    const [, , , root, at] = line.split(' ');
    if (root === undefined || at === undefined) continue;
    const inside = path === at || path.startsWith(at === '/' ? '/' : `${at}/`);
    // What was mounted later lies above what was mounted at the same place before.
    if (inside && (best === undefined || at.length >= best.at.length)) best = { at, root };
  }
  return best?.root;
}

/** Only root may look there. */
function differsFromInit(path: string): boolean {
  const here = statSync(path);
  let there: ReturnType<typeof statSync>;
  try {
    there = statSync(join('/proc/1/root', path), { throwIfNoEntry: false });
  } catch {
    return false;
  }
  return there === undefined || there.dev !== here.dev || there.ino !== here.ino;
}
