/**
 * What holding a name means: units of its queue, and with them whatever was climbed to above (tiers/tier.ts).
 *
 * A hold has one or more parts: itself, and those who were let in again because they run inside of it or have shown its
 * guard. It ends after the last part has been released, whichever that is:
 *
 *   Held     -> Waiting  when the last part is released before `minHold` is over
 *   Held, Waiting -> Ended: see coming-down.ts
 */
import { comeDown } from './coming-down.js';
import { Alarm, removeDeadline } from './deadlines.js';
import { LockLostError, LockMisuseError } from './errors.js';
import { control } from './guard.js';
import { none, Part, Rare } from './hold-source.js';
import type { Heirs, HoldSource } from './hold-source.js';
import type { Bound } from './outside.js';
import { RWGuard } from './rw-guard.js';
import type { Climbed, Tier } from './tiers/tier.js';
import { tellLoss, tellRelease } from './trace.js';
import type { Note } from './trace.js';
import { nextGrant } from './words/names.js';
import { shows } from './shown.js';

let newest: Hold | undefined;
let emptied: (() => void)[] = [];

/**
 * What `lockSync` gives: the proof that a name is held, and the only way to give it back.
 *
 * @example
 * import { lockSync } from 'tierlock';
 *
 * using hold = lockSync('orders');
 * console.log(hold.name, hold.mode, hold.held); // orders exclusive true
 */
export class Hold extends RWGuard {
  static {
    shows(this, ({ name, held, mode, token }) => ({ name, held, mode, token }));
  }

  /** The prefix and the name. */
  readonly name: string;
  readonly #source: HoldSource<Hold>;
  #token: bigint;
  #rare: Rare | undefined = undefined;
  // All that are held in this thread are in one list, the newest first.
  #older: Hold | undefined = undefined;
  #newer: Hold | undefined = undefined;

  /** @internal */
  constructor(source: HoldSource<Hold>, units: number, token: bigint = nextGrant()) {
    super(source, units);
    this.name = source.key;
    this.#source = source;
    this.#token = token;
    if (units > 0) Hold.#enlist(this);
  }

