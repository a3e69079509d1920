/**
 * proper-lockfile: a folder beside the file. It keeps nothing open; without `realpath` it looks up one path less. Its
 * own retries begin at a second, so here it tries as often as it can be told to: every 1 to 5 ms.
 */
import { lock, lockSync } from 'proper-lockfile';
import type { FileModule } from './files.js';

const options = { realpath: false };
const patient = {
  ...options,
  retries: { retries: 10, forever: true, factor: 1, minTimeout: 1, maxTimeout: 5, randomize: true },
};

export const contestants: FileModule['contestants'] = {
  // It does not wait: only for locks that are free.
  'proper-lockfile: lockSync': {
    open: (path) => ({
      turns(section) {
        for (let more = true; more;) {
          const release = lockSync(path, options);
          more = section();
          release();
        }
      },
      hold: () => lockSync(path, options),
    }),
  },

  'proper-lockfile': {
    open: (path) => ({
      async turns(section) {
        for (let more = true; more;) {
          const release = await lock(path, patient);
          more = section();
          await release();
        }
      },
      hold: () => lock(path, patient),
    }),
  },
};
