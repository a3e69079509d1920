/** Who holds keeps everybody else out, whoever asks from wherever; and the same acquisition is never taken for two. */
import assert from 'node:assert/strict';
import { turn } from './proof.js';
import type { Case } from './world.js';

export const exclusion: readonly Case[] = [
  {
    promise: 'who holds keeps everybody else out until the release',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      for (let i = 0; i < 3; i++) for (const host of [a, b]) await t.refused(host, key);
      assert.equal(await hold.release(), true);
      const next = await t.take(b, key);
      await t.refused(a, key);
      assert.equal(await next.release(), true);
      await t.free(a, key);
    },
  },
  {
    promise: 'contention is an answer, no error: null',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      await t.take(a, key);
      await t.refused(b, key);
      await t.refused(b, key, { waits: true });
    },
  },
  {
    promise: 'of many who ask at once one is granted',
    run: async (t) => {
      const hosts = [...(await t.hosts()), await t.host()];
      for (let round = 0; round < 5; round++) {
        const key = t.key();
        const asked = Array.from({ length: 12 }, (_, i) => t.try(hosts[i % 3] ?? t.store, t.request(key)));
        const granted = (await Promise.all(asked)).filter((hold) => hold !== null);
        assert.equal(granted.length, 1, `${granted.length} of 12 were granted it alone`);
        assert.equal(await granted[0]?.release(), true);
      }
    },
  },
  {
    promise: 'different keys have nothing to do with each other',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const [one, other] = [t.key(), t.key()];
      const hold = await t.take(a, one);
      const beside = await t.take(b, other);
      assert.equal(await beside.release(), true);
      await t.refused(b, one);
      assert.equal(await hold.release(), true);
    },
  },
  {
    promise: 'who asks again under the same id is granted the same again, and it counts once',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key());
      const first = await t.take(a, request);
      const again = await t.take(a, request);
      assert.equal(again.token, first.token, 'the same acquisition has the same token');
      await t.refused(b, request.key);
      assert.equal(await again.release(), true);
      assert.equal(await first.release(), false, 'the same acquisition was given back already');
      await t.free(b, request.key);
    },
  },
  {
    promise: 'who asks twice at once under the same id holds once',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key());
      const holds = await Promise.all([t.try(a, request), t.try(a, request)]);
      const hold = holds.find((one) => one !== null);
      assert.ok(hold, 'one of two answers at least is a grant');
      await t.refused(b, request.key);
      assert.equal(await hold.release(), true);
      await t.free(b, request.key);
    },
  },
  {
    promise: 'who asks once and is refused leaves nothing behind',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.refused(b, key);
      await t.refused(b, key, { fifo: t.store.supports.fifo });
      await hold.release();
      const { fifo } = t.store.supports;
      const next = await t.take(a, key, { waits: true, fifo });
      await next.release();
    },
  },
  {
    promise: 'of a counter that many write nothing gets lost',
    run: async (t) => {
      const hosts = await t.hosts();
      const key = t.key();
      let counter = 0;
      const write = async (host: (typeof hosts)[number]): Promise<void> => {
        for (let i = 0; i < 5; i++) {
          const hold = await t.wait(host, key);
          const read = counter;
          await turn();
          counter = read + 1;
          assert.equal(await hold.release(), true);
        }
      };
      await Promise.all([0, 1, 2, 3].map((i) => write(hosts[i % 2] ?? t.store)));
      assert.equal(counter, 20);
    },
  },
];