  static #enlist(hold: Hold): void {
    const older = newest;
    if (older !== undefined) {
      hold.#older = older;
      older.#newer = hold;
    }
    newest = hold;
  }

  /** @internal Calls `fn` once, when nothing is held in this thread any more. */
  static whenNone(fn: () => void): void {
    emptied.push(fn);
  }

  static #tellNone(): void {
    const all = emptied;
    emptied = [];
    for (const fn of all) fn();
  }

  /** @internal All that are held in this thread, the newest first. */
  static *all(): Generator<Hold> {
    for (let hold = newest; hold !== undefined; hold = hold.#older) yield hold;
  }

  #leaveList(): void {
    const older = this.#older;
    const newer = this.#newer;
    if (newer === undefined) {
      if (newest !== this) return; // it has left before
      newest = older;
      if (older === undefined && emptied.length > 0) Hold.#tellNone();
    } else {
      newer.#older = older;
    }
    if (older !== undefined) older.#newer = newer;
    this.#older = this.#newer = undefined;
  }

  protected override get kind(): string {
    return `the ${this.#source.noun} '${this.name}'`;
  }

  /**
   * A number that grows with every grant of the name, in the highest tier that is held: whatever the lock protects can
   * refuse who shows a smaller one than it has seen. The same for all who were let in again under one hold.
   */
  get token(): bigint {
    return this.#token;
  }

  override get signal(): AbortSignal {
    if (!(this.#source instanceof Part)) return super.signal;
    const rare = (this.#rare ??= new Rare());
    return (rare.signal ??= AbortSignal.any([this.#source.whole.signal, super.signal]));
  }

  /** @internal What was climbed to, if anything was, goes with it from now on. */
  climb(climbed: Climbed | undefined, heirs?: Heirs, bound?: Bound): void {
    const rare = (this.#rare ??= new Rare());
    rare.climbed = climbed;
    if (climbed !== undefined) {
      // Now: it may be another one's later, with another token.
      this.#token = climbed.token;
      climbed.onLost = (loss) => this.#lose(loss);
      climbed.look?.();
    }
    rare.heirs = heirs;
    rare.bound = bound;
  }

  /** With all parts, whether it has been released itself or not. */
  #lose(loss: LockLostError): void {
    if (this.#rare !== undefined) this.#rare.loss = loss;
    // All at first: those who are told may release some.
    const all = Array.from(Hold.all()).filter(({ whole }) => whole === this);
    for (const hold of all) control.lose(hold, loss);
    tellLoss(this, loss);
  }

  override get held(): boolean {
    this.whole.#rare?.climbed?.look?.();
    return super.held;
  }

  override assertHeld(): void {
    this.whole.#rare?.climbed?.look?.();
    super.assertHeld();
  }

  /** @internal It lasts for so long at least, and is told to end when it has lasted for so long, in ms. */
  limit(least: number, most: number): void {
    const rare = (this.#rare ??= new Rare());
    if (least > 0) rare.earliest = performance.now() + least;
    if (most === Infinity) return;
    // It keeps no program alive.
    rare.latest = new Alarm(most, false, () => this.#expire(most));
  }

  #expire(most: number): void {
    const message = `${this.kind} has been held for longer than its 'maxHold', ${most} ms: end what needs it, and release it`;
    control.expire(this, new LockLostError(message, { lock: this.name }));
    // For all of its parts there is one lease.
    this.whole.#rare?.climbed?.expire?.();
  }

  /** @internal What was climbed to shall last so long from now on, whoever vanishes. */
  keepFor(ms: number): void {
    this.whole.#rare?.climbed?.keepFor?.(ms);
  }

  /** @internal One more part, for somebody who may be where it is held. */
  again(units: number): Hold {
    const rare = (this.#rare ??= new Rare());
    rare.climbed?.look?.();
    if (rare.loss !== undefined)
      throw new LockLostError(rare.loss.message, { lock: this.name, cause: rare.loss });
    rare.parts++;
    const part = new Hold(new Part(this, this.#source), units, this.token);
    part.#rare = new Rare();
    return part;
  }

  /** @internal The hold that it is a part of; itself, if none. */
  get whole(): Hold {
    return this.#source instanceof Part ? (this.#source.whole as Hold) : this;
  }

  /** @internal Whether any part of it is still held. */
  get lives(): boolean {
    return this.#rare === undefined ? this.held : this.#rare.parts > 0;
  }

  /** @internal Where it has climbed to. */
  get tier(): Tier | undefined {
    return this.#rare?.climbed?.tier;
  }

  /** @internal Nobody has seen it, nor will: what it would have told is still to be told, and it need not last. */
  takeBack(): void {
    if (this.#rare !== undefined) this.#rare.earliest = 0;
    this.#source.takeBack(this);
  }

  /** @internal It is given back, whether its holder is ready or not. */
  takeAway(why: LockLostError): void {
    const told = this.held && this.whole === this;
    control.lose(this, why);
    if (told) tellLoss(this, why);
    this.release();
  }

  /** @internal */
  get noun(): string {
    return this.#source.noun;
  }

  /** @internal Where it comes from. */
  get source(): HoldSource<Hold> {
    return this.#source;
  }

  override release(): boolean {
    // As long as it can be told of a loss.
    if (this.#rare !== undefined && super.held) this.whole.#rare?.climbed?.confirm?.();
    this.#leaveList();
    if (this.#rare !== undefined) this.#leave(this.#rare);
    return super.release();
  }

  #leave(rare: Rare): void {
    const units = control.leave(this);
    if (units === 0) return;
    if (rare.latest !== undefined) removeDeadline(rare.latest);
    rare.units = units;
    this.partReleased();
  }

  /** @internal */
  partReleased(): void {
    const rare = this.#rare;
    if (rare === undefined || --rare.parts > 0) return;
    this.#endInTime(rare);
  }

  #endInTime(rare: Rare): void {
    const left = rare.earliest === 0 ? 0 : rare.earliest - performance.now();
    if (left <= 0) this.#end(rare);
    else void new Alarm(left, true, () => this.#end(rare));
  }

  #end(rare: Rare): void {
    const { note } = rare;
    note?.end();
    comeDown(rare, this.#source);
    if (note !== undefined) tellRelease(this, note.tiers, note.granted);
  }

  /** @internal On its way down, where that takes a while: whether it was ours to the end. */
  get ending(): Promise<boolean> | undefined {
    return this.#rare === undefined ? undefined : this.whole.#rare?.ending;
  }

  /** @internal See `Guard.renew`. */
  async renew(ttl?: number): Promise<void> {
    this.assertHeld();
    await this.whole.#rare?.climbed?.renew?.(ttl);
  }

  /** @internal A tier that was asked for could not be reached, and is not held. */
  degrade(): void {
    (this.#rare ??= new Rare()).degraded = true;
  }

  /** @internal What is known of its grant, if anybody watches. */
  get note(): Note | undefined {
    return this.whole.#rare?.note;
  }

  /** @internal */
  set note(note: Note) {
    (this.#rare ??= new Rare()).note = note;
  }

  /** @internal Where the program has asked for it, if that is known. */
  get site(): string | undefined {
    return this.note?.site;
  }

  /** @internal Whoever presents it is let in again. */
  get owner(): string | undefined {
    return this.#rare?.owner;
  }

  set owner(owner: string) {
    (this.#rare ??= new Rare()).owner = owner;
  }

  /** @internal */
  get degraded(): boolean {
    return this.whole.#rare?.degraded === true;
  }

  override downgrade(): this {
    this.#mustBeWhole();
    this.#rare?.climbed?.downgrade();
    return super.downgrade();
  }

  override tryUpgrade(): this | null {
    this.#mustBeWhole();
    if (this.mode === 'exclusive') return this;
    if (super.tryUpgrade() === null) return null;
    const climbed = this.#rare?.climbed;
    if (climbed === undefined || climbed.tryUpgrade()) return this;
    super.downgrade();
    return null;
  }

  #mustBeWhole(): void {
    this.assertHeld();
    if (!(this.#source instanceof Part) && (this.#rare === undefined || this.#rare.parts === 1)) return;
    throw new LockMisuseError(
      `${this.kind} is held by several who were let in again: its mode cannot change`,
      {
        lock: this.name,
      },
    );
  }
}

/** So that the guards of names keep their shape: see guard.ts. */
export const immortal: Hold = new Hold(none, 0, 0n);
