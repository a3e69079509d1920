/**
 * A trial in which several processes want one lock, process i on core i, counted round. Inside they add to a number in
 * a file, which proves the lock: one addition that is lost fails the run.
 */
import { fileOrigin } from '../contestants/files.js';
import type { Origin } from '../contestants/shared.js';
import { clock } from '../team/clock.js';
import { withCrew } from './crew.js';
import { Board, newFile, withFolder } from './folder.js';
import type { Game, Seat, Stint } from './member.js';

export interface Plan {
  readonly processes: number;
  readonly windows: number;
  readonly windowMs: number;
}

/** By process. The first window warms up, and is not among them. */
export type Turns = readonly (readonly number[])[];

export function contest(who: string | Origin, { processes, windows, windowMs }: Plan): Promise<Turns> {
  const lock = typeof who === 'string' ? fileOrigin(who) : who;
  const module = new URL('member.js', import.meta.url);
  return withFolder((folder) =>
    withCrew(module, processes, async (mates) => {
      const [path, counter] = [newFile(folder, 'lock'), newFile(folder, 'counter')];
      const seats = mates.map((mate, i) => {
        const own = { path: newFile(folder, `lock-${i}`), counter: newFile(folder, `counter-${i}`) };
        const seat: Seat = { lock, path, counter, own };
        return mate.call('sit', seat).done;
      });
      await Promise.all(seats);
      const game: Game = { start: clock() + 10, windows: windows + 1, windowMs };
      const stints = await Promise.all(mates.map((mate) => mate.call<Stint>('play', game).done));
      const all = stints.reduce((sum, stint) => sum + stint.all, 0);
      const counted = new Board(counter).get(0);
      if (counted !== all)
        throw new Error(`the lock does not exclude: ${all} sections counted to ${counted}`);
      return stints.map((stint) => stint.turns.slice(1));
    }),
  );
}

/** Thousands of turns a second, one figure for each window. */
export function throughput(turns: Turns, { windowMs }: Plan): number[] {
  const [first = []] = turns;
  return first.map((_, i) => turns.reduce((sum, each) => sum + (each[i] ?? 0), 0) / windowMs);
}

/** What the one who had the fewest turns had, per what the one with the most had. */
export function share(turns: Turns): number {
  const sums = turns.map((each) => each.reduce((sum, value) => sum + value, 0));
  return Math.min(...sums) / Math.max(...sums);
}
