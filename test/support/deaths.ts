/** Reads out of a history of mutex-hammer.ts how a mutex went on where its holders died. */
import { byPlace } from './events.js';
import type { LockEvent, Who } from './events.js';
import { TASKS } from './mutex-hammer.js';

const timeOf = ({ token = 0n }: LockEvent): number => Number(token / 2n) / 1e6;
const threadOf = (who: Who): number => Math.floor(Number(who) / TASKS);
const isTold = ({ token = 0n }: LockEvent): boolean => (token & 1n) === 1n;

export interface Deaths {
  /** Of how many deaths a holder was told, and how many threads surely died inside. */
  readonly told: number;
  readonly inside: number;
  /** What must not be, in words. */
  readonly wrong: string[];
  /** The longest time, in ms, that nobody held the lock although somebody waited, and the places around it. */
  readonly stall: number;
  readonly around: readonly [number, number];
}

/**
 * The event after which each thread that died was dead. Its death is logged before it can happen, so that is the log
 * of the death (the first, if several saw it coming) or the last that the thread wrote: until then it may take the
 * lock, be told of another one's death, and release.
 */
function lastOfTheDead(ordered: readonly LockEvent[]): Set<LockEvent> {
  const last = new Map<number, LockEvent>();
  const doomed = new Set<number>();
  for (const event of ordered) {
    const thread = threadOf(event.who);
    if (event.kind !== 'died' || !doomed.has(thread)) last.set(thread, event);
    if (event.kind === 'died') doomed.add(thread);
  }
  return new Set([...last].filter(([thread]) => doomed.has(thread)).map(([, event]) => event));
}

/**
 * `ends` says when each thread that died was surely gone, on the clock of the events. Time counts from there; `passed`
 * tells how much of it counts.
 */
export function deathsIn(
  events: readonly LockEvent[],
  ends: ReadonlyMap<number, number>,
  passed: (from: number, to: number) => number = (from, to) => to - from,
): Deaths {
  const ordered = events.toSorted(byPlace);
  const lasts = lastOfTheDead(ordered);
  const wrong: string[] = [];
  const waiting = new Map<Who, number>();
  let dead = 0;
  let dying = -Infinity;
  let [told, inside, stall] = [0, 0, 0];
  let around: [number, number] = [0, 0];
  let holder: LockEvent | undefined;
  let [freeSince, freeAt] = [Infinity, 0];
  let mustTell = false;
  for (const event of ordered) {
    const { who, kind, at } = event;
    if (kind === 'request') {
      waiting.set(who, timeOf(event));
    } else if (kind === 'grant') {
      const since = Math.max(freeSince, dying, Math.min(...waiting.values()));
      // Most are shorter than those that have been seen, and need no witness.
      const took = timeOf(event) - since > stall ? passed(since, timeOf(event)) : 0;
      if (took > stall) [stall, around] = [took, [freeAt, at]];
      waiting.delete(who);
      if (isTold(event)) told++;
      if (mustTell && !isTold(event)) wrong.push(`the grant at ${at} after a death is not told of it`);
      if (told > dead) wrong.push(`the grant at ${at} is told of a death, and there were ${dead}`);
      mustTell = false;
      holder = event;
      freeSince = Infinity;
    } else if (kind === 'release') {
      holder = undefined;
      [freeSince, freeAt] = [timeOf(event), at];
    } else if (kind !== 'died') {
      waiting.delete(who);
    }
    if (!lasts.has(event)) continue;
    const thread = threadOf(who);
    dead++;
    for (const waiter of waiting.keys()) if (threadOf(waiter) === thread) waiting.delete(waiter);
    // Until then it is only a thread that does not answer.
    dying = Math.max(dying, ends.get(thread) ?? Infinity);
    if (holder === undefined || threadOf(holder.who) !== thread) continue;
    inside++;
    mustTell = true;
    holder = undefined;
    [freeSince, freeAt] = [dying, at];
  }
  return { told, inside, wrong, stall, around };
}
