/** async-sema with one token. It has no timeout. */
import { Sema } from 'async-sema';
import { type Contestants, tally } from './contestant.js';

const sema = new Sema(1);

export const contestants: Contestants = {
  'async-sema': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        await sema.acquire();
        tally.entered++;
        sema.release();
      }
    },
    async hold() {
      await sema.acquire();
      return () => sema.release();
    },
    async task() {
      await sema.acquire();
      tally.entered++;
      sema.release();
    },
  },
};
