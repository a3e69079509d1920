/**
 * A lock by a folder beside the file, as the outside of this thread's queue for it (outer.ts): for file systems where the
 * kernel's locks do not hold. Other programs that use proper-lockfile for the same file take part.
 *
 * Nobody tells when it is free, so whoever waits tries now and then; and whoever has just given it back waits so, too, or
 * a thread that always wants it would keep all others out. Unlike the kernel's it can be lost: see folder-lease.ts.
 *
 * Invariant: `#units` are with those of the thread, all or none; then the lease is Held or Lost.
 */
import { resolve } from 'node:path';
import { LockUnsupportedError } from '../errors.js';
import type { LockLostError } from '../errors.js';
import type { Outer, Turn } from '../outer.js';
import { FolderLease } from './folder-lease.js';
import { ALL } from './kernel-file.js';

/** When others may take it over, in ms: what proper-lockfile does if not told otherwise, and the least it takes. */
const STALE = 10_000;
const LEAST_STALE = 2000;
const MOST_STALE = 2 ** 31 - 2;
/** Between two tries, in ms. */
const PAUSE = { least: 5, most: 20 };
// There is no order of arrival to keep a turn in.
const NoTurn: Turn = { ticket: 0, since: 0 };
const nap = new Int32Array(new SharedArrayBuffer(4));

const pause = (): number => PAUSE.least + Math.random() * (PAUSE.most - PAUSE.least);

export interface LeasedFileOptions {
  /** How long nobody takes it over from a holder who does not refresh it, in ms. All programs must have the same. */
  readonly stale?: number;
}

export class LeasedFile implements Outer {
  recovered = false;
  readonly fair = false;
  readonly others = 'another process or thread';
  /** Nobody says. */
  readonly awaited = true;
  readonly #lease: FolderLease;
  readonly #folder: string;
  readonly #stale: number;
  #units = 0;
  #want = 0;
  #restsUntil = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #wake: (() => void) | undefined = undefined;

  /** Of the file at `path`, which need not be there: the folder is called `path`.lock. */
  constructor(path: string, { stale = STALE }: LeasedFileOptions = {}) {
    if (typeof stale !== 'number') throw new TypeError("'stale' must be a number of ms");
    if (!(stale >= LEAST_STALE && stale <= MOST_STALE))
      throw new RangeError(`'stale' must be from ${LEAST_STALE} to ${MOST_STALE} ms, got ${stale}`);
    this.#folder = `${resolve(path)}.lock`;
    this.#stale = stale;
    this.#lease = new FolderLease(this.#folder, stale);
  }

  /** Is told of a loss, once, while units are with somebody; also from within `lost` and `confirm`. */
  set onLost(told: ((loss: LockLostError) => void) | undefined) {
    this.#lease.onLost = told;
  }

  /** Whether what we took is no longer ours. Reads the clock, so it is true even if no timer ran. */
  get lost(): boolean {
    return this.#lease.lost;
  }

  /** Whether what we took is still ours. Reads the clock and asks the file system. */
  confirm(): boolean {
    return this.#lease.confirm();
  }

  get passable(): boolean {
    return this.#lease.left > this.#stale / 3;
  }

  tryTake(units: number): boolean {
    if (units !== ALL) throw this.#notShared();
    if (this.#units > 0 || !this.#lease.tryTake()) return false;
    this.#units = units;
    if (this.#lease.tookOver) this.recovered = true;
    return true;
  }

  #notShared(): LockUnsupportedError {
    const message =
      `the lock file '${this.#folder}' cannot be shared: take it alone, or use the kernel's locks ` +
      '(ofd or flock) in a folder of a local file system';
    return new LockUnsupportedError(message, { lock: this.#folder });
  }

  /** In short naps, so that a worker can be terminated. */
  take(units: number, ms: number): boolean {
    const deadline = performance.now() + ms;
    while (!this.tryTake(units)) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      Atomics.wait(nap, 0, 0, Math.min(pause(), left));
    }
    return true;
  }

  give(units: number): void {
    this.#units -= units;
    if (this.#units > 0) return;
    this.#lease.release();
    this.#restsUntil = performance.now() + PAUSE.least;
  }

  /** How the one who waits here does so; undefined if nobody waits. */
  get waitsBy(): 'tries' | undefined {
    return this.#want === 0 ? undefined : 'tries';
  }

  begin(units: number): Turn {
    this.#want = units;
    return NoTurn;
  }

  poll(): boolean {
    if (performance.now() < this.#restsUntil || !this.tryTake(this.#want)) return false;
    this.#want = 0;
    return true;
  }

  sleepAsync(): Promise<unknown> {
    return new Promise<void>((wake) => {
      this.#wake = wake;
      this.#timer = setTimeout(wake, pause());
    });
  }

  wakeUp(): void {
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  lookAround(): boolean {
    return false;
  }

  end(): void {
    this.#want = 0;
  }
}
