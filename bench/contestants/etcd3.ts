/**
 * lock() of etcd3, which is unmaintained. It does not wait: so it tries again, after 50 to 150 ms, which is as often as
 * redis' clients do at their slowest, and each try costs it a lease.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Etcd3, EtcdLockFailedError } from 'etcd3';
import { tally } from './contestant.js';
import type { StoreModule } from './stores.js';

export const contestants: StoreModule['contestants'] = {
  etcd3: {
    open({ urls, ttl }) {
      const client = new Etcd3({ hosts: [...urls] });
      const seconds = Math.ceil(ttl / 1000);
      return {
        async loop(n) {
          for (let i = 0; i < n; i++) {
            const lock = client.lock('bench').ttl(seconds);
            await lock.acquire();
            tally.entered++;
            await lock.release();
          }
        },
        async hold() {
          for (;;) {
            const lock = client.lock('bench').ttl(seconds);
            try {
              await lock.acquire();
              return () => lock.release();
            } catch (error) {
              if (!(error instanceof EtcdLockFailedError)) throw error;
              await sleep(50 + 100 * Math.random());
            }
          }
        },
        close: () => client.close(),
      };
    },
  },
};
