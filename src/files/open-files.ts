/**
 * The files that this thread has open for their locks. To open a file costs more than to lock it, so it stays open for
 * a second after its last use; and not more than a hundred do that nobody uses.
 *
 * Invariant: the timer runs if and only if a file is open, and never keeps the event loop alive.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { constants as system } from 'node:os';
import { LockBackendError } from '../errors.js';
import { nobody } from '../nobody.js';

const SWEEP_MS = 1000;
const MOST_IDLE = 100;

/** Somebody who has a file open. */
export interface Opener {
  /** Closes it if it has not been used since the last call. */
  closeIfIdle(): void;
}

const openers = new Set<Opener>();
let timer: NodeJS.Timeout | undefined;

/** Opens the file at `path`, and makes it if there is none. */
export function openFile(path: string, opener: Opener): number {
  if (openers.size >= MOST_IDLE) sweep();
  const fd = openAfterSweep(path);
  openers.add(opener);
  timer ??= nobody.runInAsyncScope(() => setInterval(sweep, SWEEP_MS).unref());
  return fd;
}

function openAfterSweep(path: string): number {
  try {
    return open(path);
  } catch (error) {
    const cause = (error as LockBackendError).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code !== 'EMFILE' && cause?.code !== 'ENFILE') throw error;
    // What is kept open for later is in the way now. The first round only finds out what is not used.
    sweep();
    sweep();
    return open(path);
  }
}

/** Closes it. */
export function closeFile(fd: number, opener: Opener): void {
  closeSync(fd);
  forget(opener);
}

/** Somebody else closes it. */
export function forget(opener: Opener): void {
  openers.delete(opener);
  if (openers.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function sweep(): void {
  for (const opener of openers) opener.closeIfIdle();
}

// Without waiting for the other end of what turns out to be a pipe.
const { O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

function open(path: string): number {
  const flags = O_NOCTTY | O_NONBLOCK;
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | flags, 0o666);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw explain(error, path, 'opened');
    try {
      // Who may only read can share it, and flock does not ask.
      fd = openSync(path, O_RDONLY | flags);
    } catch {
      throw explain(error, path, 'opened');
    }
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new LockBackendError(`'${path}' is no regular file: name a file of its own for the lock`, {
    lock: path,
  });
}

const remedies: Readonly<Record<string, string>> = {
  EACCES: 'this user must be allowed to write the file, and to make it in its folder if it is not there',
  EPERM: 'this user must be allowed to write the file',
  EROFS: 'the file system is read-only: choose a folder that can be written',
  ENOENT: 'its folder does not exist: make it first',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder: name a file in it',
  ENAMETOOLONG: 'choose a shorter name',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's share of the disk is full",
  EMFILE: 'this process has too many files open: close some, or raise its limit (ulimit -n)',
  ENFILE: 'the system has too many files open',
  ELOOP: 'its symbolic links lead nowhere',
  ENOLCK:
    'the file system, perhaps one of the network, has no locks left or does not do them: choose a local folder',
  ENOTSUP: 'the file system does not do locks: choose a local folder',
  EINVAL: 'the file system does not do locks of this kind: choose a local folder, or another kind',
  EBADF: 'an exclusive lock of this kind needs the right to write the file, a shared one to read it',
};

const foldersRemedies: Readonly<Record<string, string>> = {
  EACCES:
    'this user must be allowed to write in it, and to make it if it is not there; or choose another lockPath',
  EPERM: 'this user must be allowed to write in it; or choose another lockPath',
  ENOENT: 'the folder around it does not exist',
};

// libuv does not know all of them: not ENOLCK, for one.
function codeOf({ code = '' }: NodeJS.ErrnoException): string {
  const number = -Number(/^Unknown system error (-\d+)$/.exec(code)?.[1]);
  return Object.entries(system.errno).find(([, each]) => each === number)?.[0] ?? code;
}

/** An error of the system, with what to do about it. */
export function explain(
  error: unknown,
  path: string,
  what: string,
  thing: 'lock file' | 'folder' = 'lock file',
): LockBackendError {
  const { message } = error as NodeJS.ErrnoException;
  const code = codeOf(error as NodeJS.ErrnoException);
  const remedy = (thing === 'folder' ? foldersRemedies[code] : undefined) ?? remedies[code] ?? message;
  return new LockBackendError(`the ${thing} '${path}' could not be ${what} (${code}): ${remedy}`, {
    lock: path,
    cause: error,
  });
}
