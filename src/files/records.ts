/**
 * Who holds what, for whoever wants to know: slots in the page of the folder. A holder writes one after it has got the
 * kernel's lock, and empties it before it lets go; everybody else reads, without taking anything. They only inform: no
 * lock depends on them, and what is lost, stale or garbage makes nobody wait or go ahead.
 *
 * A file's record lies in one of eight slots, beginning with one that the hash of its name tells.
 *
 *   0  SEQ      odd while somebody writes; grows with every change
 *   1  PID      0: empty
 *   2  THREAD   the kernel's number
 *   3  SPACE    where these two are valid
 *   4  HASH     64 bits, of the file's name
 *   6  START    a double: when the thread began
 *   8  SINCE    a double: ms since 1970
 *   10 TOKEN    64 bits
 *   12 MODE     1 exclusive, 2 shared
 *   13 SUM      of all from PID on: what does not match it is garbage
 *
 * Invariants
 * - Whoever makes SEQ odd, by compareExchange, writes alone, until it makes it even again.
 * - What is read between two equal and even values of SEQ, and matches SUM, has been written by one holder.
 * - A writer that is killed leaves its slot odd. Nobody uses it until the next boot; the others do without.
 */
import { RECORDS } from './page.js';
import type { Page } from './page.js';
import { lives } from './system.js';
import type { Who } from './system.js';

const WORDS = 16;
const SLOTS = RECORDS.words / WORDS;
const PROBES = 8;
/** How often one reads what changes meanwhile. */
const READS = 8;
/** How long a full neighbourhood is left as it is, in ms: to look whether they live asks the system. */
const PAUSE_MS = 1000;

const PID = 1;
const THREAD = 2;
const SPACE = 3;
const HASH = 4;
const START = 6;
const SINCE = 8;
const TOKEN = 10;
const MODE = 12;
const SUM = 13;

/** How a lock is held. */
export type HeldMode = 'exclusive' | 'shared';

/** What is known of a holder. */
export interface Holder {
  readonly pid: number;
  /** The kernel's number; the main thread has that of its process. */
  readonly thread: number;
  readonly since: Date;
  readonly token: bigint;
  readonly mode: HeldMode;
  /** Undefined if nobody here can tell: it is in another container, say. Who is dead is no holder. */
  readonly alive: true | undefined;
}

/** The record of a hold. */
export interface HolderRecord {
  /** It is another grant now. */
  renew(mode: HeldMode, token: bigint): void;
  /** Before the lock is let go. Again, it does nothing. */
  clear(): void;
}

/** A name's hash, as its slots have it: two halves. */
export interface Hash {
  readonly low: number;
  readonly high: number;
}

/** Of a file's name. */
export function hashOf(file: string): Hash {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < file.length; i++) {
    const unit = file.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x7feb352d);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0x846ca68b);
  return { low: (low ^ (low >>> 15)) | 0, high: (high ^ (high >>> 16)) | 0 };
}

/** The record that there was no room for. */
const nothing: HolderRecord = { renew: () => undefined, clear: () => undefined };

export class Records {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #doubles: Float64Array<ArrayBuffer>;
  readonly #self: Who;
  #looked = -PAUSE_MS;

  /** Of the page, written by that thread. */
  constructor(page: Page, self: Who) {
    this.#words = page.words;
    this.#longs = page.longs;
    this.#doubles = new Float64Array(page.words.buffer);
    this.#self = self;
  }

