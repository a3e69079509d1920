/**
 * The kernel's lock on one file, as the outside of this thread's queue for it (outer.ts). Other processes want it, and
 * other threads and other handles in this one: the kernel excludes them all, and this file tells it what our tasks want.
 *
 *   a try        one system call
 *   a wait that may block        the same call, in slices, so that the thread can be ended
 *   a wait that may not          some more tries, because most sections are short; then a thread of the addon's
 *                                waits in our place (native/waits.cc), or, if too many do, we try now and then
 *
 * Invariants
 * - `#units` of ours are held: if all, the kernel has us as exclusive; if some, as shared; if none, not at all.
 * - The file is open if any are held or somebody waits. It may be otherwise.
 * - A ticket is open only between `sleepAsync` and the end of that sleep, and `#granted` only until the next `poll`.
 * - No ticket is open while the last units are given back, nor while a reader becomes the writer: the thread would share
 *   what the kernel takes for one.
 */
import { setImmediate, setTimeout } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import { loadAddon, Locked } from '../addon.js';
import type { Addon } from '../addon.js';
import { MAX_PERMITS } from '../options.js';
import type { Outer, Turn } from '../outer.js';
import { closeFile, explain, forget, openFile } from './open-files.js';
import type { Opener } from './open-files.js';
import { endWait, startWait } from './waits.js';

/** What a writer takes. */
export const ALL: number = MAX_PERMITS;

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

/** How long a blocking call stays in the kernel, in ms: until then a worker cannot be terminated. */
const SLICE = isMainThread ? Infinity : 50;
/** The longest limit that the addon takes. */
const MOST = 1000;
/** How long readers of this thread may join others, whoever waits, in ms. */
const JOINING_MS = 10;
/** How often one tries before a thread is put to wait. */
const TRIES = 16;
/** Between two tries where no thread can wait, in ms. */
const PAUSE = { least: 5, most: 20 };
// There is no order of arrival to keep a turn in.
const NoTurn: Turn = { ticket: 0, since: 0 };

export class KernelFile implements Outer, Opener {
  recovered = false;
  readonly fair = false;
  readonly others = 'another process, thread or handle';
  /** The kernel does not say. So what is passed on inside is bounded always. */
  readonly awaited = true;
  readonly #range: FileRange;
  readonly #how: number;
  readonly #whole: boolean;
  readonly #addon: Addon;
  // What every grant calls: the addon's exports are many, so V8 keeps them in a hash table.
  readonly #tryLockFile: Addon['tryLockFile'];
  readonly #waitLockFile: Addon['waitLockFile'];
  readonly #unlockFile: Addon['unlockFile'];
  #fd = -1;
  #units = 0;
  #want = 0;
  #tries = 0;
  #ticket = 0;
  #granted = false;
  #failure: unknown = undefined;
  #wake: (() => void) | undefined = undefined;
  #used = false;
  #stepsAside = false;
  /** Since when we share it; 0 if we had it for ourselves before. */
  #since = 0;

  constructor(range: FileRange) {
    this.#range = range;
    this.#how = 2 * kinds[range.kind];
    this.#whole = range.start === 0 && range.length === 0;
    this.#addon = loadAddon();
    this.#tryLockFile = this.#addon.tryLockFile;
    this.#waitLockFile = this.#addon.waitLockFile;
    this.#unlockFile = this.#addon.unlockFile;
  }

  /** Others have waited for long: the next try of ours is in vain if they are there. */
  stepAside(): void {
    this.#stepsAside = true;
  }

  tryTake(units: number): boolean {
    if (this.#stepsAside && this.#othersWait()) return false;
    if (this.#units > 0 ? !this.#mayHaveMore(units) : !this.#lock(units, 0)) return false;
    this.#units += units;
    return true;
  }

  /** A reader beside ours, or a reader who wants to be the writer. */
  #mayHaveMore(units: number): boolean {
    if (units === ALL - 1) return this.#convert(1);
    // For a while readers of ours come in whoever waits; then it is the others' turn.
    return performance.now() - this.#since < JOINING_MS || !this.#gateIsClosed();
  }

  /** Has the kernel lock the file; `ms` 0: only if that is possible now. Every grant comes this way: keep it short. */
  #lock(units: number, ms: number): boolean {
    const how = this.#how + (units === ALL ? 1 : 0);
    for (;;) {
      const fd = this.#fd < 0 ? this.#open() : this.#fd;
      let locked: number;
      try {
        locked = ms === 0 ? this.#tryOnce(fd, how) : this.#waitOnce(fd, how, ms);
      } catch (error) {
        this.#closeUnlessHeld();
        throw explain(error, this.#range.path, 'locked');
      }
      if (locked === Locked.Removed) this.#close();
      else if (locked === Locked.Yes) break;
      else return false;
    }
    this.#since = units === ALL ? 0 : performance.now();
    return true;
  }

  #tryOnce(fd: number, how: number): number {
    if (this.#whole) return this.#tryLockFile(fd, how);
    return this.#tryLockFile(fd, how, this.#range.start, this.#range.length);
  }

  #waitOnce(fd: number, how: number, ms: number): number {
    if (this.#whole) return this.#waitLockFile(fd, how, ms);
    return this.#waitLockFile(fd, how, ms, this.#range.start, this.#range.length);
  }

  #convert(exclusive: 0 | 1): boolean {
    const { path, kind, start, length } = this.#range;
    // flock(2) would let go in between, and not come back.
    if (exclusive === 1 && kind === 'flock') return false;
    try {
      return this.#addon.convertLockFile(this.#fd, this.#how + exclusive, start, length) === Locked.Yes;
    } catch (error) {
      throw explain(error, path, 'converted');
    }
  }

