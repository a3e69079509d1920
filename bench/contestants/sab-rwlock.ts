/** The readers-writer lock that everybody writes first: a count of readers, -1 for the writer, and nobody's turn. */
import { tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

/** The word's index: away from both ends, so that its cache line is nobody else's. */
const at = 16;

export const contestants: SharedModule['contestants'] = {
  'SAB counter': {
    make: () => new Int32Array(new SharedArrayBuffer(256)),

    open(words: Int32Array): Access {
      const read = (): void => {
        for (;;) {
          const readers = Atomics.load(words, at);
          if (readers < 0) Atomics.wait(words, at, readers);
          else if (Atomics.compareExchange(words, at, readers, readers + 1) === readers) return;
        }
      };
      const endRead = (): void => {
        if (Atomics.sub(words, at, 1) === 1) Atomics.notify(words, at);
      };
      const write = (): void => {
        for (;;) {
          const state = Atomics.compareExchange(words, at, 0, -1);
          if (state === 0) return;
          Atomics.wait(words, at, state);
        }
      };
      const endWrite = (): void => {
        Atomics.store(words, at, 0);
        Atomics.notify(words, at);
      };
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            read();
            tally.entered++;
            endRead();
          }
        },
        reads(n, section) {
          for (let i = 0; i < n; i++) {
            read();
            section();
            endRead();
          }
        },
        writes(n, section) {
          for (let i = 0; i < n; i++) {
            write();
            section();
            endWrite();
          }
        },
      };
    },
  },
};
