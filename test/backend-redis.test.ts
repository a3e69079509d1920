/** The driver of Redis by each of its clients: what every store must do, then how it does it in Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendRequest } from '../src/backend.js';
import { LockLostError, LockMisuseError } from '../src/errors.js';
import {
  ask,
  calls,
  clientKinds,
  isFree,
  newKey,
  open,
  take,
  queued,
  untilQueued,
  type Opened,
} from './support/redis.js';
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
  const story = (name: string, body: (store: Opened['store']) => Promise<void>): void => {
    test(`${kind}: ${name}`, { skip }, async () => {
      await using one = await open(kind, server);
      await body(one.store);
    });
  };

  story('one holds it, and tokens grow', async (store) => {
    const key = newKey();
    const first = await store.tryAcquire(ask(key));
    assert.ok(first);
    assert.equal(await store.tryAcquire(ask(key)), null);
    assert.equal(await first.release(), true);
    assert.equal(await first.release(), false);
    const second = await store.tryAcquire(ask(key));
    assert.ok(second && second.token > first.token);
    assert.equal(await first.release(), false, 'a late release frees nobody');
    assert.equal(await isFree(store, key), false);
    await second.release();
  });

  story('the same id is granted again, and counted once', async (store) => {
    const key = newKey();
    for (const how of [{}, { shared: true }, { permits: 3, units: 2 }, { owner: 'me' }]) {
      const request = ask(key, how);
      const first = await store.tryAcquire(request);
      const again = await store.tryAcquire(request);
      assert.equal(again?.token, first?.token);
      assert.equal((await store.inspect?.(key))?.length, 1);
      assert.equal(await again?.release(), true);
      assert.equal(await isFree(store, key), true);
    }
  });

  story('a renewal makes it last, or says that it is gone', async (store) => {
    for (const how of [{}, { shared: true }]) {
      const key = newKey();
      const grant = await store.tryAcquire(ask(key, { ttl: 1000, ...how }));
      await grant?.renew?.(60_000);
      const [holder] = (await store.inspect?.(key)) ?? [];
      assert.ok(holder?.left !== undefined && holder.left > 50_000);
      await grant?.renew?.(1);
      await sleep(10);
      await assert.rejects(async () => grant?.renew?.(1000), LockLostError);
      assert.equal(await grant?.release(), false);
      assert.equal(await isFree(store, key), true);
    }
  });

  story('readers share', async (store) => {
    const key = newKey();
    const readers = await Promise.all([1, 2].map(() => store.tryAcquire(ask(key, { shared: true }))));
    assert.ok(readers.every(Boolean));
    assert.equal(await store.tryAcquire(ask(key)), null);
    await readers[0]?.release();
    assert.equal(await store.tryAcquire(ask(key)), null);
    await readers[1]?.release();
    const writer = await store.tryAcquire(ask(key));
    assert.ok(writer);
    assert.equal(await store.tryAcquire(ask(key, { shared: true })), null);
    await writer.release();
  });

  story('permits are counted, each lapses by itself, and their number is agreed on', async (store) => {
    const key = newKey();
    const two = await store.tryAcquire(ask(key, { permits: 3, units: 2, ttl: 50 }));
    const one = await store.tryAcquire(ask(key, { permits: 3 }));
    assert.ok(two && one);
    assert.equal(await store.tryAcquire(ask(key, { permits: 3 })), null);
    await assert.rejects(store.tryAcquire(ask(key, { permits: 4 })), (error) => {
      assert.ok(error instanceof LockMisuseError);
      assert.match(error.message, /3 permits.*with 4/);
      return true;
    });
    await sleep(60);
    assert.equal(await two.release(), false);
    const more = await store.tryAcquire(ask(key, { permits: 3, units: 2 }));
    assert.ok(more);
    assert.equal(await store.tryAcquire(ask(key, { permits: 3 })), null);
    await Promise.all([one.release(), more.release()]);
    const alone = await store.tryAcquire(ask(key));
    await assert.rejects(store.tryAcquire(ask(key, { permits: 2 })), LockMisuseError);
    await alone?.release();
  });

  story('the same owner comes in beside, with the same token', async (store) => {
    const key = newKey();
    const owner = '\ud800 "me"\n';
    const first = await store.tryAcquire(ask(key, { owner }));
    const second = await store.tryAcquire(ask(key, { owner }));
    assert.ok(first && second);
    assert.equal(second.token, first.token);
    assert.equal(await store.tryAcquire(ask(key, { owner: '\ud801 "me"\n' })), null);
    assert.equal(await store.tryAcquire(ask(key)), null);
    await first.release();
    assert.equal(await isFree(store, key), false);
    await second.release();
    assert.equal(await isFree(store, key), true);
  });

  story('strict order is the order of arrival', async (store) => {
    const key = newKey();
    const held = await store.tryAcquire(ask(key));
    const order: number[] = [];
    const turn = async (i: number, request: BackendRequest): Promise<void> => {
      const grant = await take(store, request);
      order.push(i);
      await sleep(2);
      await grant.release();
    };
    const waits = [];
    for (let i = 0; i < 5; i++) {
      const request = ask(key, { waits: true, fifo: true });
      assert.equal(await store.tryAcquire(request), null);
      waits.push(turn(i, request));
    }
    await held?.release();
    assert.equal(await isFree(store, key), false, 'nobody passes');
    await Promise.all(waits);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  });

  story('who waits is woken at once, and at the lapse of a dead holder', async (store) => {
    const key = newKey();
    const woken: number[] = [];
    for (let round = 0; round < 5; round++) {
      const held = await store.tryAcquire(ask(key, { ttl: 60_000 }));
      const waiting = take(store, ask(key, { ttl: 150 }));
      await untilQueued(server, key, 1);
      const released = performance.now();
      await held?.release();
      await waiting;
      woken.push(performance.now() - released);
      // Nobody renews it.
      const next = await take(store, ask(key));
      const waited = performance.now() - released;
      assert.ok(waited >= 148 && waited < 5000, `${waited}`);
      await next.release();
    }
    // Before it would try anyway, which is never sooner: one that is late may have waited for a core.
    assert.ok(Math.min(...woken) < 380, woken.join());
  });

  story('a free lock is two commands, before somebody else has wanted it and after', async (store) => {
    const key = newKey();
    const scripts = (): Promise<number> => calls(server, 'evalsha', 'eval');
    const cycle = async (): Promise<number> => {
      const ran = await scripts();
      assert.equal(await (await store.tryAcquire(ask(key)))?.release(), true);
      return (await scripts()) - ran;
    };
    const refused = async (): Promise<number> => {
      const ran = await scripts();
      assert.equal(await store.tryAcquire(ask(key)), null);
      return (await scripts()) - ran;
    };
    // The server may not know the scripts yet.
    await cycle();
    assert.equal(await cycle(), 2);
    const held = await store.tryAcquire(ask(key));
    assert.equal(await refused(), 2);
    assert.equal(await refused(), 1, 'it is known to be wanted');
    assert.equal(await held?.release(), true);
    assert.equal(await cycle(), 2);
    const again = await store.tryAcquire(ask(key));
    assert.equal(await refused(), 2, 'it was free again');
    assert.equal(await again?.release(), true);
    // And one who waits is not passed over by a release that knows nothing of him.
    const mine = await store.tryAcquire(ask(key));
    await using other = await open(kind, server);
    const waiting = take(other.store, ask(key));
    await untilQueued(server, key, 1);
    assert.equal(await mine?.release(), true);
    assert.equal(await (await waiting).release(), true);
  });

  story('who knows nothing of those who wait does not pass them', async (store) => {
    const key = newKey();
    await using other = await open(kind, server);
    const held = await other.store.tryAcquire(ask(key));
    // Dead, but it may come for a second.
    assert.equal(await other.store.tryAcquire(ask(key, { waits: true, fifo: true })), null);
    assert.equal(await held?.release(), true);
    assert.equal(await store.tryAcquire(ask(key)), null);
  });

  story('what is forgotten while it is asked for leaves nothing, whoever holds it', async (store) => {
    const key = newKey();
    for (const isHeld of [false, true]) {
      await using other = await open(kind, server);
      const held = isHeld ? await other.store.tryAcquire(ask(key)) : null;
      const request = ask(key, { waits: true });
      const asked = store.tryAcquire(request);
      await store.forget?.(request);
      // As the core does with what comes too late.
      await (await asked)?.release();
      assert.equal(await queued(server, key), 0);
      await held?.release();
      assert.equal(await isFree(store, key), true);
    }
  });

  story('a request that is forgotten leaves neither hold nor place', async (store) => {
    const key = newKey();
    for (const how of [{}, { shared: true }, { fifo: true }]) {
      const request = ask(key, { waits: true, ...how });
      const other = ask(key, { waits: true, fifo: true });
      await store.tryAcquire(request);
      assert.equal(await store.tryAcquire(other), null);
      await store.forget?.(other);
      await store.forget?.(request);
      assert.equal(await isFree(store, key), true);
    }
  });

  story('it can be inspected, listed and broken', async (store) => {
    const [key, other] = [newKey(), newKey()];
    const request = ask(key);
    const grant = await store.tryAcquire(request);
    await store.tryAcquire(ask(other, { permits: 5, units: 3 }));
    const [holder] = (await store.inspect?.(key)) ?? [];
    const { id, token, shared, units, left } = holder ?? assert.fail('nobody');
    assert.deepEqual([id, token, shared, units], [request.id, grant?.token, false, 1]);
    assert.ok(left !== undefined && left > 9000 && left <= 10_000);
    assert.equal((await store.inspect?.(other))?.[0]?.units, 3);
    const listed = await store.list?.('lock:');
    assert.ok(listed?.includes(key) && listed.includes(other));
    assert.deepEqual(await store.list?.(`${key}-none`), []);
    assert.equal(await store.break?.(key), true);
    assert.equal(await store.break?.(key), false);
    assert.equal(await store.break?.(other), true);
    await assert.rejects(async () => grant?.renew?.(1000), LockLostError);
  });

  story('any text is a name, and no two are the same', async (store) => {
    const long = 'x'.repeat(10_000);
    const names = [
      '',
      ' ',
      '}',
      '{}',
      'a}:b',
      '{a}',
      'ä',
      'é',
      'e\u0301',
      '\0',
      '\0"\\ud800"',
      '\ud800',
      '\ud801',
      '*?[a]\\',
    ];
    const keys = [...names, long, `${long}y`].map((name) => `lock:${kind}${name}`).concat('', '}', '{}');
    const grants = await Promise.all(keys.map((key) => store.tryAcquire(ask(key))));
    assert.ok(grants.every(Boolean));
    const listed = (await store.list?.('')) ?? [];
    for (const key of keys) assert.ok(listed.includes(key), JSON.stringify(key.slice(0, 30)));
    await Promise.all(grants.map(async (grant) => grant?.release()));
  });
}
