/** async-lock: the critical section is a callback; its default of 1,000 pending ones is lifted. */
import AsyncLock from 'async-lock';
import { type Contestants, enter } from './contestant.js';

const lock = new AsyncLock({ maxPending: Infinity });

function ignore(): void {}

export const contestants: Contestants = {
  'async-lock': {
    async loop(n) {
      for (let i = 0; i < n; i++) await lock.acquire('key', enter);
    },
    hold: () =>
      new Promise((held) => {
        void lock.acquire('key', () => new Promise<void>((release) => held(release)));
      }),
    task: () => lock.acquire('key', enter),
    expire: (ms) => lock.acquire('key', enter, { timeout: ms }).then(ignore, ignore),
  },
};
