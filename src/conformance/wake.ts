/**
 * Waits end when they should: by a change, which is told to whoever has subscribed before it, or in the store's own queue;
 * by an abort; and nobody is held up by one who has gone. Here nothing lapses, so that no lapse helps where a wake-up is lost.
 */
import assert from 'node:assert/strict';
import { isSettled, turn } from './proof.js';
import type { BackendRequest } from '../backend.js';
import type { Case, World } from './world.js';

/** Somebody who has been refused, and has subscribed. */
async function watching(t: World, key: string, rest: Partial<BackendRequest> = {}) {
  const host = await t.host();
  const request = t.request(key, { waits: true, ...rest });
  await t.refused(host, request);
  assert.ok(host.watch !== undefined);
  const watch = await t.answer('watch', host.watch(request));
  t.afterwards(() => watch.close());
  return {
    host,
    request,
    watch,
    /** Tries after each change until it is granted. */
    granted: async () => {
      for (;;) {
        await t.answer('changed', watch.changed());
        const hold = await t.try(host, request);
        if (hold !== null) return hold;
      }
    },
  };
}

export const wakes: readonly Case[] = [
  {
    promise: 'who has subscribed is told of a release',
    needs: ['watch'],
    run: async (t) => {
      for (let i = 0; i < 10; i++) {
        const key = t.key();
        const holder = await t.take(t.store, key);
        const waiter = await watching(t, key);
        const granted = waiter.granted();
        await Promise.all([holder.release(), granted]);
        await (await granted).release();
        waiter.watch.close();
      }
    },
  },
  {
    promise: 'what has happened before the first look is not missed',
    needs: ['watch'],
    run: async (t) => {
      const key = t.key();
      const holder = await t.take(t.store, key);
      const waiter = await watching(t, key);
      await holder.release();
      await turn(3);
      await waiter.granted();
    },
  },
  {
    promise: 'who has subscribed is told of a lapse',
    needs: ['watch', 'ttl'],
    run: async (t) => {
      const key = t.key();
      await t.take(t.store, key, { ttl: t.ttl });
      const waiter = await watching(t, key);
      await waiter.granted();
    },
  },
  {
    promise: 'who has subscribed is told when a holder is forgotten',
    needs: ['watch', 'forget'],
    run: async (t) => {
      const request = t.request(t.key());
      await t.take(t.store, request);
      const waiter = await watching(t, request.key);
      const granted = waiter.granted();
      await t.forget(t.store, request);
      await granted;
    },
  },
  {
    promise: 'who waits for more permits than are left is told of each that comes back',
    needs: ['watch', 'permits'],
    run: async (t) => {
      const key = t.key('semaphore');
      const holds = [await t.take(t.store, key, { permits: 2 }), await t.take(t.store, key, { permits: 2 })];
      const waiter = await watching(t, key, { permits: 2, units: 2 });
      const granted = waiter.granted();
      for (const hold of holds) {
        // Time to look, and to wait again.
        for (let i = 0; i < 3; i++) await t.refused(t.store, key, { permits: 2, units: 2 });
        await hold.release();
      }
      await granted;
    },
  },
  {
    promise: 'readers who wait for a writer are all told when he leaves',
    needs: ['watch', 'shared'],
    run: async (t) => {
      const key = t.key();
      const writer = await t.take(t.store, key);
      const rest = { shared: true, fifo: t.store.supports.fifo };
      const readers = [
        await watching(t, key, rest),
        await watching(t, key, rest),
        await watching(t, key, rest),
      ];
      const granted = readers.map((reader) => reader.granted());
      await writer.release();
      await Promise.all(granted);
    },
  },
  {
    promise: 'a watch that is closed leaves others alone, and never rejects',
    needs: ['watch'],
    run: async (t) => {
      const key = t.key();
      const holder = await t.take(t.store, key);
      const [gone, stays] = [await watching(t, key), await watching(t, key)];
      let rejected: unknown;
      gone.watch.changed().catch((error: unknown) => (rejected = error));
      gone.watch.close();
      gone.watch.close();
      const granted = stays.granted();
      await t.forget(gone.host, gone.request);
      await holder.release();
      await granted;
      assert.equal(rejected, undefined);
    },
  },
  {
    promise: 'all who wait have their turn',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const first = await t.take(a, key);
      let turns = 0;
      const waits = Array.from({ length: 8 }, async (_, i) => {
        const hold = await t.wait(i % 2 === 0 ? a : b, key);
        turns++;
        await turn();
        await hold.release();
      });
      await t.refused(b, key);
      assert.equal(turns, 0);
      await first.release();
      await Promise.all(waits);
      assert.equal(turns, 8);
      await t.free(a, key);
    },
  },
];

const reason = new Error('nobody wants it any more');

export const queues: readonly Case[] = [
  {
    promise: 'who waits in the store gets it when it is released, and not before',
    needs: ['acquire'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      const waits = t.wait(b, key);
      // Answers of the same store meanwhile: it has had the time to grant it wrongly.
      for (let i = 0; i < 3; i++) await t.refused(b, key);
      assert.equal(await isSettled(waits), false, 'it is held, so who waits for it goes on waiting');
      assert.equal(await holder.release(), true);
      const next = await waits;
      await t.refused(a, key);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'an abort ends a wait in the store with its own reason, and leaves nothing there',
    needs: ['acquire'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holder = await t.take(a, key);
      const wish = t.wish();
      const request = t.request(key, { waits: true, signal: wish.signal });
      const waits = t.wait(b, request);
      await t.refused(b, key);
      wish.abort(reason);
      await assert.rejects(waits, (error) => error === reason);
      await t.forget(b, request);
      assert.equal(await holder.release(), true);
      await t.free(a, key);
      await t.free(b, key);
    },
  },
  ...(['release', 'abort'] as const).map((first): Case => ({
    promise: `an abort at the tick of the grant leaves it granted or free: ${first} first`,
    needs: ['acquire'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      for (let round = 0; round < 20; round++) {
        const key = t.key();
        const holder = await t.take(a, key);
        const wish = t.wish();
        const request = t.request(key, { waits: true, signal: wish.signal });
        const waits = t.wait(b, request);
        await t.refused(b, key);
        const outcome = waits.catch((error: unknown) => {
          assert.equal(error, reason);
          return null;
        });
        const steps = [() => void holder.release(), () => wish.abort(reason)];
        if (first === 'abort') steps.reverse();
        for (const step of steps) {
          step();
          // From the same tick to some turns later.
          if (round % 4 > 0) await turn((round % 4) - 1);
        }
        const hold = await outcome;
        await hold?.release();
        await t.forget(b, request);
        await (await t.wait(a, key)).release();
      }
    },
  })),
];
