/** Ourselves: a guard of its own for every grant, as users write it. */
import { type Contestants, tally } from './contestant.js';
import { Mutex, Semaphore } from '../../src/index.js';

const mutex = new Mutex();

/** The permits of a byte budget: what counts must not be what they number. */
const semaphore = new Semaphore(1e8);

function ignore(): void {}

async function permits(n: number, weight: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    const guard = await semaphore.acquire(weight);
    tally.entered++;
    guard.release();
  }
}

export const contestants: Contestants = {
  tierlock: {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = await mutex.lock();
        tally.entered++;
        guard.release();
      }
    },
    async hold() {
      const guard = await mutex.lock();
      return () => void guard.release();
    },
    async task() {
      const guard = await mutex.lock();
      tally.entered++;
      guard.release();
    },
    expire: (ms) => mutex.lock({ timeout: ms }).then(ignore, ignore),
  },

  'tierlock: tryLock ?? lock': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = mutex.tryLock() ?? (await mutex.lock());
        tally.entered++;
        guard.release();
      }
    },
  },

  'tierlock: acquire(1)': { loop: (n) => permits(n, 1) },
  'tierlock: acquire(1e6)': { loop: (n) => permits(n, 1e6) },
};
