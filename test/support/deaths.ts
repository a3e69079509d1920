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

/** `ends` says when each thread that died was surely gone, on the clock of the events. Time counts from there. */
export function deathsIn(events: readonly LockEvent[], ends: ReadonlyMap<number, number>): Deaths {
  const ordered = events.toSorted(byPlace);
  const lastOf = new Map<Who, LockEvent>();
  for (const event of ordered) if (event.kind !== 'died') lastOf.set(event.who, event);
  const wrong: string[] = [];
  const waiting = new Map<Who, number>();
  const dead = new Set<number>();
  let dying = -Infinity;
  let [told, inside, stall] = [0, 0, 0];
  let around: [number, number] = [0, 0];
  let holder: LockEvent | undefined;
  let [freeSince, freeAt] = [Infinity, 0];
  let mustTell = false;
  for (const event of ordered) {
    const { who, kind, at } = event;
    const thread = threadOf(who);
    if (kind === 'died') {
      dead.add(thread);
      waiting.delete(who);
      // Until then it is only a thread that does not answer.
      dying = Math.max(dying, ends.get(thread) ?? Infinity);
      if (holder?.who !== who) continue;
      // It may have lived on for a moment, and released.
      mustTell = lastOf.get(who) === holder;
      if (mustTell) inside++;
      holder = undefined;
      [freeSince, freeAt] = [timeOf(event), at];
    } else if (dead.has(thread)) {
      continue;
    } else if (kind === 'request') {
      waiting.set(who, timeOf(event));
    } else if (kind === 'grant') {
      const since = Math.max(freeSince, dying, Math.min(...waiting.values()));
      if (timeOf(event) - since > stall) [stall, around] = [timeOf(event) - since, [freeAt, at]];
      waiting.delete(who);
      if (isTold(event)) told++;
      if (mustTell && !isTold(event)) wrong.push(`the grant at ${at} after a death is not told of it`);
      if (told > dead.size) wrong.push(`the grant at ${at} is told of a death, and there were ${dead.size}`);
      mustTell = false;
      holder = event;
      freeSince = Infinity;
    } else if (kind === 'release') {
      holder = undefined;
      [freeSince, freeAt] = [timeOf(event), at];
    } else {
      waiting.delete(who);
    }
  }
  return { told, inside, wrong, stall, around };
}
