/**
 * One range of a file, as this thread asks the kernel for the lock on it: each call here is one call of the addon. The file
 * is opened when it is first needed, and opened anew if it turns out that it was removed.
 *
 * Invariant: what the kernel has given is only with a file that is open; who holds anything keeps it so.
 */
import { loadAddon, Locked } from '../addon.js';
import type { Addon } from '../addon.js';
import { closeFile, explain, forget, openFile } from './open-files.js';
import type { Opener } from './open-files.js';
import { endWait, startWait } from './waits.js';

export const kinds = { ofd: 0, flock: 1, posix: 2 } as const;
export type FileKind = keyof typeof kinds;

/** What of which file. */
export interface FileRange {
  readonly path: string;
  readonly kind: FileKind;
  readonly start: number;
  /** 0: up to its end. */
  readonly length: number;
}

type Exclusive = 0 | 1;

export class RangeLock implements Opener {
  readonly range: FileRange;
  readonly #how: number;
  readonly #whole: boolean;
  readonly #addon: Addon;
  // What every grant calls: the addon's exports are many, so V8 keeps them in a hash table.
  readonly #tryLockFile: Addon['tryLockFile'];
  readonly #waitLockFile: Addon['waitLockFile'];
  readonly #unlockFile: Addon['unlockFile'];
  readonly #inUse: () => boolean;
  #fd = -1;
  #used = false;

  /** `inUse` says whether somebody holds it or waits for it. */
  constructor(range: FileRange, inUse: () => boolean) {
    this.range = range;
    this.#how = 2 * kinds[range.kind];
    this.#whole = range.start === 0 && range.length === 0;
    this.#addon = loadAddon();
    this.#tryLockFile = this.#addon.tryLockFile;
    this.#waitLockFile = this.#addon.waitLockFile;
    this.#unlockFile = this.#addon.unlockFile;
    this.#inUse = inUse;
  }

  /** Locks it, blocking for at most `ms`; 0: only if that is possible now. Every grant comes this way: keep it short. */
  lock(exclusive: Exclusive, ms: number): boolean {
    const how = this.#how + exclusive;
    for (;;) {
      const fd = this.#fd < 0 ? this.#open() : this.#fd;
      let locked: number;
      try {
        locked = ms === 0 ? this.#tryOnce(fd, how) : this.#waitOnce(fd, how, ms);
      } catch (error) {
        this.#closeUnlessHeld();
        throw explain(error, this.range.path, 'locked');
      }
      if (locked === Locked.Removed) this.#close();
      else return locked === Locked.Yes;
    }
  }

  #tryOnce(fd: number, how: number): number {
    if (this.#whole) return this.#tryLockFile(fd, how);
    return this.#tryLockFile(fd, how, this.range.start, this.range.length);
  }

  #waitOnce(fd: number, how: number, ms: number): number {
    if (this.#whole) return this.#waitLockFile(fd, how, ms);
    return this.#waitLockFile(fd, how, ms, this.range.start, this.range.length);
  }

  unlock(): void {
    this.#used = true;
    if (this.#fd < 0) return;
    if (this.#whole) this.#unlockFile(this.#fd, this.#how);
    else this.#unlockFile(this.#fd, this.#how, this.range.start, this.range.length);
  }

  /** Of one who holds it: the other mode, without letting go, if that is possible now. */
  convert(exclusive: Exclusive): boolean {
    const { path, kind, start, length } = this.range;
    // flock(2) would let go in between, and not come back.
    if (exclusive === 1 && kind === 'flock') return false;
    try {
      return this.#addon.convertLockFile(this.#fd, this.#how + exclusive, start, length) === Locked.Yes;
    } catch (error) {
      throw explain(error, path, 'converted');
    }
  }

  /** Whether somebody waits whom a newcomer should let in first. Not known of flock. */
  get gateIsClosed(): boolean {
    const { start, length } = this.range;
    return this.#fd >= 0 && this.#addon.isGateClosed(this.#fd, this.#how, start, length);
  }

  /** The process that holds it, 0 if nobody does, -1 if the kernel does not say. We must not hold it. */
  holder(): number {
    const fd = this.#fd < 0 ? this.#open() : this.#fd;
    const { path, start, length } = this.range;
    try {
      return this.#addon.whoLocksFile(fd, this.#how + 1, start, length);
    } catch (error) {
      throw explain(error, path, 'looked at');
    }
  }

  /** Has a thread wait for it: a ticket; 0 if as many wait as may. `done` is called when it is time to end that. */
  startWait(exclusive: Exclusive, done: () => void): number {
    const { start, length } = this.range;
    return startWait(this.#addon, this.#fd, this.#how + exclusive, start, length, done);
  }

  /** Ends such a wait: whether it is locked. */
  endWait(ticket: number): boolean {
    let locked: number;
    try {
      locked = endWait(this.#addon, ticket);
    } catch (error) {
      throw explain(error, this.range.path, 'locked');
    }
    if (locked === Locked.Removed) this.#close();
    if (locked === Locked.Left) this.#leave();
    return locked === Locked.Yes;
  }

  #open(): number {
    return (this.#fd = openFile(this.range.path, this));
  }

  #close(): void {
    closeFile(this.#fd, this);
    this.#fd = -1;
  }

  /** Somebody else closes it. */
  #leave(): void {
    this.#fd = -1;
    forget(this);
  }

  /** The next try opens it anew: what was in the way may have gone, and with it goes whatever the kernel has kept. */
  #closeUnlessHeld(): void {
    if (!this.#inUse() && this.#fd >= 0 && !this.#addon.mustStayOpen(this.#fd)) this.#close();
  }

  closeIfIdle(): void {
    const used = this.#used || this.#inUse();
    this.#used = false;
    if (!used && !this.#addon.mustStayOpen(this.#fd)) this.#close();
  }
}
