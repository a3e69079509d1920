/** What a lease is asked to be, and what comes of that in ms. */

/** What a holder wants of it. */
export interface Terms {
  /** How long it lasts without renewal, in ms. */
  readonly ttl: number;
  /** Whether it is renewed by itself. */
  readonly renew: boolean;
  /** How much longer than that its record stays, closed to others, if its holder vanishes. */
  readonly lockDelay: number;
  /** It lasts so long at least, in ms, even if its holder vanishes. */
  readonly minHold: number;
}

/** How long the record that is asked for lasts in the store. */
export function recordTtl({ ttl, minHold, lockDelay }: Terms): number {
  return Math.max(ttl, minHold) + lockDelay;
}

/** How long before a record lapses it no longer counts. */
export function marginOf(ttl: number): number {
  return Math.max(ttl / 10, 250);
}
