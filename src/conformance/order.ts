/** The order of arrival, for those who ask for it: from the first try on, and nobody is held up by one who has gone. */
import assert from 'node:assert/strict';
import type { BackendRequest } from '../backend.js';
import type { Case } from './world.js';

const line: Partial<BackendRequest> = { waits: true, fifo: true };

export const orders: readonly Case[] = [
  {
    promise: 'those who ask for order get it by their first try',
    needs: ['fifo'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      let holder = await t.take(a, key);
      const waiting = Array.from({ length: 4 }, (_, i) => ({
        host: i % 2 === 0 ? a : b,
        request: t.request(key, line),
      }));
      for (const { host, request } of waiting) await t.refused(host, request);
      // Later tries, in another order, change nothing.
      for (const { host, request } of waiting.toReversed()) await t.refused(host, request);
      while (waiting.length > 0) {
        await holder.release();
        for (const { host, request } of waiting.slice(1).toReversed()) await t.refused(host, request);
        await t.refused(b, key, line);
        const [first] = waiting.splice(0, 1);
        assert.ok(first);
        holder = await t.take(first.host, first.request);
      }
    },
  },
  {
    promise: 'who is forgotten loses his place, and those behind him are told',
    needs: ['fifo', 'forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      const [first, second] = [t.request(key, line), t.request(key, line)];
      await t.refused(a, first);
      await t.refused(b, second);
      await holder.release();
      const waits = t.wait(b, second);
      await t.forget(a, first);
      const hold = await waits;
      await hold.release();
      await t.free(a, key);
    },
  },
  {
    promise:
      'whose client is closed while he waits in line holds up nobody, at the latest when his time is over',
    needs: ['fifo'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      await t.refused(b, key, { ...line, ttl: t.ttl });
      await b.close();
      await holder.release();
      const next = await t.wait(a, key, { fifo: true });
      await next.release();
    },
  },
  {
    promise: 'a reader does not pass a writer who waits in line',
    needs: ['fifo', 'shared', 'forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const reader = await t.take(a, key, { shared: true });
      const writer = t.request(key, line);
      const later = t.request(key, { ...line, shared: true });
      await t.refused(b, writer);
      await t.refused(a, later);
      await reader.release();
      await t.refused(a, later);
      const hold = await t.take(b, writer);
      await hold.release();
      await t.take(a, later);
    },
  },
  {
    promise: 'who wants few permits does not pass one in line who wants many',
    needs: ['fifo', 'permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const held = await t.take(a, key, { permits: 3, units: 1 });
      const all = t.request(key, { ...line, permits: 3, units: 3 });
      const one = t.request(key, { ...line, permits: 3, units: 1 });
      await t.refused(b, all);
      await t.refused(a, one);
      await held.release();
      await t.refused(a, one);
      const hold = await t.take(b, all);
      await hold.release();
      await t.take(a, one);
    },
  },
  {
    promise: 'a place in line is no hold: a look shows who holds, not who waits',
    needs: ['fifo', 'inspect'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      await t.refused(b, t.request(key, line));
      for (const host of [a, b]) {
        const found = (await t.answer('inspect', Promise.resolve(host.inspect?.(key)))) ?? [];
        assert.deepEqual(
          found.map(({ id }) => id),
          [holder.request.id],
        );
      }
    },
  },
];
