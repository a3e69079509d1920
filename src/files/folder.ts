/**
 * The folder of lock files that the processes of a host have in common: one file for each name, made when it is first
 * needed, and one page (page.ts) for what they tell each other.
 *
 * Invariants
 * - A thread has one `Folder` for a path and a way to name files. It stays until the thread ends: names that are in use
 *   refer to it, and its memory would stay in any case.
 * - Who uses a folder that was made for this user keeps it from programs that remove old files: systemd-tmpfiles leaves
 *   alone what lies in a folder that is locked by flock(2).
 */
import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { loadAddon } from '../addon.js';
import type { Addon } from '../addon.js';
import { LockMisuseError, LockUnsupportedError } from '../errors.js';
import { fileOf, nameOf, osloFileOf, PAGE } from './file-names.js';
import type { NameKind, NameOfFile, Naming } from './file-names.js';
import { explain } from './open-files.js';
import { openPage } from './page.js';
import type { Page } from './page.js';
import { findPlace } from './place.js';
import type { Place, PlaceOptions } from './place.js';
import { hashOf, Records } from './records.js';
import type { Hash, HeldMode, Holder, HolderRecord } from './records.js';
import { cleanFolder, removeFile } from './removal.js';
import type { Cleaned, Removal } from './removal.js';
import { myself } from './system.js';

/** How the locks of a folder are taken. */
export type Via = 'ofd' | 'flock' | 'mapped' | 'lockfile';
// In the page they are numbered from 1 on, in this order.
const vias: readonly Via[] = ['ofd', 'flock', 'mapped', 'lockfile'];

/** Which folder. */
export interface FolderOptions extends PlaceOptions {
  /** How names become files. `oslo` is for folders that programs with oslo.concurrency use as well. */
  readonly naming?: Naming;
}

/** What a folder has for one name: its file, and who holds it. */
export interface Entry {
  /** The path of the lock file, which need not be there. */
  readonly path: string;
  /** Says that we hold it, which must be so; to be cleared before that ends. Asks nothing of the system. */
  record(mode: HeldMode, token: bigint): HolderRecord;
  /** Who holds it, as far as is known: see `Records`. Does not take the lock. */
  holder(): Holder | 'unknown' | undefined;
  /** All who share it, as far as is known. */
  holders(): Holder[];
}

const folders = new Map<string, Folder>();

/** This thread's folder at that place; found and made as place.ts says. */
export function openFolder(options: FolderOptions = {}): Folder {
  const { naming = 'tierlock', ...where } = options;
  if (naming !== 'tierlock' && naming !== 'oslo')
    throw new TypeError("'naming' must be 'tierlock' or 'oslo'");
  const place = findPlace(where);
  const key = `${naming}:${place.path}`;
  let folder = folders.get(key);
  if (folder === undefined) folders.set(key, (folder = new Folder(place, naming)));
  return folder;
}

export class Folder {
  /** Absolute. */
  readonly path: string;
  readonly naming: Naming;
  readonly #addon: Addon;
  readonly #page: Page;
  readonly #records: Records;

  /** Of a place that is there: use `openFolder`. */
  constructor({ path, own }: Place, naming: Naming = 'tierlock') {
    this.path = path;
    this.naming = naming;
    this.#addon = loadAddon();
    if (own) keep(this.#addon, path);
    this.#page = openPage(this.#addon, path);
    this.#records = new Records(this.#page, myself(this.#addon.threadId()));
    this.#records.sweep();
  }

  /** How the locks here are taken; undefined if nobody has said so yet. */
  get via(): Via | undefined {
    return this.#viaOf(this.#page.agree(0));
  }

  /** Says how the locks here are taken. Throws a `LockMisuseError` if somebody has said otherwise before. */
  agree(via: Via): void {
    const number = vias.indexOf(via) + 1;
    if (number === 0) throw new TypeError(`'via' must be one of ${vias.join(', ')}`);
    const said = this.#viaOf(this.#page.agree(number));
    if (said === via) return;
    const message =
      `the locks of the folder '${this.path}' are taken via '${said}', so '${via}' would not keep those out: use ` +
      `'${said}', or another lockPath; or stop all that use the folder, and remove '${join(this.path, PAGE)}'`;
    throw new LockMisuseError(message, { lock: this.path });
  }

  #viaOf(number: number): Via | undefined {
    if (number === 0) return undefined;
    return vias[number - 1] ?? this.#page.fail('it says no way to take locks');
  }

  /** A number greater than any that was drawn in this folder before: see page.ts. Asks nothing of the system. */
  nextToken(): bigint {
    return this.#page.nextToken();
  }

  /** What there is for that name under that prefix. */
  entry(kind: NameKind, name: string, prefix = ''): Entry {
    const file = this.fileOf(kind, name, prefix);
    return new FileEntry(join(this.path, file), this.#records, hashOf(file));
  }

  /** The name of its file. */
  fileOf(kind: NameKind, name: string, prefix = ''): string {
    return this.naming === 'oslo' ? osloFileOf(kind, name, prefix) : fileOf(kind, name, prefix);
  }

  /** What a file is called after; undefined if that cannot be told. */
  nameOf(file: string): NameOfFile | undefined {
    return this.naming === 'oslo' ? undefined : nameOf(file);
  }

  /** Removes the lock files that nobody uses, and forgets holders who are dead. In a dry run it only looks. */
  clean({ dryRun = false }: { readonly dryRun?: boolean } = {}): Cleaned {
    if (this.naming === 'oslo') this.#refuseToClean();
    this.#records.sweep();
    return cleanFolder(this.#addon, this.path, dryRun);
  }

  /**
   * Removes the lock file of that name, if nobody holds it. Whoever of this package waits for it notices. A program with
   * oslo.concurrency does not, so there the caller must know that none has it open.
   */
  remove(kind: NameKind, name: string, prefix = ''): Removal {
    return removeFile(this.#addon, this.path, this.fileOf(kind, name, prefix));
  }

  #refuseToClean(): never {
    const message =
      `the lock files of '${this.path}' cannot be removed while the folder is used: oslo.concurrency does not notice ` +
      'it, and processes would lock different files. Stop all that use the folder, and remove them by hand';
    throw new LockUnsupportedError(message, { lock: this.path });
  }
}

class FileEntry implements Entry {
  readonly path: string;
  readonly #records: Records;
  readonly #hash: Hash;

  constructor(path: string, records: Records, hash: Hash) {
    this.path = path;
    this.#records = records;
    this.#hash = hash;
  }

  record(mode: HeldMode, token: bigint): HolderRecord {
    return this.#records.write(this.#hash, mode, token);
  }

  holder(): Holder | 'unknown' | undefined {
    return this.#records.read(this.#hash);
  }

  holders(): Holder[] {
    return this.#records.readAll(this.#hash);
  }
}

const FLOCK_SHARED = 2;

/** Locks the folder itself, until this thread ends. In vain if somebody is removing something just now. */
function keep(addon: Addon, path: string): void {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    addon.tryLockFile(fd, FLOCK_SHARED);
  } catch (error) {
    throw explain(error, path, 'locked', 'folder');
  }
}
