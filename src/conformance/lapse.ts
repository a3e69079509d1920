/**
 * What is not renewed lapses: not a moment too early, because its holder counts on it, and not too late. And what has
 * lapsed stays so.
 */
import assert from 'node:assert/strict';
import { LockLostError } from '../errors.js';
import { mustBe, until } from './proof.js';
import type { Case, Hold } from './world.js';

const lost = mustBe(LockLostError);

/** A store counts whole milliseconds. */
const ROUNDING = 1;

function notEarly(hold: Hold, now = performance.now()): void {
  const early = hold.until - now;
  assert.ok(early <= ROUNDING, `it has lapsed ${early} ms before its time`);
}

export const lapses: readonly Case[] = [
  {
    promise: 'what is not renewed lapses, and not before its time',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      for (const rest of [{}, t.store.supports.shared ? { shared: true } : {}]) {
        const key = t.key();
        const hold = await t.take(a, key, { ttl: t.ttl, ...rest });
        assert.ok((hold.grant.lasts ?? t.ttl) > 0, 'it lasts at least for a moment');
        const next = await t.wait(b, key);
        notEarly(hold);
        await next.release();
      }
    },
  },
  {
    promise: 'what is renewed lasts for so long from then on, at least',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key, { ttl: 2 * t.ttl });
      for (const ttl of [2 * t.ttl, t.ttl, 2 * t.ttl]) await hold.renew(ttl);
      const next = await t.wait(b, key);
      notEarly(hold);
      await next.release();
    },
  },
  {
    promise: 'who renews in time is still there when his first time is over',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      // So long that no pause of this test lets it lapse.
      const hold = await t.take(a, key, { ttl: 4 * t.ttl });
      const first = hold.until;
      await hold.renew(60 * t.ttl);
      await until(first + t.ttl / 4);
      await t.refused(b, key);
      assert.equal(await hold.release(), true);
    },
  },
  {
    promise: 'a renewal of what has lapsed is a loss, and brings nothing back',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const late = await t.take(a, key, { ttl: t.ttl });
      const next = await t.wait(b, key);
      await assert.rejects(late.renew(60 * t.ttl), lost);
      await t.refused(a, key);
      assert.equal(await next.release(), true, 'it was still there');
      await assert.rejects(late.renew(60 * t.ttl), lost);
      await t.free(b, key);
    },
  },
  {
    promise: 'a renewal of what nobody else has taken is a loss, too, once it has lapsed',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const late = await t.take(a, key, { ttl: t.ttl });
      await t.lapse(late);
      await assert.rejects(late.renew(60 * t.ttl), lost);
      await t.free(b, key);
    },
  },
  {
    promise: 'a renewal of what was given back is a loss, and brings nothing back',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await hold.release();
      await assert.rejects(hold.renew(60_000), lost);
      await t.free(b, key);
    },
  },
  {
    promise: 'what is asked for again under the same id lasts from then on',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const request = t.request(t.key(), { ttl: t.ttl });
      const first = await t.take(a, request);
      await until(first.sent + 0.5 * t.ttl);
      const again = await t.take(a, request);
      const next = await t.wait(b, request.key);
      notEarly(again);
      await next.release();
    },
  },
  {
    promise: 'who has waited for longer than his ttl is granted what lasts, not what has lapsed',
    needs: ['ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      const asked = performance.now();
      const waits = t.wait(b, key, { ttl: t.ttl, fifo: t.store.supports.fifo });
      await until(asked + 1.5 * t.ttl);
      await holder.release();
      const hold = await waits;
      const next = await t.wait(a, key);
      notEarly(hold);
      await next.release();
    },
  },
  {
    promise: 'whose record was wiped is told so by his next renewal',
    needs: ['ttl', 'wipe'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.options.wipe?.();
      await assert.rejects(hold.renew(60_000), lost);
      await t.free(b, key);
    },
  },
  {
    promise: 'permits lapse each by itself',
    needs: ['ttl', 'permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const late = await t.take(a, key, { permits: 2, ttl: t.ttl });
      const stays = await t.take(a, key, { permits: 2 });
      const next = await t.wait(b, key, { permits: 2 });
      notEarly(late);
      await t.refused(a, key, { permits: 2 });
      assert.deepEqual(
        [await late.release(), await stays.release(), await next.release()],
        [false, true, true],
      );
    },
  },
  {
    promise: 'where nothing lapses, what is held stays held',
    needs: ['no ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key, { ttl: 20 });
      await until(hold.sent + 60);
      await t.refused(b, key);
      assert.equal(await hold.release(), true);
    },
  },
];
