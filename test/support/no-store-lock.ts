/** Locks in a store that let everybody in, or say for ever that all is well. Contests must notice. */
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { StoreModule } from '../../bench/contestants/stores.js';

export const contestants: StoreModule['contestants'] = {
  'no lock': {
    open: () => ({
      async hold() {
        // As often as can be: the two must meet within a few microseconds, on a busy machine too.
        await setImmediate();
        return () => Promise.resolve();
      },
      close: () => undefined,
    }),
  },
  'knows nothing': {
    open({ urls, ttl }) {
      const client = new Redis(urls[0] ?? '');
      return {
        async keep() {
          await client.set('record', 'mine', 'PX', ttl);
          setInterval(() => void client.pexpire('record', ttl), ttl / 3).unref();
          return { allowed: () => true, release: () => Promise.resolve(true) };
        },
        close: () => client.disconnect(),
      };
    },
  },
};
