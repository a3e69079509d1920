/** fs-ext: flock(2). Its asynchronous call waits in libuv's pool, so it gives back by the other one, which is faster. */
import { openSync } from 'node:fs';
import { constants, flock, flockSync } from 'fs-ext';
import type { FileModule } from './files.js';

const { LOCK_EX, LOCK_UN } = constants;

function take(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    flock(fd, LOCK_EX, (error) => (error ? reject(error) : resolve()));
  });
}

export const contestants: FileModule['contestants'] = {
  'fs-ext: flockSync': {
    open(path) {
      const fd = openSync(path, 'r+');
      return {
        turns(section) {
          for (let more = true; more;) {
            flockSync(fd, LOCK_EX);
            more = section();
            flockSync(fd, LOCK_UN);
          }
        },
        hold() {
          flockSync(fd, LOCK_EX);
          return () => void flockSync(fd, LOCK_UN);
        },
      };
    },
  },

  'fs-ext: flock': {
    open(path) {
      const fd = openSync(path, 'r+');
      return {
        async turns(section) {
          for (let more = true; more;) {
            await take(fd);
            more = section();
            flockSync(fd, LOCK_UN);
          }
        },
        async hold() {
          await take(fd);
          return () => void flockSync(fd, LOCK_UN);
        },
      };
    },
  },
};
