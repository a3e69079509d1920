/** os-lock: fcntl's locks of the process, taken and given back in libuv's pool. It has no other way. */
import { openSync } from 'node:fs';
import { lock, unlock } from 'os-lock';
import type { FileModule } from './files.js';

const exclusive = { exclusive: true };

export const contestants: FileModule['contestants'] = {
  'os-lock': {
    open(path) {
      const fd = openSync(path, 'r+');
      return {
        async turns(section) {
          for (let more = true; more;) {
            await lock(fd, exclusive);
            more = section();
            await unlock(fd);
          }
        },
        async hold() {
          await lock(fd, exclusive);
          return () => unlock(fd);
        },
      };
    },
  },
};
