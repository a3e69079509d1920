/** Those who want one lock in a store all the time: tasks of one process, or processes. They count under the lock. */
import { storeOrigin } from '../contestants/stores.js';
import type { Origin } from '../contestants/shared.js';
import { withCrew } from '../files/crew.js';
import { Board, newFile, withFolder } from '../files/folder.js';
import { clock } from '../team/clock.js';
import type { Game, Seat, Turns } from './rival.js';
import { withServers } from './servers.js';

export interface Plan {
  /** How many tasks each process has. */
  readonly tasks: readonly number[];
  readonly ms: number;
  readonly strict?: boolean;
  /** See Game. */
  readonly polite?: boolean;
}

const module = new URL('rival.js', import.meta.url);
const ttl = 30_000;

export function contest(
  lock: Origin,
  urls: readonly string[],
  { tasks, ms, strict = false, polite = false }: Plan,
): Promise<readonly Turns[]> {
  return withFolder((folder) =>
    withCrew(module, tasks.length, async (mates) => {
      const counter = newFile(folder, 'counter');
      const seat: Seat = { lock, urls, strict, ttl, counter };
      await Promise.all(mates.map((mate) => mate.call('sit', seat).done));
      const start = clock() + 20;
      const played = mates.map((mate, i) => {
        const game: Game = { tasks: tasks[i] ?? 0, polite, start, ms };
        return mate.call<Turns>('play', game).done;
      });
      const turns = await Promise.all(played);
      const all = turns.reduce((sum, each) => sum + each.all, 0);
      const counted = new Board(counter).get(0);
      if (counted !== all)
        throw new Error(`the lock does not exclude: ${all} sections counted to ${counted}`);
      return turns;
    }),
  );
}

const play = (name: string, plan: Plan): Promise<readonly Turns[]> =>
  withServers(name, ({ urls }) => contest(storeOrigin(name), urls, plan));

/**
 * What fifty tasks of one process get, in thousands a second, if it goes on from task to task: where those who wait sleep
 * between their tries, the one who has just had it would have it again and again, and the others never.
 */
export async function crowd(name: string, ms: number): Promise<number> {
  const [turns] = await play(name, { tasks: [50], ms, polite: true });
  return (turns?.turns ?? NaN) / ms;
}

/** The longest wait of a process with one task beside one with fifty, in ms. */
export async function longestWait(name: string, ms: number): Promise<number> {
  const [, rival] = await play(name, { tasks: [50, 1], ms });
  return rival?.longest ?? NaN;
}

/** What the one of four processes that had the fewest turns had, per what the one with the most had. */
export async function share(name: string, ms: number): Promise<number> {
  const all = await play(name, { tasks: [1, 1, 1, 1], ms, strict: true });
  const turns = all.map((each) => each.turns);
  return Math.min(...turns) / Math.max(...turns, 1);
}
