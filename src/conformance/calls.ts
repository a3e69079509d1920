/**
 * The store as users have it: `lock()` above the driver. The other host is played by hand, because within one process the
 * lower tiers would keep it out before the store is asked.
 */
import assert from 'node:assert/strict';
import { LockTimeoutError, LockUnsupportedError } from '../errors.js';
import type { Guard } from '../lock-guard.js';
import type { LockCallOptions } from '../lock-options.js';
import { lock, lockSync, tryLock } from '../lock.js';
import { isSettled, mustBe, turn } from './proof.js';
import type { Case, World } from './world.js';

/** Locks it, and releases it behind the case at the latest. */
export async function locked(t: World, name: string, options: LockCallOptions = {}): Promise<Guard> {
  const asked = lock(name, { distributed: t.store, signal: t.wish().signal, ...options });
  const guard = await t.answer('lock()', asked);
  t.afterwards(() => guard.release());
  return guard;
}

const reason = new Error('nobody wants it any more');

/** A timer counts whole milliseconds. */
const ROUNDING = 1;

export const calls: readonly Case[] = [
  {
    promise: 'lock() waits for a holder on another host, and keeps others out then',
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const holder = await t.take(rival, `lock:${name}`);
      const waits = locked(t, name);
      for (let i = 0; i < 3; i++) await t.refused(rival, `lock:${name}`);
      assert.equal(await isSettled(waits), false, 'it is held elsewhere, so lock() goes on waiting');
      assert.equal(await holder.release(), true);
      const guard = await waits;
      assert.ok(guard.held);
      await t.refused(rival, `lock:${name}`);
      assert.deepEqual([await guard.release(), await guard.release()], [true, true]);
      assert.equal(guard.held, false);
      await t.free(rival, `lock:${name}`);
    },
  },
  {
    promise: 'tryLock() is null while another host holds it, and leaves nothing behind',
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const holder = await t.take(rival, `lock:${name}`);
      const again = (): Promise<Guard | null> =>
        t.answer('tryLock()', tryLock(name, { distributed: t.store }));
      assert.deepEqual([await again(), await again()], [null, null]);
      await holder.release();
      await t.free(rival, `lock:${name}`, { waits: true, fifo: rival.supports.fifo });
      const guard = await again();
      assert.ok(guard);
      await t.refused(rival, `lock:${name}`);
      assert.equal(await guard.release(), true);
    },
  },
  {
    promise:
      'a time-out comes when the time is up and not before, says who holds it, and leaves nothing behind',
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const holder = await t.take(rival, `lock:${name}`);
      for (const timeout of [0, 30, 120]) {
        const began = performance.now();
        const error: unknown = await locked(t, name, { timeout }).catch((failure: unknown) => failure);
        mustBe(LockTimeoutError)(error);
        assert.ok(error instanceof LockTimeoutError);
        const took = performance.now() - began;
        assert.ok(took >= timeout - ROUNDING, `it came after ${took} ms of ${timeout}`);
        assert.ok(took < timeout + 2000, `it came after ${took} ms of ${timeout}`);
        if (rival.inspect !== undefined) assert.match(error.message, new RegExp(`\\b${process.pid}\\b`));
      }
      await holder.release();
      await t.free(rival, `lock:${name}`, { waits: true, fifo: rival.supports.fifo });
    },
  },
  {
    promise: 'an abort ends a wait at once with its own reason, and leaves nothing behind',
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const holder = await t.take(rival, `lock:${name}`);
      const wish = t.wish();
      const waits = locked(t, name, { signal: wish.signal });
      await t.refused(rival, `lock:${name}`);
      wish.abort(reason);
      await assert.rejects(waits, (error) => error === reason);
      await assert.rejects(locked(t, name, { signal: wish.signal }), (error) => error === reason);
      await holder.release();
      const next = await t.wait(rival, `lock:${name}`, { fifo: rival.supports.fifo });
      await next.release();
    },
  },
  ...(['release', 'abort'] as const).map((first): Case => ({
    promise: `lock() that is aborted at the tick of the grant has it or leaves it free: ${first} first`,
    run: async (t) => {
      const rival = await t.host();
      for (let round = 0; round < 20; round++) {
        const name = t.name();
        const holder = await t.take(rival, `lock:${name}`);
        const wish = t.wish();
        const outcome = locked(t, name, { signal: wish.signal }).catch((error: unknown) => {
          assert.equal(error, reason);
          return null;
        });
        await t.refused(rival, `lock:${name}`);
        const steps = [() => void holder.release(), () => wish.abort(reason)];
        if (first === 'abort') steps.reverse();
        for (const step of steps) {
          step();
          // From the same tick to some turns later.
          if (round % 4 > 0) await turn((round % 4) - 1);
        }
        const guard = await outcome;
        if (guard !== null) assert.equal(await guard.release(), true);
        await (await t.wait(rival, `lock:${name}`)).release();
      }
    },
  })),
  {
    promise: 'tasks that take turns let another host in',
    needs: ['wakes'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const over = t.wish();
      let inside = 0;
      const task = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const guard = await lock(name, { distributed: t.store });
          assert.equal(++inside, 1);
          await turn();
          inside--;
          await guard.release();
        }
      };
      const tasks = Promise.all([task(), task(), task()]);
      tasks.catch(() => over.abort());
      try {
        for (let i = 0; i < 3; i++) {
          const hold = await t.wait(rival, `lock:${name}`);
          assert.equal(inside, 0);
          await hold.release();
        }
      } finally {
        over.abort();
        await tasks;
      }
    },
  },
  {
    promise: 'readers on two hosts read beside each other, and a writer waits for both',
    needs: ['shared'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const reader = await t.take(rival, `lock:${name}`, { shared: true });
      const guard = await locked(t, name, { shared: true });
      assert.equal(guard.mode, 'shared');
      await t.refused(rival, `lock:${name}`);
      await reader.release();
      await t.refused(rival, `lock:${name}`);
      await guard.release();
      await t.free(rival, `lock:${name}`);
    },
  },
  {
    promise: 'the token of a guard begins with that of the store',
    needs: ['token', 'inspect'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const before = await t.take(rival, `lock:${name}`);
      await before.release();
      const guard = await locked(t, name);
      const [holder] = (await t.answer('inspect', Promise.resolve(rival.inspect?.(`lock:${name}`)))) ?? [];
      assert.equal(guard.token >> 10n, holder?.token);
      await guard.release();
      const after = await t.take(rival, `lock:${name}`);
      assert.ok(
        before.token << 10n < guard.token && guard.token < after.token << 10n,
        'they grow across hosts',
      );
    },
  },
  {
    promise: 'who presents the same owner as a holder on another host is let in',
    needs: ['owner'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const holder = await t.take(rival, `lock:${name}`, { owner: 'job 7' });
      const guard = await locked(t, name, { owner: 'job 7' });
      await assert.rejects(locked(t, name, { timeout: 0 }), LockTimeoutError);
      assert.deepEqual([await holder.release(), await guard.release()], [true, true]);
    },
  },
];

const unsupported = mustBe(LockUnsupportedError);

/** Refused, without a trace in the store. */
function refuses(
  promise: string,
  lacks: 'shared' | 'fifo' | 'owner' | 'ttl',
  options: LockCallOptions,
): Case {
  return {
    promise,
    needs: [`no ${lacks}`],
    run: async (t) => {
      const name = t.name();
      await assert.rejects(locked(t, name, options), unsupported);
      await t.free(await t.host(), `lock:${name}`);
      await (await locked(t, name)).release();
    },
  };
}

export const refusals: readonly Case[] = [
  refuses('without readers, lock() refuses to share', 'shared', { shared: true }),
  refuses('without an order, lock() refuses to be strict about it', 'fifo', { fair: 'strict' }),
  refuses('without owners, lock() refuses to count them', 'owner', { owner: 'job 7' }),
  refuses('without a time to live, lock() refuses to set one', 'ttl', { ttl: 10_000 }),
  {
    promise: 'a thread that is blocked cannot ask a store, so lockSync() refuses',
    run: async (t) => {
      assert.throws(() => lockSync(t.name(), { distributed: t.store }), unsupported);
    },
  },
];
