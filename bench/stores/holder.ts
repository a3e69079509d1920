/** The inside of a process that holds a lock in a store, and writes as long as its library allows it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Origin } from '../contestants/shared.js';
import { type Kept, openStoreOf } from '../contestants/stores.js';
import { clock } from '../team/clock.js';

export interface Stake {
  readonly lock: Origin;
  readonly urls: readonly string[];
  readonly ttl: number;
}

export interface Story {
  /** When it wrote, by the clock that all processes share. */
  readonly writes: readonly number[];
  /** When it stopped: the library did not allow it any more, or the time was up. */
  readonly end: number;
  /** What the library said when it was given back then: its answer, or its error. */
  readonly release: unknown;
}

const everyMs = 20;

let kept: Kept | undefined;

export async function hold({ lock, urls, ttl }: Stake): Promise<void> {
  const use = await openStoreOf(lock, { urls, ttl }, 'keep');
  kept = await use.keep();
}

/** Writes, in thought, for so long at most. It asks before each time whether it may, as a careful program does. */
export async function write(ms: number): Promise<Story> {
  if (kept === undefined) throw new Error('somebody writes who holds nothing');
  const writes: number[] = [];
  const last = clock() + ms;
  for (;;) {
    // First: a pause between the question and the write would be nobody's fault but a fence's that is not there.
    const at = clock();
    if (at > last || !kept.allowed()) break;
    writes.push(at);
    await sleep(everyMs);
  }
  const end = clock();
  const answer = await kept.release().catch((error: unknown) => `throws ${String(error)}`);
  const release = typeof answer === 'object' ? 'resolves' : answer;
  return { writes, end, release };
}

/** Takes it as anybody else. When it has it. */
export async function take(stake: Stake): Promise<number> {
  await hold(stake);
  return clock();
}
