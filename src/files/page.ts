/**
 * The page of a folder: the file `.tierlock`, mapped by every process that uses the folder, so that they share a few
 * words. Whoever makes or mends it has the file locked; all else is done with Atomics, without asking the system.
 *
 *   0  MAGIC    0 until all below is made, so whoever finds another value may use it
 *   1  LAYOUT   of this table and of the records
 *   2  VIA      how the folder's locks are taken; 0 if nobody has said so yet
 *   4  BOOT     64 bits: the boot in which the page was made or mended
 *   6  FLOOR    64 bits: what TOKENS began with then
 *   16 TOKENS   64 bits, in a cache line that it shares with nothing: the last token
 *   32 the holders' records (records.ts)
 *
 * What is promised of tokens: each is greater than any that was drawn in this folder before,
 * - while the system is up, whoever dies;
 * - after it went down, in whatever state the page came back: that may be old, so TOKENS jumps by 2 ** 32, and at least
 *   to the clock's ms times 2 ** 10;
 * - after the page was removed or wiped, if the clock has not been set back and no more than a thousand tokens a ms were
 *   drawn on average since the folder was made: so long the clock is ahead of them;
 * - or there is an error: whoever sees TOKENS go back, or outside of what can be, draws none.
 * While processes use a page that was removed, they and those who came later draw from different ones.
 *
 * Invariants
 * - TOKENS, under one boot, only grows. FLOOR <= TOKENS < 2 ** 60.
 * - The file is never cut short, and all of it has been written to: so no store into it lacks room on the disk.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Locked } from '../addon.js';
import type { Addon } from '../addon.js';
import { LockBackendError } from '../errors.js';
import { PAGE } from './file-names.js';
import { explain } from './open-files.js';
import { bootId } from './system.js';

const MAGIC = 0;
const LAYOUT = 1;
const VIA = 2;
const BOOT = 2; // as 64-bit words from here on
const FLOOR = 3;
const TOKENS = 8;

/** Where the records begin, in 32-bit words, and how many words they have. */
export const RECORDS: { readonly at: number; readonly words: number } = { at: 32, words: 1024 * 16 };
/** How long the page is. */
export const PAGE_BYTES: number = 4 * (RECORDS.at + RECORDS.words);

const OURS = 0x6b636c74; // 'tlck', where the low byte comes first
const VERSION = 1;
const JUMP = 1n << 32n;
const END = 1n << 60n;
// Nobody has it locked for longer than it takes to write a page.
const PATIENCE_MS = 5000;
const SLICE_MS = 50;
const OFD_EXCLUSIVE = 1;

/** The words of a page, and what they mean. Always the same memory for the same file. */
export class Page {
  readonly path: string;
  readonly words: Int32Array<ArrayBuffer>;
  readonly longs: BigInt64Array<ArrayBuffer>;
  #latest: bigint;

  /** Of a page that is ready. */
  constructor(path: string, memory: ArrayBuffer) {
    this.path = path;
    this.words = new Int32Array(memory);
    this.longs = new BigInt64Array(memory);
    this.#latest = check(this.longs, Atomics.load(this.longs, TOKENS), path);
  }

