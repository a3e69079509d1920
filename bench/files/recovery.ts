/** How long a lock stays lost when its holder is killed: from the signal until a process that waits has the lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileOrigin } from '../contestants/files.js';
import { clock } from '../team/clock.js';
import { Mate, withCrew } from './crew.js';
import { Board, newFile, withFolder } from './folder.js';
import type { Locks, Wait } from './holder.js';

/** Milliseconds, one figure for each killed holder. */
export function recovery(name: string, quick: boolean): Promise<number[]> {
  const lock = fileOrigin(name);
  const module = new URL('holder.js', import.meta.url);
  return withFolder((folder) =>
    withCrew(module, 1, async ([waiter]) => {
      if (waiter === undefined) throw new Error('there is nobody to wait');
      const [path, counter] = [newFile(folder, 'lock'), newFile(folder, 'counter')];
      const locks: Locks = { lock, paths: [path], ms: 60_000 };
      const wait: Wait = { lock, path, counter };
      const times: number[] = [];
      while (times.length < (quick ? 3 : 7)) {
        const holder = new Mate(module, 1);
        await holder.call('hold', locks).done;
        const taken = waiter.call<number>('take', wait);
        await taken.began;
        // Long enough to sleep, and never at the same place of a slice of time.
        await sleep(10 + ((times.length * 7) % 20));
        const start = clock();
        holder.kill();
        times.push((await taken.done) - start);
      }
      const counted = new Board(counter).get(0);
      if (counted !== times.length || times.some((ms) => ms < 0))
        throw new Error(`the lock does not exclude: ${times.length} sections counted to ${counted}`);
      return times;
    }),
  );
}
