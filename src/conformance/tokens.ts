/** The number by which the guarded resource tells late from early. */
import assert from 'node:assert/strict';
import type { Case } from './world.js';

export const tokens: readonly Case[] = [
  {
    promise: 'a token grows with every grant, whoever gets it',
    needs: ['token'],
    run: async (t) => {
      const hosts = await t.hosts();
      const key = t.key();
      let last = 0n;
      for (let i = 0; i < 10; i++) {
        const hold = await t.take(hosts[i % 2] ?? t.store, key);
        assert.equal(typeof hold.token, 'bigint');
        assert.ok(hold.token > last, `${hold.token} came after ${last}`);
        last = hold.token;
        await hold.release();
      }
    },
  },
  {
    promise: 'a token grows over a lapse',
    needs: ['token', 'ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const late = await t.take(a, key, { ttl: t.ttl });
      const next = await t.wait(b, key);
      assert.ok(next.token > late.token, `${next.token} came after ${late.token}`);
    },
  },
  {
    promise: 'those who hold beside each other have different tokens, and later ones have greater ones',
    needs: ['token', 'shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const one = await t.take(a, key, { shared: true });
      const other = await t.take(b, key, { shared: true });
      assert.ok(other.token > one.token, `${other.token} came after ${one.token}`);
      await one.release();
      await other.release();
      const writer = await t.take(a, key);
      assert.ok(writer.token > other.token, `${writer.token} came after ${other.token}`);
    },
  },
  {
    promise: 'a token grows over a restart of the store',
    needs: ['durable', 'restart'],
    run: async (t) => {
      const key = t.key();
      const before = await t.take(t.store, key, { ttl: t.ttl });
      await before.release();
      await t.faults.restart?.();
      const after = await t.again(t.store, key);
      assert.ok(after.token > before.token, `${after.token} came after ${before.token}`);
    },
  },
  {
    promise: 'a store without tokens says 0n, so that nobody relies on one',
    needs: ['no token'],
    run: async (t) => {
      const hold = await t.take(t.store, t.key());
      assert.equal(hold.token, 0n);
    },
  },
];
