/**
 * The kernel's lock on one file, as the outside of this thread's queue for it (outer.ts). Other processes want it, and
 * other threads and other handles in this one: the kernel excludes them all, and this file tells it what our tasks want.
 *
 *   a try        one system call
 *   a wait that may block        the same call, in slices, so that the thread can be ended
 *   a wait that may not          some more tries, because most sections are short; then a thread of the addon's
 *                                waits in our place (native/waits.cc), or, if too many do, we try now and then
 *
 * The kernel wakes those who wait, and whoever is quicker gets it: that would always be a thread which gives it back
 * and wants it again. So when it has gone round in this thread for as long as it may, the thread steps aside: it does not
 * try as long as somebody stands at the gate (native/file_lock.h), and, because not all whom it keeps out do, leaves it
 * alone for a millisecond now and then.
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
import { MAX_PERMITS } from '../options.js';
import type { Outer, Turn } from '../outer.js';
import { RangeLock } from './range-lock.js';
import type { FileKind, FileRange } from './range-lock.js';

/** What a writer takes. */
export const ALL: number = MAX_PERMITS;

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
/** For how long a thread leaves alone what it has given back, in ms, and how often: where no gate tells who waits, and elsewhere. */
const ASIDE_MS = 1;
const ASIDE_EVERY = { flock: 10, ofd: 50, posix: 50 } as const;
// There is no order of arrival to keep a turn in.
const NoTurn: Turn = { ticket: 0, since: 0 };

export class KernelFile implements Outer {
  recovered = false;
  readonly fair = false;
  readonly others = 'another process, thread or handle';
  /** The kernel does not say. So what is passed on inside is bounded always. */
  readonly awaited = true;
  readonly kind: FileKind;
  readonly #lock: RangeLock;
  #units = 0;
  #want = 0;
  #tries = 0;
  #ticket = 0;
  #granted = false;
  #failure: unknown = undefined;
  #wake: (() => void) | undefined = undefined;
  /** Since when we share it; 0 if we had it for ourselves before. */
  #since = 0;
  /** Whether we let others go first, until when at least, and since when that was so last. */
  #aside = false;
  #asideUntil = 0;
  #lastAside = -Infinity;

  readonly #asideEvery: number;

  constructor(range: FileRange) {
    this.kind = range.kind;
    this.#asideEvery = ASIDE_EVERY[range.kind];
    this.#lock = new RangeLock(range, () => this.#units > 0 || this.#want > 0);
  }

  /** What is about to be given back has gone round here for long: others go first. */
  stepAside(): void {
    this.#aside = true;
    const now = performance.now();
    if (now - this.#lastAside < this.#asideEvery) return;
    this.#lastAside = now;
    this.#asideUntil = now + ASIDE_MS;
  }

  #letsOthersGo(): boolean {
    if (this.#units === 0 && (performance.now() < this.#asideUntil || this.#lock.gateIsClosed)) return true;
    return (this.#aside = false);
  }

  tryTake(units: number): boolean {
    if (this.#aside && this.#letsOthersGo()) return false;
    if (this.#units > 0 ? !this.#mayHaveMore(units) : !this.#take(units, 0)) return false;
    this.#units += units;
    return true;
  }

  /** A reader beside ours, or a reader who wants to be the writer. */
  #mayHaveMore(units: number): boolean {
    if (units === ALL - 1) return this.#lock.convert(1);
    // For a while readers of ours come in whoever waits; then it is the others' turn.
    return performance.now() - this.#since < JOINING_MS || !this.#lock.gateIsClosed;
  }

  #take(units: number, ms: number): boolean {
    if (!this.#lock.lock(units === ALL ? 1 : 0, ms)) return false;
    this.#since = units === ALL ? 0 : performance.now();
    return true;
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
      if (this.#take(units, Math.max(0, Math.min(left, slice)))) return true;
      if (left <= 0) return false;
    }
  }

  give(units: number): void {
    this.#units -= units;
    if (this.#units === 0) this.#letGo();
    else if (units >= ALL - 1) this.#lock.convert(0);
  }

  #letGo(): void {
    // A thread that waits with our descriptor may have got just now what we would give away.
    if (this.#ticket !== 0) this.#end();
    if (!this.#granted) this.#lock.unlock();
  }

  /** The process that holds it, 0 if nobody does, -1 if the kernel does not say. We must not hold it. */
  holder(): number {
    return this.#lock.holder();
  }

  /** How the one who waits here does so now; undefined if nobody waits. */
  get waitsBy(): 'thread' | 'tries' | undefined {
    if (this.#want === 0) return undefined;
    return this.#ticket === 0 ? 'tries' : 'thread';
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
      if (this.#aside && performance.now() < this.#asideUntil) {
        setTimeout(resolve, ASIDE_MS);
        return;
      }
      if (this.#tries++ < TRIES) {
        setImmediate(resolve);
        return;
      }
      this.#ticket = this.#lock.startWait(this.#want === ALL ? 1 : 0, () => this.#end());
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
      if (this.#lock.endWait(ticket)) this.#granted = true;
    } catch (error) {
      this.#failure = error;
    }
    this.#wake?.();
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
    if (granted && this.#units === 0) this.#lock.unlock();
  }
}
