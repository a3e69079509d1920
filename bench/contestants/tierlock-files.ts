/** Ourselves on files: a guard of its own for every grant, as users write it. */
import { FileLock } from '../../src/index.js';
import type { FileLockOptions } from '../../src/index.js';
import type { FileContestant, FileModule } from './files.js';

type Kind = NonNullable<FileLockOptions['kind']>;

function blocking(kind: Kind): FileContestant {
  return {
    open(path) {
      const lock = new FileLock(path, { kind });
      return {
        turns(section) {
          for (let more = true; more;) {
            const guard = lock.lockSync();
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
  };
}

function waiting(kind: Kind): FileContestant {
  return {
    open(path) {
      const lock = new FileLock(path, { kind });
      return {
        async turns(section) {
          for (let more = true; more;) {
            const guard = await lock.lock();
            more = section();
            guard.release();
          }
        },
        async hold() {
          const guard = await lock.lock();
          return () => void guard.release();
        },
      };
    },
  };
}

export const contestants: FileModule['contestants'] = {
  tierlock: blocking('ofd'),
  'tierlock: flock': blocking('flock'),
  'tierlock: await': waiting('ofd'),
  'tierlock: await, flock': waiting('flock'),
};
