/**
 * A driver: the locks of server.mjs, for `lock(name, { distributed: httpStore(port) })`. All that depends on time, on
 * timeouts and on lost answers is not here: it lives above all drivers, once.
 */
import { Agent, request } from 'node:http';
import { LockBackendError, LockLostError } from 'tierlock';

/** @param {number} port @returns {import('tierlock').Backend} */
export function httpStore(port) {
  // One connection: what is sent first is done first, so to forget something never overtakes the attempt to take it.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let closed = false;

  /** @param {string} path @param {object} question @returns {Promise<any>} */
  const ask = (path, question) =>
    new Promise((resolve, reject) => {
      const sent = request({ agent, port, host: '127.0.0.1', path: `/${path}`, method: 'POST' });
      sent.on('error', reject);
      sent.on('response', (response) => {
        response.toArray().then((chunks) => resolve(JSON.parse(Buffer.concat(chunks).toString())), reject);
      });
      sent.end(JSON.stringify(question));
    });

  return {
    name: 'http',
    supports: { shared: false, permits: false, fifo: false, owner: false, ttl: true, token: 'volatile' },

    async tryAcquire({ key, id, ttl }) {
      // A LockError says that to ask again would not help. What ask() throws says that nobody knows.
      if (closed) throw new LockBackendError('the store was closed: open another one', { lock: key });
      const { taken, token } = await ask('take', { key, id, ttl });
      if (taken) return null; // an answer, no error
      return {
        token: BigInt(token),
        async renew(longer) {
          const { ours } = await ask('renew', { key, id, ttl: longer });
          if (!ours) throw new LockLostError('its record is gone', { lock: key });
        },
        release: async () => (await ask('release', { key, id })).ours,
      };
    },
    forget: ({ key, id }) => ask('release', { key, id }),

    async inspect(key) {
      const record = await ask('look', { key });
      if (record === null) return [];
      return [{ id: record.id, token: BigInt(record.token), shared: false, units: 1, left: record.left }];
    },
    break: async (key) => (await ask('remove', { key })).held,
    async list(prefix) {
      /** @type {string[]} */
      const keys = await ask('keys', {});
      return keys.filter((key) => key.startsWith(prefix));
    },

    async close() {
      closed = true;
      agent.destroy(); // what is held lapses
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}

/** For the processes of the suite: which server it is stands in the URL of this module. */
export function open() {
  return httpStore(Number(new URL(import.meta.url).searchParams.get('port')));
}
