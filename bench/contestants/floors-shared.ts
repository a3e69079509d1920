/** What the language itself charges where threads share memory. */
import { tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

/** The word's index: away from both ends, so that its cache line is nobody else's. */
const at = 16;

function make(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(256));
}

export const contestants: SharedModule['contestants'] = {
  /** No lock can be cheaper whose release checks who calls. */
  'floor: CAS pair': {
    make,
    open(words: Int32Array): Access {
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            Atomics.compareExchange(words, at, 0, 1);
            tally.entered++;
            Atomics.compareExchange(words, at, 1, 0);
          }
        },
      };
    },
  },

  'floor: Atomics.notify': {
    make,
    open(words: Int32Array): Access {
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            Atomics.notify(words, at, 1);
            tally.entered++;
          }
        },
      };
    },
  },
};
