/** The semaphore that everybody writes first: a count, and every release wakes somebody, waiting or not. */
import { tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

/** The word's index: away from both ends, so that its cache line is nobody else's. */
const at = 16;

export const contestants: SharedModule['contestants'] = {
  'SAB semaphore': {
    make() {
      const words = new Int32Array(new SharedArrayBuffer(256));
      words[at] = 2;
      return words;
    },

    open(words: Int32Array): Access {
      const acquire = (): void => {
        for (;;) {
          const free = Atomics.load(words, at);
          if (free === 0) Atomics.wait(words, at, 0);
          else if (Atomics.compareExchange(words, at, free, free - 1) === free) return;
        }
      };
      const release = (): void => {
        Atomics.add(words, at, 1);
        Atomics.notify(words, at, 1);
      };
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            acquire();
            tally.entered++;
            release();
          }
        },
        turns(n, section) {
          for (let i = 0; i < n; i++) {
            acquire();
            section();
            release();
          }
        },
      };
    },
  },
};
