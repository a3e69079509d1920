/** redlock on one node. It gives up after ten tries, unless it is told not to; all else is its default. */
import { Redis } from 'ioredis';
import Redlock from 'redlock';
import { tally } from './contestant.js';
import type { StoreModule } from './stores.js';

const resources = ['bench'];

export const contestants: StoreModule['contestants'] = {
  redlock: {
    open({ urls, ttl }) {
      const client = new Redis(urls[0] ?? '');
      const redlock = new Redlock([client], { retryCount: -1 });
      return {
        async loop(n) {
          for (let i = 0; i < n; i++) {
            const lock = await redlock.acquire(resources, ttl);
            tally.entered++;
            await lock.release();
          }
        },
        async hold() {
          const lock = await redlock.acquire(resources, ttl);
          return () => lock.release();
        },
        /** Only `using` renews. It tells of a loss by its signal. */
        keep() {
          return new Promise((resolve, reject) => {
            let release = (): void => undefined;
            const released = new Promise<void>((end) => (release = end));
            const over = redlock.using(resources, ttl, { retryCount: 0 }, async (signal) => {
              resolve({
                allowed: () => !signal.aborted,
                release() {
                  release();
                  return over;
                },
              });
              await released;
            });
            over.catch(reject);
          });
        },
        close: () => client.disconnect(),
      };
    },
  },
};
