/**
 * What lies above the thread's tier, as whoever climbs there sees it: one name in one tier. The thread's tier has been
 * taken before, so of those who want it alone there is one at a time; readers may come together.
 */
import type { LockLostError } from '../errors.js';
import type { WaitOptions } from '../options.js';
import type { Bound } from '../outside.js';

/** What was taken in a tier, or in several, by one who holds a name. */
export interface Climbed {
  /** Where it was taken: who waits for the same may have it as it is. */
  readonly tier: Tier;
  /** Of the grant that it is with now. */
  readonly token: bigint;
  /** Whether it may go on to another one of this thread. Each answer counts as one pass. */
  mayPass(): boolean;
  /** It has gone on to another one: that is another grant. */
  pass(): void;
  /**
   * Gives it back. `polite`: those outside have waited for long, so this thread is not to be the next one again. Where
   * that takes a while, it is a promise, which never rejects: whether it was ours to the end.
   */
  release(polite?: boolean): void | Promise<boolean>;
  /** Of what can be lost: is told of that once; at once, if it has been lost before. */
  onLost: ((loss: LockLostError) => void) | undefined;
  /** Whether it is still ours, by the clock. */
  look?(): boolean;
  /** Makes sure that it has not been lost. */
  confirm?(): void;
  /** Of what lapses: makes it last for `ttl` from now on, or as long as before. Rejects if that is not sure. */
  renew?(ttl?: number): Promise<void>;
  /** Of what lapses: it is to last so long from now on, at least, even if its holder vanishes. */
  keepFor?(ms: number): void;
  /** Of what lapses: its holder has had it for long enough, and it is not to be renewed. */
  expire?(): void;
  /** Of one who has it alone: shares it from now on. */
  downgrade(): void;
  /** Of one who shares it: has it alone if nobody else shares it. */
  tryUpgrade(): boolean;
}

export interface Tier {
  /** Takes it if that is possible now, and can be done at once. */
  tryTake(units: number, bound?: Bound): Climbed | null;
  /** Takes it if that is possible now, where it takes a while to find out. */
  attempt?(units: number, bound?: Bound): Promise<Climbed | null>;
  /** Waits for it. What cannot be had is a rejection. */
  take(units: number, wait: WaitOptions, bound?: Bound): Promise<Climbed>;
  /** Waits for it, blocking this thread. */
  takeSync(units: number, wait: WaitOptions, bound?: Bound): Climbed;
  /**
   * Who was in the way of a wait that ended with that error, or is in the way of one that goes on, in an error's words;
   * undefined if nobody knows.
   */
  describeHolder(error?: unknown): string | undefined | Promise<string | undefined>;
}
