/** A lock on a file that lets everybody in, and one that cannot be had. Contests must notice. */
import type { FileModule } from '../../bench/contestants/files.js';

export const contestants: FileModule['contestants'] = {
  'no lock': {
    open: () => ({
      turns(section) {
        while (section());
      },
      hold: () => () => undefined,
    }),
  },
  'does not load': {
    open() {
      throw new Error('there is no such lock');
    },
  },
};
