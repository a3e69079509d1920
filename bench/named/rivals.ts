/** Two processes, each on its own core, with many tasks that want one name and its file. */
import { type Mate, withCrew } from '../files/crew.js';
import { withFolder } from '../files/folder.js';
import { clock } from '../team/clock.js';
import type { Crowd, Turns } from './rival.js';

const module = new URL('rival.js', import.meta.url);

async function play(crowds: readonly Omit<Crowd, 'lockPath' | 'start'>[]): Promise<readonly Turns[]> {
  return withFolder((lockPath) =>
    withCrew(module, crowds.length, async (mates) => {
      await Promise.all(mates.map((mate: Mate) => mate.call('warmUp', lockPath).done));
      const start = clock() + 20;
      return Promise.all(
        mates.map((mate, i) => mate.call<Turns>('crowd', { ...crowds[i], lockPath, start }).done),
      );
    }),
  );
}

/** The longest wait of a process with one task beside one with 50, in ms. */
export async function longestWait(windowMs: number): Promise<number> {
  const [, rival] = await play([
    { tasks: 50, windows: 1, windowMs },
    { tasks: 1, windows: 1, windowMs },
  ]);
  return rival?.longest ?? NaN;
}

/** For each window: the turns of the process that had the fewer per those of the other one. */
export async function share(windows: number, windowMs: number): Promise<number[]> {
  const crowd = { tasks: 25, windows, windowMs };
  const [a, b] = await play([crowd, crowd]);
  return Array.from({ length: windows }, (_, i) => {
    const turns = [a?.turns[i] ?? 0, b?.turns[i] ?? 0];
    return Math.min(...turns) / Math.max(...turns, 1);
  });
}
