/** fs-native-extensions: open file description locks; whoever waits asynchronously has a thread of his own. */
import { openSync } from 'node:fs';
import { unlock, waitForLock, waitForLockSync } from 'fs-native-extensions';
import type { FileModule } from './files.js';

export const contestants: FileModule['contestants'] = {
  'fs-native-extensions: waitForLockSync': {
    open(path) {
      const fd = openSync(path, 'r+');
      return {
        turns(section) {
          for (let more = true; more;) {
            waitForLockSync(fd);
            more = section();
            unlock(fd);
          }
        },
        hold() {
          waitForLockSync(fd);
          return () => unlock(fd);
        },
      };
    },
  },

  'fs-native-extensions: waitForLock': {
    open(path) {
      const fd = openSync(path, 'r+');
      return {
        async turns(section) {
          for (let more = true; more;) {
            await waitForLock(fd);
            more = section();
            unlock(fd);
          }
        },
        async hold() {
          await waitForLock(fd);
          return () => unlock(fd);
        },
      };
    },
  },
};
