/**
 * What happens to a store, or on the way to it: silence, broken connections, lost answers, a restart. The same clients go
 * on afterwards; what nobody knows is asked again, under the same id; nothing is taken twice, nothing stays taken.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../backend.js';
import { LockError, LockLostError } from '../errors.js';
import { eventually, say } from './proof.js';
import type { Case, Hold, World } from './world.js';

/** Of what nobody knows: an error that does not say that to ask again would not help. */
const unknown = (error: unknown): null => {
  assert.ok(!(error instanceof LockError), `to ask again would help, so it is no LockError: ${say(error)}`);
  return null;
};

/** Time for a request to get into the trouble that it is to be in. Nothing is concluded from it. */
const trouble = (asked: Promise<unknown>): Promise<unknown> => Promise.race([asked, sleep(300)]);

/** Asks until there is an answer, as the core does. Asked again after an error, it may say false. */
async function released(t: World, hold: Hold, before = 0): Promise<void> {
  let asked = before;
  const told = await eventually(t.patience, 'the answer to a release', () => {
    asked++;
    return hold.release().catch(() => undefined);
  });
  assert.ok(told || asked > 1, 'it was still there');
}

/** Asks to forget it until there is an answer. */
async function forgotten(t: World, host: Backend, hold: Hold['request']): Promise<void> {
  await eventually(t.patience, 'the answer to a forget', () =>
    t.forget(host, hold).then(
      () => true,
      () => undefined,
    ),
  );
}

export const faults: readonly Case[] = [
  {
    promise: 'what is asked of a silent store is answered when it is back, or nobody knows; and both go on',
    needs: ['silence', 'heal'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      const request = t.request(t.key());
      await t.take(b, request);
      await t.faults.silence?.();
      const asked = b.tryAcquire(request).catch(unknown);
      await trouble(asked);
      await t.faults.heal?.();
      const again = await t.again(b, request);
      await t.again(a, t.request(t.key()));
      await released(t, again);
      await released(t, hold);
      await t.free(b, key);
    },
  },
  {
    promise: 'a store that refuses connections gives no answer, and the same clients go on when it is back',
    needs: ['refuse', 'heal'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.faults.refuse?.();
      const request = t.request(t.key());
      const asked = b.tryAcquire(request).catch(unknown);
      await trouble(asked);
      await t.faults.heal?.();
      const next = await t.again(b, request);
      await released(t, next);
      await released(t, hold);
      await t.free(b, key);
    },
  },
  {
    promise: 'what is held stays held when all connections break, if it is held by its record',
    needs: ['cut', 'ttl'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.faults.cut?.();
      const refused = await eventually(t.patience, 'an answer', () =>
        t.try(b, t.request(key)).catch(() => undefined),
      );
      assert.equal(refused, null);
      await eventually(t.patience, 'a renewal', () =>
        hold.renew(60_000).then(
          () => true,
          (error: unknown) => {
            assert.ok(!(error instanceof LockLostError), 'it is still there');
          },
        ),
      );
      await released(t, hold);
      await t.free(b, key);
    },
  },
  {
    promise: 'who has subscribed is told of what has happened while his connection was broken',
    needs: ['cut', 'watch'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      const request = t.request(key, { waits: true });
      await t.refused(b, request);
      const watch = await b.watch?.(request);
      t.afterwards(() => watch?.close());
      await t.faults.cut?.();
      await released(t, hold);
      await eventually(t.patience, 'the grant', async () => {
        await t.answer('changed', Promise.resolve(watch?.changed()));
        return (await t.try(b, request).catch(() => null)) ?? undefined;
      });
    },
  },
  {
    promise: 'an acquisition whose answer was lost is granted again under its id, and counts once',
    needs: ['loseReply'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      await t.free(a, t.key());
      const request = t.request(t.key());
      await t.faults.loseReply?.();
      const lost = a.tryAcquire(request).catch(unknown);
      const hold = await t.again(a, request);
      void lost;
      await t.refused(b, request.key);
      await released(t, hold);
      await t.free(b, request.key);
    },
  },
  {
    promise: 'an acquisition whose answer was lost can be forgotten',
    needs: ['loseReply', 'forget'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      await t.free(a, t.key());
      const request = t.request(t.key());
      await t.faults.loseReply?.();
      // It may be asked again by the driver itself, under the same id.
      await Promise.race([a.tryAcquire(request).catch(unknown), t.again(b, t.key())]);
      await forgotten(t, a, request);
      await t.free(b, request.key);
    },
  },
  {
    promise: 'a release whose answer was lost has given it back, or the next one does',
    needs: ['loseReply'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.faults.loseReply?.();
      void hold.grant.release().catch(unknown);
      await released(t, hold, 1);
      await t.again(b, key);
    },
  },
  {
    promise: 'what was held over a restart is still held, or its holder is told that it is lost',
    needs: ['restart'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.faults.restart?.();
      const next = await eventually(t.patience, 'an answer', () =>
        t.try(b, t.request(key)).catch(() => undefined),
      );
      if (next === null) {
        await released(t, hold);
        await t.again(b, key);
        return;
      }
      await assert.rejects(
        eventually(t.patience, 'the answer to a renewal', () =>
          hold.renew(60_000).catch((error: unknown) => {
            if (error instanceof LockLostError) throw error;
          }),
        ),
        (error) => error instanceof LockLostError,
      );
      const told = await eventually(t.patience, 'an answer', () => hold.release().catch(() => undefined));
      assert.equal(told, false, 'it was lost');
      await t.refused(a, key);
      await released(t, next);
    },
  },
];