  /** Says that we hold it now. The lock is ours meanwhile. */
  write(hash: Hash, mode: HeldMode, token: bigint): HolderRecord {
    let at = this.#claim(hash, mode);
    if (at < 0 && this.#tidy(hash)) at = this.#claim(hash, mode);
    if (at < 0) return nothing;
    const words = this.#words;
    const self = this.#self;
    words[at + PID] = self.pid;
    words[at + THREAD] = self.thread;
    words[at + SPACE] = self.space;
    words[at + HASH] = hash.low;
    words[at + HASH + 1] = hash.high;
    this.#doubles[(at + START) >> 1] = self.start;
    return new Written(this, words, at, this.fill(at, mode, token));
  }

  /** Writes what changes with each grant into a slot that is odd, and makes it even. */
  fill(at: number, mode: HeldMode, token: bigint): number {
    const words = this.#words;
    this.#doubles[(at + SINCE) >> 1] = Date.now();
    this.#longs[(at + TOKEN) >> 1] = token;
    words[at + MODE] = mode === 'exclusive' ? 1 : 2;
    words[at + SUM] = sumOf(words, at);
    return (Atomics.add(words, at, 1) + 1) | 0;
  }

  /** Who holds it; undefined if nobody says so, and 'unknown' if somebody is just about to say something. */
  read(hash: Hash): Holder | 'unknown' | undefined {
    const { found, unknown } = this.#find(hash, 1);
    return found[0] ?? (unknown ? 'unknown' : undefined);
  }

  /** All who say so. */
  readAll(hash: Hash): Holder[] {
    return this.#find(hash, Infinity).found;
  }

  #find(hash: Hash, most: number): { found: Holder[]; unknown: boolean } {
    const found: Holder[] = [];
    let unknown = false;
    for (let i = 0; i < PROBES; i++) {
      const at = slotOf(hash, i);
      if (this.#isEmpty(at)) continue;
      const slot = this.#copy(at);
      if (slot === undefined) unknown = true;
      else if (slot[PID] !== 0 && isOf(slot, 0, hash)) {
        const holder = this.#holderIn(slot);
        if (holder === undefined) this.#empty(at, slot[0] ?? 0);
        else if (found.push(holder) === most) break;
      }
    }
    return { found, unknown };
  }

  /** Empties what the dead have left. */
  sweep(): void {
    for (let at = RECORDS.at; at < RECORDS.at + RECORDS.words; at += WORDS) {
      if (!this.#isEmpty(at)) this.#emptyIfDead(at);
    }
  }

  /** A slot for it, which is odd now; less than 0 if there is none. */
  #claim(hash: Hash, mode: HeldMode): number {
    const words = this.#words;
    for (let i = 0; i < PROBES; i++) {
      const at = slotOf(hash, i);
      const seq = Atomics.load(words, at);
      if ((seq & 1) !== 0) continue;
      // Who holds alone and finds himself recorded finds somebody who is gone.
      const free = words[at + PID] === 0 || (mode === 'exclusive' && isOf(words, at, hash));
      if (free && Atomics.compareExchange(words, at, seq, seq + 1) === seq) return at;
    }
    return -1;
  }

  /** Looks for the dead where there was no room, but not often. */
  #tidy(hash: Hash): boolean {
    const now = performance.now();
    if (now - this.#looked < PAUSE_MS) return false;
    this.#looked = now;
    for (let i = 0; i < PROBES; i++) this.#emptyIfDead(slotOf(hash, i));
    return true;
  }

  #isEmpty(at: number): boolean {
    return (Atomics.load(this.#words, at) & 1) === 0 && Atomics.load(this.#words, at + PID) === 0;
  }

  #emptyIfDead(at: number): void {
    const slot = this.#copy(at);
    if (slot !== undefined && slot[PID] !== 0 && this.#holderIn(slot) === undefined)
      this.#empty(at, slot[0] ?? 0);
  }

  #empty(at: number, seq: number): void {
    new Written(this, this.#words, at, seq).clear();
  }

  /** The slot as somebody has written it; undefined if it changes all the time. */
  #copy(at: number): Int32Array<ArrayBuffer> | undefined {
    const copy = new Int32Array(WORDS);
    for (let n = 0; n < READS; n++) {
      for (let i = 0; i < WORDS; i++) copy[i] = Atomics.load(this.#words, at + i);
      const seq = copy[0] ?? 0;
      if ((seq & 1) === 0 && Atomics.load(this.#words, at) === seq) return copy;
    }
    return undefined;
  }

  /** Undefined if nobody who lives is in there. */
  #holderIn(slot: Int32Array<ArrayBuffer>): Holder | undefined {
    const [pid = 0, thread = 0, space = 0] = slot.subarray(PID, HASH);
    const [start = 0, since = 0] = new Float64Array(slot.buffer, 4 * START, 2);
    const [token = 0n] = new BigInt64Array(slot.buffer, 4 * TOKEN, 1);
    if (slot[SUM] !== sumOf(slot, 0) || pid <= 0 || thread <= 0) return undefined;
    const alive = lives({ pid, thread, start, space });
    if (alive === false) return undefined;
    const mode = slot[MODE] === 1 ? 'exclusive' : 'shared';
    return { pid, thread, since: new Date(since), token, mode, alive };
  }
}

class Written implements HolderRecord {
  readonly #records: Records;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #at: number;
  #seq: number;

  constructor(records: Records, words: Int32Array<ArrayBuffer>, at: number, seq: number) {
    this.#records = records;
    this.#words = words;
    this.#at = at;
    this.#seq = seq;
  }

  renew(mode: HeldMode, token: bigint): void {
    const seq = this.#seq;
    if (Atomics.compareExchange(this.#words, this.#at, seq, (seq + 1) | 0) !== seq) return;
    this.#seq = this.#records.fill(this.#at, mode, token);
  }

  clear(): void {
    const words = this.#words;
    const seq = this.#seq;
    if (Atomics.compareExchange(words, this.#at, seq, (seq + 1) | 0) !== seq) return;
    words[this.#at + PID] = 0;
    Atomics.add(words, this.#at, 1);
  }
}

function slotOf({ low }: Hash, probe: number): number {
  return RECORDS.at + (((low >>> 0) + probe) % SLOTS) * WORDS;
}

function isOf(words: Int32Array, at: number, hash: Hash): boolean {
  return words[at + HASH] === hash.low && words[at + HASH + 1] === hash.high;
}

/** What SUM has to be, of the slot that begins there. */
export function sumOf(words: Int32Array, at: number): number {
  let sum = 0x9e3779b9 | 0;
  for (let i = at + PID; i < at + SUM; i++) sum = Math.imul(sum ^ (words[i] ?? 0), 0x01000193) ^ (sum >>> 15);
  return sum;
}