  // Whether others wait is not known of flock: there might be some.
  #othersWait(): boolean {
    this.#stepsAside = false;
    return this.#units === 0 && this.#fd >= 0 && (this.#range.kind === 'flock' || this.#gateIsClosed());
  }

  #gateIsClosed(): boolean {
    return this.#addon.isGateClosed(this.#fd, this.#how, this.#range.start, this.#range.length);
  }

  #open(): number {
    return (this.#fd = openFile(this.#range.path, this));
  }

  #close(): void {
    closeFile(this.#fd, this);
    this.#fd = -1;
  }

  /** The next try opens it anew: what was in the way may have gone, and with it goes whatever the kernel has kept. */
  #closeUnlessHeld(): void {
    if (this.#units === 0 && this.#fd >= 0 && !this.#addon.mustStayOpen(this.#fd)) this.#close();
  }

  closeIfIdle(): void {
    const used = this.#used || this.#units > 0 || this.#want > 0;
    this.#used = false;
    if (!used && !this.#addon.mustStayOpen(this.#fd)) this.#close();
  }

  take(units: number, ms: number): boolean {
    // Beside readers of ours always: they could not let go while we wait.
    const joins = this.#units > 0 && units === 1;
    if (!joins && !this.#wait(units, ms)) return false;
    this.#units += units;
    return true;
  }

  #wait(units: number, ms: number): boolean {
    const endless = ms === Infinity;
    const deadline = endless ? Infinity : performance.now() + ms;
    const slice = endless ? SLICE : Math.min(SLICE, MOST);
    for (let left = ms; ; left = endless ? ms : deadline - performance.now()) {
      if (this.#lock(units, Math.max(0, Math.min(left, slice)))) return true;
      if (left <= 0) return false;
    }
  }

  give(units: number): void {
    this.#units -= units;
    this.#used = true;
    if (this.#units === 0) this.#letGo();
    else if (units >= ALL - 1) this.#convert(0);
  }

  #letGo(): void {
    // A thread that waits with our descriptor may have got just now what we would give away.
    if (this.#ticket !== 0) this.#end();
    if (!this.#granted && this.#fd >= 0) this.#unlock();
  }

  #unlock(): void {
    const { start, length } = this.#range;
    if (this.#whole) this.#unlockFile(this.#fd, this.#how);
    else this.#unlockFile(this.#fd, this.#how, start, length);
  }

  /** The process that holds it, 0 if nobody does, -1 if the kernel does not say. We must not hold it. */
  holder(): number {
    const fd = this.#fd < 0 ? this.#open() : this.#fd;
    const { path, start, length } = this.#range;
    try {
      return this.#addon.whoLocksFile(fd, this.#how + 1, start, length);
    } catch (error) {
      throw explain(error, path, 'looked at');
    }
  }

  begin(units: number): Turn {
    this.#want = units;
    this.#tries = 0;
    return NoTurn;
  }

  poll(): boolean {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#ticket !== 0) return false;
    if (this.#granted) {
      this.#granted = false;
      this.#units += this.#want;
    } else if (!this.tryTake(this.#want)) {
      return false;
    }
    this.#want = 0;
    return true;
  }

  sleepAsync(): Promise<unknown> {
    return new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#tries++ < TRIES) {
        setImmediate(resolve);
        return;
      }
      const { start, length } = this.#range;
      const how = this.#how + (this.#want === ALL ? 1 : 0);
      this.#ticket = startWait(this.#addon, this.#fd, how, start, length, () => this.#end());
      if (this.#ticket === 0) setTimeout(resolve, PAUSE.least + Math.random() * (PAUSE.most - PAUSE.least));
    });
  }

  wakeUp(): void {
    if (this.#ticket !== 0) this.#end();
    this.#wake?.();
  }

  /** Ends the thread's wait, and keeps what it has got. */
  #end(): void {
    const ticket = this.#ticket;
    this.#ticket = 0;
    try {
      const locked = endWait(this.#addon, ticket);
      if (locked === Locked.Yes) this.#granted = true;
      if (locked === Locked.Removed) this.#close();
      if (locked === Locked.Left) this.#leave();
    } catch (error) {
      this.#failure = explain(error, this.#range.path, 'locked');
    }
    this.#wake?.();
  }

  #leave(): void {
    this.#fd = -1;
    forget(this);
  }

  lookAround(): boolean {
    return false;
  }

  end(): void {
    this.#want = 0;
    this.#failure = undefined;
    if (this.#ticket !== 0) this.#end();
    const granted = this.#granted;
    this.#granted = false;
    if (granted && this.#units === 0) this.#unlock();
  }
}
