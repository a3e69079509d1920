/**
 * How long ago something was, for whoever must not take it for less. One clock is not set by anybody, but stands still
 * while the system is suspended; the other one, by which others judge us, runs on, but can be set. What the later of them
 * says counts.
 */

/** A point in time, in ms. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

/** So many ms ago. */
export function ago(ms: number): Moment {
  return { steady: performance.now() - ms, wall: Date.now() - ms };
}

export function earlier({ steady, wall }: Moment, ms: number): Moment {
  return { steady: steady - ms, wall: wall - ms };
}

export function msSince({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Date.now() - wall);
}
