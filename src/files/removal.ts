/**
 * Removes lock files that nobody uses. A file that is removed while somebody holds it, or waits for it, would split them
 * from those who make it anew. So whoever removes one holds its locks meanwhile, of both kinds, and all takers of this
 * package look, once they hold a file, whether it still has a name (native/file_lock_linux.cc), and else begin anew.
 *
 * Left alone is what may not be ours: names that `fileOf` never gives, what is no regular file, and what has anything in
 * it, because our lock files are empty. And the page, always: the counter in it must not begin again.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Locked } from '../addon.js';
import type { Addon } from '../addon.js';
import { nameOf } from './file-names.js';
import { explain } from './open-files.js';

/** What became of a file. `left`: not ours to remove, or not there. */
export type Removal = 'removed' | 'in use' | 'left';

/** What became of a folder's lock files, by their names. */
export interface Cleaned {
  readonly removed: readonly string[];
  readonly inUse: readonly string[];
}

/** Removes all that it may; in a dry run, nothing, but it looks as if it would. */
export function cleanFolder(addon: Addon, folder: string, dryRun = false): Cleaned {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (error) {
    throw explain(error, folder, 'read', 'folder');
  }
  const removed: string[] = [];
  const inUse: string[] = [];
  for (const file of files) {
    if (nameOf(file) === undefined) continue;
    const removal = removeFile(addon, folder, file, dryRun);
    if (removal === 'removed') removed.push(file);
    else if (removal === 'in use') inUse.push(file);
  }
  return { removed, inUse };
}

/** Removes that one, which is the file of some name, if it may. */
export function removeFile(addon: Addon, folder: string, file: string, dryRun = false): Removal {
  const path = join(folder, file);
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
  } catch (error) {
    if (ours.has((error as NodeJS.ErrnoException).code ?? '')) throw explain(error, path, 'opened');
    return 'left';
  }
  try {
    return removeOpen(addon, fd, path, dryRun);
  } catch (error) {
    throw explain(error, path, 'removed');
  } finally {
    closeSync(fd); // and with it go the locks
  }
}

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const OFD_EXCLUSIVE = 1;
const FLOCK_EXCLUSIVE = 3;
/** What is not a property of the file. */
const ours: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EROFS']);

function removeOpen(addon: Addon, fd: number, path: string, dryRun: boolean): Removal {
  const opened = fstatSync(fd, { bigint: true });
  if (!opened.isFile() || opened.size > 0n) return 'left';
  for (const how of [OFD_EXCLUSIVE, FLOCK_EXCLUSIVE]) {
    const locked = addon.tryLockFile(fd, how);
    if (locked === Locked.Taken) return 'in use';
    if (locked === Locked.Removed) return 'left';
  }
  // The name may lead to another file by now, which we have not locked.
  const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (named?.ino !== opened.ino || named.dev !== opened.dev) return 'left';
  if (dryRun) return 'removed';
  try {
    unlinkSync(path);
    return 'removed';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not ours to remove; or somebody did, without asking anybody.
    if (code === 'EPERM' || code === 'EACCES' || code === 'ENOENT') return 'left';
    throw error;
  }
}
