/** Who was inside when: stretches of time, and where they overlap. All times are microseconds of one clock. */

/** A stretch of time. */
export interface Stretch {
  readonly entered: number;
  readonly left: number;
}

/** One request between its write and its read. */
export interface Visit extends Stretch {
  /** The process and its thread. */
  readonly who: string;
  /** Whether its client was answered with something else than it had sent. */
  readonly wrong: boolean;
}

/** When at least two were inside: sorted, each as long as possible. Who leaves when another enters has not met him. */
export function overlaps(visits: readonly Stretch[]): Stretch[] {
  const found: { entered: number; left: number }[] = [];
  let until = -Infinity;
  for (const { entered, left } of visits.toSorted((a, b) => a.entered - b.entered)) {
    const end = Math.min(left, until);
    if (end > entered) {
      const last = found.at(-1);
      if (last !== undefined && entered <= last.left) last.left = Math.max(last.left, end);
      else found.push({ entered, left: end });
    }
    until = Math.max(until, left);
  }
  return found;
}

/** The parts of it that lie in one of those. */
export function within({ entered, left }: Stretch, stretches: readonly Stretch[]): Stretch[] {
  return stretches
    .map((one) => ({ entered: Math.max(one.entered, entered), left: Math.min(one.left, left) }))
    .filter((part) => part.left > part.entered);
}

/** How many of them met another one. */
export function meetings(visits: readonly Stretch[]): number {
  const met = overlaps(visits);
  return visits.filter((visit) => within(visit, met).length > 0).length;
}

/** Rows in which nobody meets, as few as possible: whoever enters goes to the first row that is free. */
export function rows<T extends Stretch>(visits: readonly T[]): T[][] {
  const all: T[][] = [];
  for (const visit of visits.toSorted((a, b) => a.entered - b.entered)) {
    const free = all.find((row) => (row.at(-1)?.left ?? 0) <= visit.entered);
    if (free === undefined) all.push([visit]);
    else free.push(visit);
  }
  return all;
}

const WINDOW = 100_000;
const MOST = 150;

export interface Excerpt extends Stretch {
  /** Those that were inside at any time of it. */
  readonly seen: readonly Visit[];
}

/**
 * A part that can be looked at: 100 ms, or less if so many were inside that they could not be told apart. It begins just
 * before two have met, from the middle on if they have, else in the middle.
 */
export function excerpt(visits: readonly Visit[]): Excerpt {
  const sorted = visits.toSorted((a, b) => a.entered - b.entered);
  const half = sorted.slice(Math.floor(sorted.length / 2));
  const [met = half[0]] = [...overlaps(half), ...overlaps(sorted)];
  const entered = (met?.entered ?? 0) - WINDOW / 100;
  const next = sorted.filter((visit) => visit.entered > entered);
  const left = Math.min(entered + WINDOW, next[MOST]?.entered ?? next.at(-1)?.left ?? entered);
  const seen = sorted.filter((visit) => visit.left > entered && visit.entered < left);
  return { entered, left, seen };
}
