/** The mutex that everybody writes first: every release wakes somebody, waiting or not. */
import { tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

/** The word's index: away from both ends, so that its cache line is nobody else's. */
const at = 16;

export const contestants: SharedModule['contestants'] = {
  'SAB naive': {
    make: () => new Int32Array(new SharedArrayBuffer(256)),

    open(words: Int32Array): Access {
      const lock = (): void => {
        while (Atomics.compareExchange(words, at, 0, 1) !== 0) Atomics.wait(words, at, 1);
      };
      const unlock = (): void => {
        Atomics.store(words, at, 0);
        Atomics.notify(words, at, 1);
      };
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            lock();
            tally.entered++;
            unlock();
          }
        },
        turns(n, section) {
          for (let i = 0; i < n; i++) {
            lock();
            section();
            unlock();
          }
        },
      };
    },
  },
};
