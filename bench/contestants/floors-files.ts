/** What a lock on a file cannot be cheaper than in JavaScript. */
import { openSync } from 'node:fs';
import { loadAddon, Locked } from '../../src/addon.js';
import { FileLock } from '../../src/index.js';
import type { FileContestant, FileModule } from './files.js';

/** The two calls of our addon, and nothing around them. The first one looks whether the file has been removed, too. */
function calls(kind: number): FileContestant {
  return {
    open(path) {
      const addon = loadAddon();
      const fd = openSync(path, 'r+');
      const take = (): void => {
        if (addon.tryLockFile(fd, 2 * kind + 1) !== Locked.Yes) throw new Error('the lock is not free');
      };
      const give = (): void => addon.unlockFile(fd, 2 * kind);
      return {
        turns(section) {
          for (let more = true; more;) {
            take();
            more = section();
            give();
          }
        },
        hold() {
          take();
          return give;
        },
      };
    },
  };
}

const resolved = Promise.resolve();

export const contestants: FileModule['contestants'] = {
  'floor: calls of the addon, ofd': calls(0),
  'floor: calls of the addon, flock': calls(1),

  'floor: lockSync and an await': {
    open(path) {
      const lock = new FileLock(path);
      return {
        async turns(section) {
          for (let more = true; more;) {
            const guard = lock.lockSync();
            await resolved;
            more = section();
            guard.release();
          }
        },
        hold() {
          const guard = lock.lockSync();
          return () => void guard.release();
        },
      };
    },
  },
};
