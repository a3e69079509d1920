/** The inside of a hand-off, in each of its two processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openFileOf } from '../contestants/files.js';
import type { Origin } from '../contestants/shared.js';
import { clock } from '../team/clock.js';
import { Board } from './folder.js';

export interface Relay {
  readonly lock: Origin;
  readonly path: string;
  readonly board: string;
  readonly index: 0 | 1;
  readonly turns: number;
}

/** Places of the board: how often each was about to wait, how often each then had the lock. */
export const Ready = 0;
export const Got = 2;
/** When the lock was last given back, and how often it was. Only the holder writes them. */
export const ReleasedAt = 4;
export const Released = 5;

/** Longer than all need until their wait sleeps, on whatever thread it does. */
const settleMs = 1;

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(1);
}

function spin(ms: number): void {
  for (const end = clock() + ms; clock() < end;);
}

/** Milliseconds from each release of the other to the next step here. */
export async function run({ lock, path, board, index, turns }: Relay): Promise<number[]> {
  const { hold } = await openFileOf(lock, path);
  const words = new Board(board);
  const other = 1 - index;
  const took: number[] = [];
  // Process 0 has the even turns, process 1 the odd ones.
  if (index === 1) await until(() => words.get(Got + other) === 1);
  for (let turn = index, got = 1; turn < turns; turn += 2, got++) {
    words.set(Ready + index, got);
    const held = hold();
    const release = held instanceof Promise ? await held : held;
    const at = clock();
    if (turn > 0) took.push(at - words.get(ReleasedAt));
    if (words.get(Released) !== turn)
      throw new Error('the lock does not exclude: the other one still holds it');
    words.set(Got + index, got);

    // Process 1 is ready for the first time when process 0 holds for the first; then it is ahead by one.
    const next = index === 0 ? got : got + 1;
    const isLast = turn + 1 === turns;
    if (!isLast) {
      await until(() => words.get(Ready + other) >= next);
      spin(settleMs);
    }
    words.set(Released, turn + 1);
    words.set(ReleasedAt, clock());
    await release();
    // Nobody barges: that would be no hand-off.
    if (!isLast) await until(() => words.get(Got + other) >= next);
  }
  return took;
}
