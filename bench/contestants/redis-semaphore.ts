/** The Mutex of redis-semaphore, which gives no token. It gives up after ten seconds, unless it is told not to. */
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import { tally } from './contestant.js';
import type { StoreModule } from './stores.js';

export const contestants: StoreModule['contestants'] = {
  'redis-semaphore': {
    open({ urls, ttl }) {
      const client = new Redis(urls[0] ?? '');
      const options = { lockTimeout: ttl, acquireTimeout: Infinity };
      const mutex = new Mutex(client, 'bench', options);
      return {
        async loop(n) {
          for (let i = 0; i < n; i++) {
            await mutex.acquire();
            tally.entered++;
            await mutex.release();
          }
        },
        /** One for each who holds: the same one lets everybody in again. */
        async hold() {
          const own = new Mutex(client, 'bench', options);
          await own.acquire();
          return () => own.release();
        },
        /** By default a loss would end the process. */
        async keep() {
          let lost = false;
          const own = new Mutex(client, 'bench', { ...options, onLockLost: () => (lost = true) });
          await own.acquire();
          return { allowed: () => !lost, release: () => own.release() };
        },
        close: () => client.disconnect(),
      };
    },
  },
};
