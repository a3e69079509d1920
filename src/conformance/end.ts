/** What is over leaves nothing behind: no record, no timer, no socket, no listener; and what is closed stays closed. */
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import type { Backend, BackendRequest } from '../backend.js';
import { LockError } from '../errors.js';
import { eventually, turn } from './proof.js';
import { LONG } from './world.js';
import type { Case, World } from './world.js';

/** Everything that a client is asked for in its life. */
async function live(t: World, host: Backend): Promise<AbortSignal[]> {
  const signals: AbortSignal[] = [];
  const key = t.key();
  const asks = (waits: boolean): BackendRequest => {
    const request = t.request(key, { waits, fifo: waits && host.supports.fifo });
    signals.push(request.signal);
    return request;
  };
  const hold = await t.take(host, asks(false));
  await t.refused(host, asks(false));
  const waiting = asks(true);
  await t.refused(host, waiting);
  const watch = await t.answer('watch', Promise.resolve(host.watch?.(waiting)));
  if (hold.grant.renew !== undefined) await hold.renew(LONG);
  await t.answer('inspect', Promise.resolve(host.inspect?.(key)));
  await t.answer('list', Promise.resolve(host.list?.(key)));
  await hold.release();
  await t.answer('changed', Promise.resolve(watch?.changed()));
  const next = await t.take(host, waiting);
  watch?.close();
  await next.release();
  const forgotten = asks(true);
  const taken = await t.take(host, forgotten);
  if (host.forget === undefined) await taken.release();
  else await t.forget(host, forgotten);
  await (await t.wait(host, asks(true))).release();
  return signals;
}

/** What keeps the event loop alive, and how many of each. */
function resources(): Map<string, number> {
  const all = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    // Whoever runs the tests reads files and prints.
    if (!/^(FSReq|TTY|Immediate)/.test(type)) all.set(type, (all.get(type) ?? 0) + 1);
  }
  return all;
}

/** The timers that were started since, and run; also those that keep nothing alive. */
class Timers implements Disposable {
  readonly #running = new Map<number, string>();
  readonly #hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout') this.#running.set(id, new Error().stack ?? '');
    },
    destroy: (id) => void this.#running.delete(id),
  }).enable();

  get running(): string[] {
    return [...this.#running.values()];
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}

const listeners = (): number =>
  process.eventNames().reduce((sum, name) => sum + process.listenerCount(name as string), 0);

export const ends: readonly Case[] = [
  {
    promise: 'what is closed leaves no timer, no socket and no listener',
    run: async (t) => {
      // The first one may load what stays.
      const first = await t.options.open();
      await live(t, first);
      await t.answer('close', first.close());
      const before = resources();
      const heard = listeners();
      using timers = new Timers();
      for (let i = 0; i < 5; i++) {
        const host = await t.options.open();
        await live(t, host);
        await t.answer('close', host.close());
      }
      await eventually(t.patience, 'all that kept the event loop alive has ended', async () => {
        const more = [...resources()].filter(([type, count]) => count > (before.get(type) ?? 0));
        return more.length === 0 ? true : undefined;
      });
      assert.equal(listeners(), heard, 'listeners on process');
      const end = performance.now() + t.patience;
      // Turns without a timer of our own.
      while (timers.running.length > 0 && performance.now() < end) await turn();
      assert.deepEqual(timers.running, []);
    },
  },
  {
    promise: 'what is closed in the middle of waits leaves nothing, and rejects nowhere',
    run: async (t) => {
      const key = t.key();
      await t.take(t.store, key);
      const before = resources();
      const host = await t.options.open();
      const request = t.request(key, { waits: true });
      await t.refused(host, request);
      const watch = await host.watch?.(request);
      t.afterwards(() => watch?.close());
      void watch?.changed();
      // It may stay pending, or be told.
      const waits = host.acquire?.(t.request(key, { waits: true })).catch((error: unknown) => error);
      await t.refused(host, key);
      await t.answer('close', host.close());
      await eventually(t.patience, 'all that kept the event loop alive has ended', () => {
        const more = [...resources()].filter(([type, count]) => count > (before.get(type) ?? 0));
        return more.length === 0 ? true : undefined;
      });
      void waits;
    },
  },
  {
    promise: 'no signal keeps a listener of what is over',
    run: async (t) => {
      for (const signal of await live(t, t.store))
        assert.equal(getEventListeners(signal, 'abort').length, 0, 'listeners of abort');
    },
  },
  {
    promise: 'what is over leaves nothing in the store',
    needs: ['leftovers'],
    run: async (t) => {
      await live(t, t.store);
      assert.deepEqual(await t.options.leftovers?.(), []);
    },
  },
  {
    promise: 'what has lapsed leaves nothing in the store',
    needs: ['leftovers', 'ttl'],
    run: async (t) => {
      const hold = await t.take(t.store, t.key(), { ttl: t.ttl });
      await t.lapse(hold);
      await eventually(t.patience, 'nothing is left in the store', async () => {
        const left = await t.options.leftovers?.();
        return left?.length === 0 ? true : undefined;
      });
    },
  },
  {
    promise: 'what is closed refuses, and says that to ask again would not help',
    run: async (t) => {
      const [a, b] = await t.hosts();
      await b.close();
      await assert.rejects(t.try(b, t.request(t.key())), (error) => error instanceof LockError);
      await t.free(a, t.key());
    },
  },
  {
    promise: 'to close a client leaves other clients of the store alone',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(a, key);
      await t.refused(b, key);
      await b.close();
      await t.refused(a, key);
      assert.equal(await hold.release(), true);
      await t.free(await t.host(), key);
    },
  },
  {
    promise: 'to close twice does nothing more, and disposal closes',
    run: async (t) => {
      const [a, b] = await t.hosts();
      await Promise.all([a.close(), a.close()]);
      await a.close();
      await b[Symbol.asyncDispose]();
      await assert.rejects(t.try(b, t.request(t.key())), (error) => error instanceof LockError);
    },
  },
  {
    promise: 'what a closed client holds is free, at the latest when it lapses',
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const hold = await t.take(b, key, { ttl: t.ttl });
      await b.close();
      const next = await t.wait(a, key);
      await hold.grant.release().then(
        (told) => assert.equal(told, false, 'it is not there any more'),
        () => undefined,
      );
      await t.refused(a, key);
      assert.equal(await next.release(), true);
    },
  },
];
