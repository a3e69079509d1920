/** Only who holds something gives it back, and he is told the truth about it. */
import assert from 'node:assert/strict';
import { LockError } from '../errors.js';
import type { Case } from './world.js';

export const releases: readonly Case[] = [
  {
    promise: 'a release tells the truth: true, and false the second time, which frees nobody',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      assert.equal(await hold.release(), true, 'it was there');
      assert.equal(await hold.release(), false, 'it was given back before');
      const next = await t.take(b, key);
      assert.equal(await hold.release(), false, 'it is not his');
      await t.refused(a, key);
      assert.equal(await next.release(), true, 'it was still there');
    },
  },
  {
    promise: 'a second release frees nobody of the same client',
    run: async (t) => {
      const key = t.key();
      const hold = await t.take(t.store, key);
      await hold.release();
      const next = await t.take(t.store, key);
      assert.equal(await hold.release(), false);
      await t.refused(t.store, key);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'two releases at once give back once',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      const told = await Promise.all([hold.release(), hold.release()]);
      assert.equal(told.filter(Boolean).length, 1, `told: ${told.join(', ')}`);
      await t.free(b, key);
    },
  },
  {
    promise: 'a late release frees nobody',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const late = await t.take(a, key, { ttl: t.ttl });
      const next = await t.wait(b, key);
      assert.equal(await late.release(), false, 'it had lapsed');
      await t.refused(a, key);
      assert.equal(await next.release(), true, 'it was still there');
    },
  },
  {
    promise: 'a late reader gives back nothing of those who read now',
    needs: ['ttl', 'shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const reader = await t.take(b, key, { shared: true });
      const late = await t.take(a, key, { shared: true, ttl: t.ttl });
      await t.lapse(late);
      assert.equal(await late.release(), false, 'it had lapsed');
      await t.refused(a, key);
      assert.equal(await reader.release(), true, 'it was still there');
      await t.free(a, key);
    },
  },
  {
    promise: 'a late release gives back no permits of others',
    needs: ['ttl', 'permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const late = await t.take(a, key, { permits: 3, units: 2, ttl: t.ttl });
      await t.lapse(late);
      const all = await t.take(b, key, { permits: 3, units: 3 });
      assert.equal(await late.release(), false, 'it had lapsed');
      await t.refused(a, key, { permits: 3 });
      assert.equal(await all.release(), true);
    },
  },
  {
    promise: 'whose record was wiped is told so by his release, and frees nobody',
    needs: ['wipe'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.options.wipe?.();
      const next = await t.take(b, key);
      assert.equal(await hold.release(), false);
      await t.refused(a, key);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'what a release has given back is free at once for whoever asks then',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      for (let i = 0; i < 10; i++) {
        const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
        const hold = await t.take(from, key);
        await hold.release();
        await t.free(to, key);
      }
    },
  },
];

export const forgets: readonly Case[] = [
  {
    promise: 'a store in which nothing lapses can forget',
    needs: ['no ttl'],
    run: async (t) => {
      assert.ok(t.store.forget !== undefined, 'an acquisition whose answer was lost would stay for ever');
    },
  },
  {
    promise: 'a request that is forgotten has taken nothing',
    needs: ['forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key());
      const hold = await t.take(a, request);
      await t.forget(a, request);
      const next = await t.take(b, request.key);
      assert.equal(await hold.release(), false, 'it was forgotten');
      await t.forget(a, request);
      await t.refused(a, request.key);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'to forget what has taken nothing does nothing',
    needs: ['forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      for (const host of [a, b]) await t.forget(host, t.request(key));
      await t.forget(b, t.request(t.key()));
      await t.refused(b, key);
      assert.equal(await hold.release(), true);
    },
  },
  {
    promise: 'permits that are forgotten are free again, all of them',
    needs: ['forget', 'permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key('semaphore'), { permits: 3, units: 2 });
      await t.take(a, request);
      await t.forget(a, request);
      await t.free(b, request.key, { permits: 3, units: 3 });
    },
  },
  {
    promise: 'a request that is forgotten while it is asked is forgotten once both are answered',
    needs: ['forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key(), { ttl: t.ttl });
      const asked = t.try(a, request).catch((error: unknown) => {
        // Nobody wants it any more, so it may say that.
        assert.ok(!(error instanceof LockError), String(error));
      });
      await t.forget(a, request);
      await asked;
      // Which of them came first in the store is not known, so it is forgotten again.
      await t.forget(a, request);
      await t.free(b, request.key);
    },
  },
];
