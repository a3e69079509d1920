/** p-limit at a concurrency of one: the critical section is a callback. It has no timeout. */
import pLimit from 'p-limit';
import { type Contestants, enter } from './contestant.js';

const limit = pLimit(1);

export const contestants: Contestants = {
  'p-limit': {
    async loop(n) {
      for (let i = 0; i < n; i++) await limit(enter);
    },
    hold: () =>
      new Promise((held) => {
        void limit(() => new Promise<void>((release) => held(release)));
      }),
    task: () => limit(enter),
  },
};
