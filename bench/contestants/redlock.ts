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
        /**
         * Only `using` renews; it tells of a loss by its signal. By default it would try ten times to renew what is gone, and
         * then to give it back, in which two seconds pass each time.
         */
        keep() {
          const renewing = new Redlock([client], { retryCount: 0 });
          return new Promise((resolve, reject) => {
            let release = (): void => undefined;
            const released = new Promise<void>((end) => (release = end));
            const over = renewing.using(resources, ttl, { retryCount: 100 }, async (signal) => {
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
