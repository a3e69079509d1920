/**
 * How long a lock in a store is ours, as its holder sees it: as long as it is renewed, and never longer than the store
 * keeps others out. The other host is played by hand.
 */
import assert from 'node:assert/strict';
import { LockBackendError, LockLostError, LockTimeoutError } from '../errors.js';
import type { Guard } from '../lock-guard.js';
import { locked } from './calls.js';
import { eventually, until, within } from './proof.js';
import type { Case, World } from './world.js';

/** So long that pauses of a busy machine cost nothing that is renewed in time. */
const CALM = 2000;

/** The time to live of locks that are to be lost. The core allows no shorter one. */
const brief = (t: World): number => Math.max(600, t.ttl);

/** Resolves when the guard says by itself that it is lost. */
async function told(t: World, guard: Guard): Promise<void> {
  const aborted = new Promise((resolve) => {
    if (guard.signal.aborted) resolve(undefined);
    guard.signal.addEventListener('abort', resolve, { once: true });
  });
  await within(t.patience, 'the signal of a lost lock', aborted);
  assert.ok(guard.signal.reason instanceof LockLostError, String(guard.signal.reason));
  assert.equal(guard.held, false);
  assert.throws(() => guard.assertHeld(), LockLostError);
}

export const leases: readonly Case[] = [
  {
    promise: 'what is held for longer than its time to live is renewed, and still held',
    needs: ['ttl'],
    run: async (t) => {
      const rival = await t.host();
      const ttl = Math.max(CALM, t.ttl);
      const name = t.name();
      const began = performance.now();
      const guard = await locked(t, name, { ttl });
      await until(began + 1.3 * ttl);
      await t.refused(rival, `lock:${name}`);
      assert.ok(guard.held);
      assert.equal(guard.signal.aborted, false);
      assert.equal(await guard.release(), true);
      await t.free(rival, `lock:${name}`);
    },
  },
  {
    promise: 'what is not renewed is not held any more when another host comes in',
    needs: ['ttl'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const guard = await locked(t, name, { ttl: brief(t), renew: false });
      const next = await t.wait(rival, `lock:${name}`);
      assert.equal(guard.held, false, 'it was lost before anybody else could have it');
      await told(t, guard);
      assert.equal(await guard.release(), false);
      await t.refused(await t.host(), `lock:${name}`);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'what is renewed by hand lasts so long from then on',
    needs: ['ttl'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const began = performance.now();
      const guard = await locked(t, name, { ttl: 1000, renew: false });
      await guard.renew(60_000);
      await until(began + 1100);
      assert.ok(guard.held);
      await t.refused(rival, `lock:${name}`);
      assert.equal(await guard.release(), true);
    },
  },
  {
    promise: 'whose record is wiped is told, and his release frees nobody',
    needs: ['ttl', 'wipe'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const guard = await locked(t, name, { ttl: brief(t) });
      await t.options.wipe?.();
      const next = await t.take(rival, `lock:${name}`);
      await told(t, guard);
      assert.equal(await guard.release(), false);
      await t.refused(await t.host(), `lock:${name}`);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'from whom it is broken is told, and his release frees nobody',
    needs: ['ttl', 'break'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const guard = await locked(t, name, { ttl: brief(t) });
      assert.equal(await t.answer('break', Promise.resolve(rival.break?.(`lock:${name}`))), true);
      const next = await t.take(rival, `lock:${name}`);
      await told(t, guard);
      assert.equal(await guard.release(), false);
      assert.equal(await next.release(), true);
    },
  },
];

const down = (error: unknown): boolean => {
  assert.ok(error instanceof LockBackendError || error instanceof LockTimeoutError, String(error));
  return true;
};

export const outages: readonly Case[] = [
  {
    promise: 'while the store is silent a lock is lost when its time is over, and not when an answer comes',
    needs: ['ttl', 'silence', 'heal'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const guard = await locked(t, name, { ttl: brief(t) });
      await t.faults.silence?.();
      try {
        const since = performance.now();
        await told(t, guard);
        const lasted = performance.now() - since;
        assert.ok(lasted < brief(t) + 1000, `it was lost ${lasted} ms after the last answer`);
        assert.equal(await t.answer('release()', guard.release()), false);
      } finally {
        await t.faults.heal?.();
      }
      await (await t.again(rival, `lock:${name}`)).release();
    },
  },
  {
    promise: 'while the store is silent every call ends in its time, and nothing of it stays',
    needs: ['ttl', 'silence', 'heal'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      await (await locked(t, name, { ttl: brief(t) })).release();
      await t.faults.silence?.();
      try {
        const began = performance.now();
        await assert.rejects(locked(t, name, { timeout: 300, ttl: brief(t) }), down);
        const took = performance.now() - began;
        assert.ok(took >= 299 && took < 3000, `it took ${took} ms of 300`);
        const wish = t.wish();
        const waits = locked(t, name, { signal: wish.signal, ttl: brief(t) });
        wish.abort();
        await assert.rejects(waits, (error) => error === wish.signal.reason);
      } finally {
        await t.faults.heal?.();
      }
      await (await t.again(rival, `lock:${name}`)).release();
    },
  },
  {
    promise: 'a store that refuses connections is an error that says so, after a few tries',
    needs: ['refuse', 'heal'],
    run: async (t) => {
      const name = t.name();
      await (await locked(t, name)).release();
      await t.faults.refuse?.();
      try {
        await assert.rejects(locked(t, name), (error) => error instanceof LockBackendError);
      } finally {
        await t.faults.heal?.();
      }
      const guard = await eventually(t.patience, 'the lock', () => locked(t, name).catch(() => undefined));
      assert.equal(await guard.release(), true);
    },
  },
  {
    promise: 'a lock() whose answer was lost holds once, and its release frees it',
    needs: ['loseReply'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      await (await locked(t, name)).release();
      await t.faults.loseReply?.();
      const guard = await locked(t, name);
      assert.ok(guard.held);
      const refused = await t.answer('tryAcquire', rival.tryAcquire(t.request(`lock:${name}`)));
      assert.equal(refused, null);
      assert.equal(await guard.release(), true);
      await (await t.again(rival, `lock:${name}`)).release();
    },
  },
];
