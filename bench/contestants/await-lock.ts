/** await-lock: the lock itself is released, there is no guard. */
import AwaitLock from 'await-lock';
import { type Contestants, tally } from './contestant.js';

const lock = new AwaitLock();

function ignore(): void {}

export const contestants: Contestants = {
  'await-lock': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        await lock.acquireAsync();
        tally.entered++;
        lock.release();
      }
    },
    async hold() {
      await lock.acquireAsync();
      return () => lock.release();
    },
    async task() {
      await lock.acquireAsync();
      tally.entered++;
      lock.release();
    },
    expire: (ms) => lock.acquireAsync({ timeout: ms }).then(ignore, ignore),
  },
};
