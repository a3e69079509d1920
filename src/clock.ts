/**
 * The clock by which leases end: it counts the time in which the system was suspended, because the store's clock goes on
 * meanwhile, and nobody sets it. `performance.now()` stands still then.
 *
 * Without the addon it is put together from two: whenever the wall clock gets ahead of the steady one, the system may
 * have been suspended, or somebody has set the clock. Both count as time that has passed: a lease may be taken for lost
 * too early, never too late.
 */
import { tryAddon } from './addon.js';

/** Less than this between the two is their own inexactness, in ms. */
const JITTER = 20;

let clock: (() => number) | undefined;

/** Milliseconds since some moment in the past. */
export function uptime(): number {
  clock ??= tryAddon()?.uptime ?? pieced(performance.now.bind(performance), Date.now);
  return clock();
}

/** For tests: from other clocks. */
export function pieced(steady: () => number, wall: () => number): () => number {
  let asleep = 0;
  let ahead = wall() - steady();
  return () => {
    const now = steady();
    const gap = wall() - now;
    if (gap > ahead + JITTER) asleep += gap - ahead;
    if (gap > ahead + JITTER || gap < ahead) ahead = gap;
    return now + asleep;
  };
}

/** For tests: another clock, until it is called with none. */
export function setClock(other: (() => number) | undefined): void {
  clock = other;
}