  /** A number greater than any that was drawn here before. */
  nextToken(): bigint {
    const token = Atomics.add(this.longs, TOKENS, 1n) + 1n;
    if (token <= this.#latest) return this.fail('its counter has gone back');
    return (this.#latest = check(this.longs, token, this.path));
  }

  /** The last one that anybody has drawn. */
  get lastToken(): bigint {
    return Atomics.load(this.longs, TOKENS);
  }

  /** How the locks are taken: what was said first, if anybody has. `via` is a number from 1 on; 0 only asks. */
  agree(via: number): number {
    return Atomics.compareExchange(this.words, VIA, 0, via) || via;
  }

  /** Throws that the page cannot be used. */
  fail(why: string): never {
    throw damaged(this.path, why);
  }
}

/** The page of that folder; made, if it has none. */
export function openPage(addon: Addon, folder: string): Page {
  const path = join(folder, PAGE);
  const boot = bootId();
  for (;;) {
    const fd = open(path);
    try {
      const page = tryReady(addon, fd, path, boot) ?? makeReady(addon, fd, path, boot);
      if (page !== undefined) return page;
    } finally {
      closeSync(fd);
    }
  }
}

const { O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

function open(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0o666);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw damaged(path, 'it is a symbolic link');
    throw explain(error, path, 'opened');
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw damaged(path, 'it is no regular file');
}

function tryReady(addon: Addon, fd: number, path: string, boot: bigint): Page | undefined {
  if (fstatSync(fd).size < PAGE_BYTES) return undefined;
  const memory = map(addon, fd, path);
  return isReady(memory, path, boot) ? new Page(path, memory) : undefined;
}

/** Undefined if the file has been removed meanwhile. */
function makeReady(addon: Addon, fd: number, path: string, boot: bigint): Page | undefined {
  if (!lock(addon, fd, path)) return undefined;
  try {
    const [magic] = firstWord(fd);
    if (magic !== 0 && magic !== OURS) throw damaged(path, 'it is no page of tierlock');
    grow(fd, path);
    const memory = map(addon, fd, path);
    if (!isReady(memory, path, boot)) begin(memory, boot);
    return new Page(path, memory);
  } finally {
    // To close it would not do: what is mapped keeps the open file, and that keeps its lock.
    addon.unlockFile(fd, OFD_EXCLUSIVE);
  }
}

/** False if the file has been removed. */
function lock(addon: Addon, fd: number, path: string): boolean {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    let locked: number;
    try {
      locked = addon.tryLockFile(fd, OFD_EXCLUSIVE);
      if (locked === Locked.Taken) locked = addon.waitLockFile(fd, OFD_EXCLUSIVE, SLICE_MS);
    } catch (error) {
      throw explain(error, path, 'locked');
    }
    if (locked === Locked.Yes) return true;
    if (locked === Locked.Removed) return false;
    if (performance.now() < deadline) continue;
    const message = `'${path}' stays locked by another process, which is stopped, or is none of tierlock's: end it`;
    throw new LockBackendError(message, { lock: path });
  }
}

/** 0 where the file has none yet. */
function firstWord(fd: number): Int32Array {
  const word = new Int32Array(1);
  readSync(fd, word, 0, 4, 4 * MAGIC);
  return word;
}

/** Writes, where the file has not been written yet: a full disk is an error here, and would be a signal later. */
function grow(fd: number, path: string): void {
  let { size } = fstatSync(fd);
  const zeroes = Buffer.alloc(PAGE_BYTES);
  try {
    while (size < PAGE_BYTES) size += writeSync(fd, zeroes, 0, PAGE_BYTES - size, size);
  } catch (error) {
    throw explain(error, path, 'made');
  }
}

function map(addon: Addon, fd: number, path: string): ArrayBuffer {
  try {
    return addon.mapFile(fd, PAGE_BYTES);
  } catch (error) {
    throw explain(error, path, 'mapped into memory');
  }
}

/** Whether nobody has to touch it before it can be used. Throws if nobody may. */
function isReady(memory: ArrayBuffer, path: string, boot: bigint): boolean {
  const words = new Int32Array(memory);
  const magic = Atomics.load(words, MAGIC);
  if (magic === 0) return false;
  if (magic !== OURS) throw damaged(path, 'it is no page of tierlock');
  const layout = Atomics.load(words, LAYOUT);
  if (layout === VERSION) {
    const longs = new BigInt64Array(memory);
    check(longs, Atomics.load(longs, TOKENS), path);
    return Atomics.load(longs, BOOT) === boot;
  }
  const message =
    `'${path}' was made by another release of tierlock (layout ${layout}; this one has ${VERSION}): have all ` +
    'processes of this host use one release, stop them and remove the file; or give some of them another lockPath';
  throw new LockBackendError(message, { lock: path });
}

/** A token, if it can be one. */
function check(longs: BigInt64Array, token: bigint, path: string): bigint {
  if (token >= Atomics.load(longs, FLOOR) && token < END) return token;
  throw damaged(path, 'its counter is none');
}

/** The first use of a page, or the first after a boot. Its tokens stay, and whoever held something is gone. */
function begin(memory: ArrayBuffer, boot: bigint): void {
  const words = new Int32Array(memory);
  const longs = new BigInt64Array(memory);
  const clock = BigInt(Date.now()) << 10n;
  const last = Atomics.load(longs, TOKENS);
  const jumped = last >= 0n && last < END ? last + JUMP : 0n;
  const from = jumped > clock ? jumped : clock;
  // If we die on the way, whoever comes next begins anew.
  Atomics.store(words, MAGIC, 0);
  if (last < 0n || last >= END) Atomics.store(longs, TOKENS, 0n);
  raise(longs, from);
  Atomics.store(longs, FLOOR, from);
  words.fill(0, RECORDS.at);
  Atomics.store(words, LAYOUT, VERSION);
  Atomics.store(longs, BOOT, boot);
  Atomics.store(words, MAGIC, OURS);
}

/** Somebody who still has it mapped may draw at the same time. */
function raise(longs: BigInt64Array, from: bigint): void {
  for (;;) {
    const last = Atomics.load(longs, TOKENS);
    if (last >= from || Atomics.compareExchange(longs, TOKENS, last, from) === last) return;
  }
}

function damaged(path: string, why: string): LockBackendError {
  const message =
    `'${path}' cannot be used: ${why}. Something else has written there: stop all that use the folder, and remove the ` +
    'file; or choose another lockPath';
  return new LockBackendError(message, { lock: path });
}
