/** The inside of a process that holds locks, or waits for one, as it is told. */
import { type Release, openFileOf } from '../contestants/files.js';
import type { Origin } from '../contestants/shared.js';
import { clock } from '../team/clock.js';
import { Board } from './folder.js';

export interface Locks {
  readonly lock: Origin;
  readonly paths: readonly string[];
  /** After which it gives them back unasked. */
  readonly ms: number;
}

let held: { readonly releases: Release[]; readonly timer: NodeJS.Timeout } | undefined;
/** When it began to give them back. */
let since = 0;

/** Holds them all. */
export async function hold({ lock, paths, ms }: Locks): Promise<void> {
  const releases: Release[] = [];
  for (const path of paths) {
    const use = await openFileOf(lock, path);
    releases.push(await use.hold());
  }
  held = { releases, timer: setTimeout(() => void letGo(), ms) };
}

/** Gives them back, if it has not done so. Says when that began. */
export async function letGo(): Promise<number> {
  const giving = held;
  held = undefined;
  if (giving === undefined) return since;
  clearTimeout(giving.timer);
  since = clock();
  await Promise.all(giving.releases.map(async (release) => release()));
  return since;
}

export interface Wait {
  readonly lock: Origin;
  readonly path: string;
  /** The file with the number that the lock protects. */
  readonly counter: string;
}

/** Waits for one, adds to the number and gives it back. Says when it had it. */
export async function take({ lock, path, counter }: Wait): Promise<number> {
  const use = await openFileOf(lock, path);
  const taken = use.hold();
  const release = taken instanceof Promise ? await taken : taken;
  const at = clock();
  const board = new Board(counter);
  board.set(0, board.get(0) + 1);
  await release();
  return at;
}
