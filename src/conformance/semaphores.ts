/** Permits of all hosts, as users have them: `semaphore()` above the driver. The other host is played by hand. */
import assert from 'node:assert/strict';
import { LockMisuseError, LockTimeoutError, LockUnsupportedError } from '../errors.js';
import type { Guard } from '../lock-guard.js';
import { semaphore } from '../named-semaphore.js';
import type { WaitOptions } from '../options.js';
import { isSettled } from './proof.js';
import type { Case, World } from './world.js';

/** So many of three permits. */
async function acquired(t: World, name: string, units: number, wait: WaitOptions = {}): Promise<Guard> {
  const permits = semaphore(name, 3, { distributed: t.store });
  const asked = permits.acquire(units, { signal: t.wish().signal, ...wait });
  const guard = await t.answer('semaphore().acquire()', asked);
  t.afterwards(() => guard.release());
  return guard;
}

const of = (units: number): { units: number; permits: number } => ({ units, permits: 3 });

export const semaphores: readonly Case[] = [
  {
    promise: 'semaphore() shares its permits with other hosts',
    needs: ['permits'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const key = `semaphore:${name}`;
      const two = await t.take(rival, key, of(2));
      const one = await acquired(t, name, 1);
      await t.refused(rival, key, of(1));
      const more = semaphore(name, 3, { distributed: t.store }).tryAcquire(1);
      assert.equal(await t.answer('tryAcquire()', more), null);
      await assert.rejects(acquired(t, name, 2, { timeout: 30 }), LockTimeoutError);
      assert.equal(await two.release(), true);
      const all = await acquired(t, name, 2);
      await t.refused(rival, key, of(1));
      assert.deepEqual([await one.release(), await all.release()], [true, true]);
      await t.free(rival, key, of(3));
    },
  },
  {
    promise: 'semaphore() waits for permits of another host, and gets them when they come back',
    needs: ['permits'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const key = `semaphore:${name}`;
      const holds = [await t.take(rival, key, of(1)), await t.take(rival, key, of(2))];
      const waits = acquired(t, name, 3);
      await t.refused(rival, key, of(1));
      await holds[0]?.release();
      await t.refused(rival, key, of(2));
      assert.equal(
        await isSettled(waits),
        false,
        'two of three are taken, so who wants three goes on waiting',
      );
      await holds[1]?.release();
      const guard = await waits;
      await t.refused(rival, key, of(1));
      assert.equal(await guard.release(), true);
    },
  },
  {
    promise: 'semaphore() says that it is a mistake if another host has another number of permits',
    needs: ['permits'],
    run: async (t) => {
      const rival = await t.host();
      const name = t.name();
      const hold = await t.take(rival, `semaphore:${name}`, { permits: 5 });
      await assert.rejects(acquired(t, name, 1), LockMisuseError);
      await hold.release();
      await (await acquired(t, name, 1)).release();
    },
  },
  {
    promise: 'without permits, semaphore() refuses to share them with other hosts',
    needs: ['no permits'],
    run: async (t) => {
      await assert.rejects(acquired(t, t.name(), 1), LockUnsupportedError);
    },
  },
];
