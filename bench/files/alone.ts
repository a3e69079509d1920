/** What a lock on a file costs while nobody else wants it. */
import { fileOrigin, openFileOf } from '../contestants/files.js';
import { tally } from '../contestants/contestant.js';
import { isNative, runNative } from '../contestants/native.js';
import { type Effort, loopTimes } from '../inner.js';
import { newFile, withFolder } from './folder.js';

/** Pairs of less than a microsecond, and others of half a millisecond. */
function effortOf(quick: boolean): Effort {
  return quick ? { count: 20_000, rounds: 3, budget: 60 } : { count: 50_000, rounds: 9, budget: 500 };
}

/** Nanoseconds of a lock and its release. */
export function alone(name: string, quick: boolean): Promise<number[]> {
  const work = effortOf(quick);
  return withFolder(async (folder) => {
    const path = newFile(folder, 'lock');
    if (isNative(name))
      return runNative(name, [path, name.endsWith('flock') ? 1 : 0, work.count, work.rounds]);
    const { turns } = await openFileOf(fileOrigin(name), path);
    return loopTimes(async (n) => {
      let left = n;
      await turns(() => {
        tally.entered++;
        return --left > 0;
      });
    }, work);
  });
}
