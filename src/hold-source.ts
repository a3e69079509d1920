/** Where holds (hold.ts) come from, and where they go to. */
import type { Sought } from './context.js';
import type { Deadline } from './deadlines.js';
import type { LockLostError } from './errors.js';
import type { SyncGuard } from './guard.js';
import type { Entry } from './line.js';
import type { Bound } from './outside.js';
import type { Climbed } from './tiers/tier.js';
import type { Note } from './trace.js';

/** Where the units come from: a named queue. */
export interface HoldSource<G = SyncGuard> extends Sought {
  readonly kind: string;
  /** What the name is one of. */
  readonly noun: string;
  readonly capacity: number;
  give(units: number): void;
  takePastLine(units: number): boolean;
  /** Releases a hold that nobody has seen. */
  takeBack(guard: G): void;
}

/** Who may have what was climbed to: a named queue. */
export interface Heirs {
  legacy: { release(): unknown } | undefined;
  /** Whether others, wherever they are, are not to be passed. */
  readonly fair: boolean;
  /** Who came first, of those who wait. */
  readonly first: Entry | undefined;
  heir(units: number, bound?: Bound): Entry | undefined;
  passTo(heir: Entry, units: number): void;
  giveAway(units: number): void;
}

/** A hold that others are let in again beside. */
interface Whole {
  readonly signal: AbortSignal;
  partReleased(): void;
}

/** Where the units of a part come from. */
export class Part implements HoldSource {
  readonly whole: Whole;
  readonly kind: string;
  readonly noun: string;
  readonly key: string;
  readonly capacity: number;
  marks: undefined = undefined;

  constructor(whole: Whole, { kind, noun, key, capacity }: Omit<HoldSource, 'takeBack'>) {
    this.whole = whole;
    this.kind = kind;
    this.noun = noun;
    this.key = key;
    this.capacity = capacity;
  }

  give(): void {
    this.whole.partReleased();
  }

  takePastLine(): boolean {
    return false;
  }

  takeBack(guard: SyncGuard): void {
    guard.release();
  }
}

/** What only few holds have. */
export class Rare {
  /** Those that have not been released, the hold itself included. */
  parts = 1;
  climbed: Climbed | undefined = undefined;
  heirs: Heirs | undefined = undefined;
  bound: Bound | undefined = undefined;
  /** When it may end, by performance.now(). */
  earliest = 0;
  /** Tells when it has lasted for too long. */
  latest: Deadline | undefined = undefined;
  owner: string | undefined = undefined;
  note: Note | undefined = undefined;
  /** What it gives back at its end; and what comes of it, where that takes a while. */
  units = 0;
  ending: Promise<boolean> | undefined = undefined;
  /** What was climbed to has been lost. */
  loss: LockLostError | undefined = undefined;
  /** Whether a tier that was asked for is not held. */
  degraded = false;
  /** Of a part: aborts with the signal of the whole, too. */
  signal: AbortSignal | undefined = undefined;
}

/** Where nothing comes from. */
export const none: HoldSource = {
  kind: 'nothing',
  noun: 'nothing',
  key: '',
  capacity: 0,
  marks: undefined,
  give() {},
  takePastLine: () => false,
  takeBack() {},
};
