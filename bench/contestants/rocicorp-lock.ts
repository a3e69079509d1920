/** @rocicorp/lock: a promise chain. It has no timeout. */
import { Lock } from '@rocicorp/lock';
import { type Contestants, tally } from './contestant.js';

const lock = new Lock();

export const contestants: Contestants = {
  '@rocicorp/lock': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const release = await lock.lock();
        tally.entered++;
        release();
      }
    },
    hold: () => lock.lock(),
    async task() {
      const release = await lock.lock();
      tally.entered++;
      release();
    },
  },
};
