/**
 * async-mutex: `acquire` is its fastest form; `withTimeout` decorates a mutex of its own. Required, because what
 * the package gives to `import` is another build of it, which is three to six times as slow.
 */
import { createRequire } from 'node:module';
import type { Mutex } from 'async-mutex';
import { type Contestants, tally } from './contestant.js';

const {
  Mutex: AsyncMutex,
  Semaphore,
  withTimeout,
}: typeof import('async-mutex') = createRequire(import.meta.url)('async-mutex');

const mutex = new AsyncMutex();

/** `withTimeout` fixes the time per mutex, so the first waiter decides; nobody may queue beside it. */
let impatient: Mutex | undefined;

let semaphore: InstanceType<typeof Semaphore> | undefined;

function ignore(): void {}

/** Made when asked for: it is slow to be released, not to be made, but nobody else should pay for it. */
async function permits(n: number, weight: number): Promise<void> {
  semaphore ??= new Semaphore(1e8);
  for (let i = 0; i < n; i++) {
    const [, release] = await semaphore.acquire(weight);
    tally.entered++;
    release();
  }
}

export const contestants: Contestants = {
  'async-mutex': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const release = await mutex.acquire();
        tally.entered++;
        release();
      }
    },
    hold: () => mutex.acquire(),
    async task() {
      const release = await mutex.acquire();
      tally.entered++;
      release();
    },
    expire(ms) {
      impatient ??= withTimeout(mutex, ms);
      return impatient.acquire().then(ignore, ignore);
    },
  },

  'async-mutex: acquire(1)': { loop: (n) => permits(n, 1) },
  'async-mutex: acquire(1e6)': { loop: (n) => permits(n, 1e6) },
};
