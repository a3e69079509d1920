/** Who may hold beside whom: readers, permits, and those who present the same owner. */
import assert from 'node:assert/strict';
import { LockMisuseError } from '../errors.js';
import { mustBe } from './proof.js';
import type { Case } from './world.js';

const shared = { shared: true };
const three = (units: number): { units: number; permits: number } => ({ units, permits: 3 });

export const readers: readonly Case[] = [
  {
    promise: 'readers come in beside readers',
    needs: ['shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holds = [
        await t.take(a, key, shared),
        await t.take(b, key, shared),
        await t.take(a, key, shared),
      ];
      for (const hold of holds) assert.equal(await hold.release(), true);
      await t.free(b, key);
    },
  },
  {
    promise: 'a writer comes in when the last reader has left',
    needs: ['shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const [one, other] = [await t.take(a, key, shared), await t.take(b, key, shared)];
      await t.refused(b, key);
      await one.release();
      await t.refused(a, key);
      await other.release();
      await t.free(a, key);
    },
  },
  {
    promise: 'a writer keeps readers out',
    needs: ['shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const writer = await t.take(a, key);
      await t.refused(b, key, shared);
      await t.refused(a, key, shared);
      await writer.release();
      const reader = await t.take(b, key, shared);
      await reader.release();
    },
  },
  {
    promise: 'a reader who asks again under the same id counts once',
    needs: ['shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key(), shared);
      await t.take(a, request);
      const hold = await t.take(a, request);
      assert.equal(await hold.release(), true);
      await t.free(b, request.key);
    },
  },
];

export const permits: readonly Case[] = [
  {
    promise: 'as many permits are given out as there are',
    needs: ['permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const holds = [
        await t.take(a, key, three(1)),
        await t.take(b, key, three(1)),
        await t.take(a, key, three(1)),
      ];
      await t.refused(b, key, three(1));
      assert.equal(await holds[1]?.release(), true);
      await t.take(b, key, three(1));
      await t.refused(a, key, three(1));
    },
  },
  {
    promise: 'permits are taken all or none',
    needs: ['permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const two = await t.take(a, key, three(2));
      await t.refused(b, key, three(2));
      await t.refused(b, key, three(3));
      const one = await t.take(b, key, three(1));
      await t.refused(a, key, three(1));
      assert.equal(await two.release(), true);
      await t.refused(a, key, three(3));
      assert.equal(await one.release(), true);
      await t.free(a, key, three(3));
    },
  },
  {
    promise: 'permits that are asked for again under the same id count once',
    needs: ['permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key('semaphore'), three(2));
      await t.take(a, request);
      await t.take(a, request);
      await t.take(b, request.key, three(1));
      await t.refused(b, request.key, three(1));
    },
  },
  {
    promise: 'who asks for another number of permits than others is told that it is a mistake',
    needs: ['permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      await t.take(a, key, three(1));
      const asked = t.try(b, t.request(key, { units: 1, permits: 5 }));
      await assert.rejects(asked, (error: unknown) => {
        mustBe(LockMisuseError)(error);
        assert.match((error as Error).message, /\b3\b.*\b5\b|\b5\b.*\b3\b/s, 'it names both numbers');
        return true;
      });
      await t.take(b, key, three(2));
    },
  },
  {
    promise: 'a lock and a semaphore of one name have nothing to do with each other',
    needs: ['permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const name = t.name();
      const lock = await t.take(a, `lock:${name}`);
      const permit = await t.take(b, `semaphore:${name}`, three(3));
      await t.refused(b, `lock:${name}`);
      await t.refused(a, `semaphore:${name}`, three(1));
      assert.deepEqual([await lock.release(), await permit.release()], [true, true]);
    },
  },
];

export const owners: readonly Case[] = [
  {
    promise: 'who presents the same owner is let in, and others when the last of them has left',
    needs: ['owner'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const one = await t.take(a, key, { owner: 'job 7' });
      const other = await t.take(b, key, { owner: 'job 7' });
      assert.equal(other.token, one.token, 'a re-entrant grant has the same token');
      for (const owner of ['job 8', '', undefined]) await t.refused(b, key, { owner });
      assert.equal(await one.release(), true);
      await t.refused(a, key);
      assert.equal(await other.release(), true);
      const stranger = await t.take(a, key);
      await t.refused(b, key, { owner: 'job 7' });
      if (t.store.supports.token !== 'none') assert.ok(stranger.token > one.token, 'a token grows');
    },
  },
];
