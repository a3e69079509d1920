/**
 * How long a waiter sleeps on after the release. Two processes on two cores take one lock in turn: the holder sees that
 * the other is about to wait, gives it time to fall asleep, and releases; the clock stops when the other goes on.
 */
import { fileOrigin } from '../contestants/files.js';
import type { Origin } from '../contestants/shared.js';
import { median } from '../harness.js';
import { withCrew } from './crew.js';
import { newFile, withFolder } from './folder.js';
import type { Relay } from './relay.js';

/** The median of the microseconds from the release to the waiter's next step. */
export function handOff(who: string | Origin, quick: boolean): Promise<number> {
  const turns = quick ? 40 : 160;
  const lock = typeof who === 'string' ? fileOrigin(who) : who;
  return withFolder((folder) =>
    withCrew(new URL('relay.js', import.meta.url), 2, async (mates) => {
      const [path, board] = [newFile(folder, 'lock'), newFile(folder, 'board')];
      const took = mates.map((mate, index) => {
        const relay: Relay = { lock, path, board, index: index === 0 ? 0 : 1, turns };
        return mate.call<number[]>('run', relay).done;
      });
      const all = (await Promise.all(took)).flat();
      return median(all) * 1_000;
    }),
  );
}
