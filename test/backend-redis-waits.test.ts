/** Who waits in Redis gets his turn, whatever becomes of messages, connections and other waiters. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BOUND } from '../src/outside.js';
import { ask, calls, clientKinds, command, newKey, open, take, untilQueued } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';

const skip = requireServer('redis');
let server: Server;
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.close());

for (const kind of clientKinds) {
  test(
    `${kind}: who waits while his subscription is cut tries by himself, and hears again later`,
    { skip },
    async () => {
      await using one = await open(kind, server);
      await using other = await open(kind, server);
      const key = newKey();
      for (let i = 0; i < 3; i++) {
        const held = await other.store.tryAcquire(ask(key));
        const waiting = take(one.store, ask(key));
        await untilQueued(server, key, 1);
        await command(server, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
        await held?.release();
        const released = performance.now();
        await (await waiting).release();
        // He would hear of the lapse, too, much later.
        assert.ok(performance.now() - released < 5000);
      }
      // By a message: of many rounds, none but the first could be by chance as quick as all of them.
      const started = performance.now();
      for (let i = 0; i < 10; i++) {
        const held = await other.store.tryAcquire(ask(key));
        const waiting = take(one.store, ask(key));
        await untilQueued(server, key, 1);
        await held?.release();
        await (await waiting).release();
      }
      assert.ok(performance.now() - started < 3000);
    },
  );

  test(`${kind}: hand-overs go on while connections are cut at random`, { skip }, async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open(kind, server)));
    const key = newKey();
    let done = 0;
    let inside = 0;
    let last = performance.now();
    let longest = 0;
    const cutting = new AbortController();
    const cuts = (async () => {
      while (!cutting.signal.aborted) {
        await command(server, 'CLIENT', 'KILL', 'TYPE', Math.random() < 0.5 ? 'pubsub' : 'normal').catch(
          () => undefined,
        );
        await sleep(20 * Math.random());
      }
    })();
    const work = all.map(async ({ store }) => {
      while (done < 200) {
        const request = ask(key);
        const grant = await take(store, request).catch(async () => {
          await store.forget?.({ ...request }).catch(() => undefined);
          return null;
        });
        if (!grant) continue;
        assert.equal(inside++, 0);
        longest = Math.max(longest, performance.now() - last);
        done++;
        await sleep(1);
        inside--;
        last = performance.now();
        // An error leaves it open whether it is free. Then forgetting does not hurt.
        while (
          !(await grant.release().then(
            () => true,
            () => false,
          ))
        )
          await sleep(1);
      }
    });
    await Promise.all(work);
    cutting.abort();
    await cuts;
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
    // What is not given back lapses after ten seconds.
    assert.ok(longest < 5000, `${longest} ms`);
  });
}

test(
  'one connection hears for all who wait, and only that one is told whose turn it is',
  { skip },
  async () => {
    await using one = await open('ioredis', server);
    const keys = [newKey(), newKey(), newKey()];
    const held = await Promise.all(keys.map((key) => one.store.tryAcquire(ask(key))));
    await command(server, 'CONFIG', 'RESETSTAT');
    const waiting = keys.flatMap((key) => [take(one.store, ask(key)), take(one.store, ask(key))]);
    for (const key of keys) await untilQueued(server, key, 2);
    const pubsub = String(await command(server, 'CLIENT', 'LIST', 'TYPE', 'pubsub'));
    assert.equal(pubsub.split('\n').filter((line) => line !== '').length, 1);
    assert.equal(await calls(server, 'subscribe'), 1);
    for (const grant of held) await grant?.release();
    for (let i = 0; i < keys.length; i++) {
      const grant = await Promise.race([waiting[2 * i], waiting[2 * i + 1]]);
      await grant?.release();
    }
    for (const grant of await Promise.all(waiting)) await grant.release();
    assert.ok((await calls(server, 'publish')) <= 6);
  },
);

test(
  'who has waited for as long as a process may keep a lock for its own tasks is not passed',
  { skip },
  async () => {
    await using one = await open('ioredis', server);
    const key = newKey();
    // The server knows the scripts from then on.
    await (await one.store.tryAcquire(ask(key)))?.release();
    const held = await one.store.tryAcquire(ask(key));
    const waiter = ask(key, { waits: true });
    const watch = await one.store.watch?.(waiter);
    assert.equal(await one.store.tryAcquire(waiter), null);
    // Time on the server's clock.
    await sleep(2 * BOUND.ms);
    // In one go: whoever is told and does not come for long may be passed.
    const [released, passed, served] = await Promise.all([
      held?.release(),
      one.store.tryAcquire(ask(key, { waits: true })),
      one.store.tryAcquire(waiter),
    ]);
    assert.deepEqual([released, passed], [true, null]);
    assert.equal(await served?.release(), true);
    watch?.close();
  },
);

test('a waiter that died holds up nobody', { skip }, async () => {
  await using one = await open('ioredis', server);
  const dead = await open('ioredis', server);
  const passed: number[] = [];
  for (const fifo of [false, true, false, false, false]) {
    const key = newKey();
    const held = await one.store.tryAcquire(ask(key));
    // It has a place, and will never hear of its turn.
    assert.equal(await dead.store.tryAcquire(ask(key, { waits: true, fifo })), null);
    const waiting = take(one.store, ask(key, { fifo }));
    await untilQueued(server, key, 2);
    // He listens by then.
    await sleep(50);
    await held?.release();
    const released = performance.now();
    await (await waiting).release();
    const waited = performance.now() - released;
    // In strict order it could be connecting again: it gets a second. Its place would lapse after four.
    if (fifo) assert.ok(waited < 3500, `${waited} ms`);
    else passed.push(waited);
  }
  // Before who waits would try anyway, which is never sooner: one that is late may have waited for a core.
  assert.ok(Math.min(...passed) < 330, passed.join());
  await dead[Symbol.asyncDispose]();
});

test(
  'a waiter that is stopped holds up others for less than a second, unless in strict order',
  { skip },
  async () => {
    await using one = await open('ioredis', server);
    await using stopped = await open('ioredis', server);
    const key = newKey();
    const held = await one.store.tryAcquire(ask(key));
    const place = ask(key, { waits: true });
    assert.equal(await stopped.store.tryAcquire(place), null);
    // Its messages arrive, and it does nothing.
    const watch = await stopped.store.watch?.(place);
    const waiting = take(one.store, ask(key));
    await untilQueued(server, key, 2);
    await sleep(150);
    await held?.release();
    const released = performance.now();
    await (await waiting).release();
    // The place lapses after two seconds.
    assert.ok(performance.now() - released < 1900);
    watch?.close();
  },
);

test('readers and writers all get their turn', { skip }, async () => {
  await using one = await open('ioredis', server);
  await using other = await open('ioredis', server);
  for (const fifo of [false, true]) {
    const key = newKey();
    const got = { readers: 0, writers: 0 };
    let inside = 0;
    const end = performance.now() + 700;
    const work = Array.from({ length: 8 }, async (_, i) => {
      const shared = i < 5;
      const { store } = i % 2 === 0 ? one : other;
      while (performance.now() < end) {
        const grant = await take(store, ask(key, { shared, fifo }));
        inside += shared ? 1 : 100;
        assert.ok(shared ? inside < 100 : inside === 100);
        got[shared ? 'readers' : 'writers']++;
        await sleep(3);
        inside -= shared ? 1 : 100;
        await grant.release();
      }
    });
    await Promise.all(work);
    assert.ok(got.readers >= 5 && got.writers >= 5, JSON.stringify(got));
  }
});

test('who wants many permits is not passed for ever by those who want one', { skip }, async () => {
  await using one = await open('ioredis', server);
  const key = newKey();
  const got = new AbortController();
  const small = [0, 1, 2, 3].map(async () => {
    while (!got.signal.aborted) {
      const grant = await take(one.store, ask(key, { permits: 3 }));
      await sleep(2 + 3 * Math.random());
      await grant.release();
    }
  });
  await sleep(20);
  const many = await take(one.store, ask(key, { permits: 3, units: 3 }));
  got.abort();
  await many.release();
  await Promise.all(small);
});

test('hundreds of hand-overs among several stores, each mode', { skip }, async () => {
  const all = await Promise.all(clientKinds.flatMap((kind) => [open(kind, server), open(kind, server)]));
  for (const how of [
    {},
    { fifo: true },
    { permits: 2 },
    { owner: undefined, shared: false, units: 2, permits: 3 },
  ]) {
    const key = newKey();
    const limit = Math.floor((how.permits ?? 1) / (how.units ?? 1));
    let inside = 0;
    let most = 0;
    const tokens: bigint[] = [];
    const work = all.map(async ({ store }) => {
      for (let i = 0; i < 20; i++) {
        const grant = await take(store, ask(key, how));
        most = Math.max(most, ++inside);
        tokens.push(grant.token);
        await sleep(1);
        inside--;
        assert.equal(await grant.release(), true);
      }
    });
    await Promise.all(work);
    assert.equal(most, limit);
    assert.equal(new Set(tokens).size, tokens.length);
    if (limit === 1)
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => (a < b ? -1 : 1)),
      );
  }
  await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
});
