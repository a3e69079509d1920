/** What can be seen from outside: who holds a key, which keys are held; and that a key can be taken away. */
import assert from 'node:assert/strict';
import { LockLostError, LockUnsupportedError } from '../errors.js';
import type { Backend, StoreHolder } from '../backend.js';
import { mustBe } from './proof.js';
import type { Case, Hold, World } from './world.js';

async function holders(t: World, host: Backend, key: string): Promise<StoreHolder[]> {
  assert.ok(host.inspect !== undefined);
  return t.answer('inspect', host.inspect(key));
}

function mustShow(t: World, found: StoreHolder | undefined, { request, token }: Hold): void {
  assert.ok(found);
  const { id, shared, units } = request;
  assert.deepEqual({ ...found, left: undefined }, { id, token, shared, units, left: undefined });
  if (!t.store.supports.ttl) return assert.equal(found.left, undefined);
  const { left = 0 } = found;
  assert.ok(left > 0 && left <= request.ttl + 1000, `${left} ms are left of ${request.ttl}`);
}

export const looks: readonly Case[] = [
  {
    promise: 'a look shows who holds a key, with his token and his time, to everybody',
    needs: ['inspect'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      assert.deepEqual(await holders(t, b, key), []);
      const hold = await t.take(a, key);
      await t.refused(b, key);
      for (const host of [a, b]) {
        const found = await holders(t, host, key);
        assert.equal(found.length, 1);
        mustShow(t, found[0], hold);
      }
      await hold.release();
      assert.deepEqual(await holders(t, b, key), []);
    },
  },
  {
    promise: 'a look shows all who hold a key beside each other',
    needs: ['inspect', 'shared'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const holds = [await t.take(a, key, { shared: true }), await t.take(b, key, { shared: true })];
      const found = await holders(t, a, key);
      assert.equal(found.length, 2);
      for (const hold of holds)
        mustShow(
          t,
          found.find(({ id }) => id === hold.request.id),
          hold,
        );
    },
  },
  {
    promise: 'a look shows how many permits each has',
    needs: ['inspect', 'permits'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key('semaphore');
      const holds = [
        await t.take(a, key, { permits: 5, units: 3 }),
        await t.take(b, key, { permits: 5, units: 1 }),
      ];
      const found = await holders(t, b, key);
      assert.equal(found.length, 2);
      for (const hold of holds)
        mustShow(
          t,
          found.find(({ id }) => id === hold.request.id),
          hold,
        );
    },
  },
  {
    promise: 'a look does not show what has lapsed',
    needs: ['inspect', 'ttl'],
    run: async (t) => {
      const key = t.key();
      const hold = await t.take(t.store, key, { ttl: t.ttl });
      await t.lapse(hold);
      assert.deepEqual(await holders(t, t.store, key), []);
      if (t.store.list !== undefined) assert.deepEqual(await t.answer('list', t.store.list(key)), []);
      await t.free(t.store, key);
    },
  },
  {
    promise: 'a list has the keys that are held, as they are, and no others',
    needs: ['list'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const beginning = t.key();
      const list = async (prefix: string): Promise<string[] | undefined> =>
        (await t.answer('list', Promise.resolve(b.list?.(prefix))))?.toSorted();
      const names = ['', '*', '[a]', '?', 'A', 'a', 'a%b', 'a/b', 'a:b', 'a_b', 'é', '🔒'];
      assert.deepEqual(await list(beginning), []);
      const holds: Hold[] = [];
      for (const name of names) holds.push(await t.take(a, beginning + name));
      const other = await t.take(a, t.key());
      await t.refused(b, `${beginning}a`);
      const keys = names.map((name) => beginning + name).toSorted();
      assert.deepEqual(await list(beginning), keys);
      assert.deepEqual(
        await list(`${beginning}a`),
        keys.filter((key) => key.startsWith(`${beginning}a`)),
      );
      assert.deepEqual(await list(`${beginning}*`), [`${beginning}*`]);
      assert.deepEqual(await list(`${beginning}a_`), [`${beginning}a_b`]);
      const all = new Set(await list(''));
      for (const key of [...keys, other.request.key]) assert.ok(all.has(key), key);
      for (const hold of holds) await hold.release();
      assert.deepEqual(await list(beginning), []);
    },
  },
  {
    promise:
      'what is broken is free, and its holder is told at his next renewal; or it cannot be broken, and stays',
    needs: ['break'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      const broken = (): Promise<boolean | undefined> => t.answer('break', Promise.resolve(b.break?.(key)));
      assert.equal(await broken(), false, 'nobody holds it');
      const hold = await t.take(a, key);
      let refused: unknown;
      const did = await broken().catch((error: unknown) => (refused = error));
      if (refused !== undefined) {
        mustBe(LockUnsupportedError)(refused);
        await t.refused(b, key);
        assert.equal(await hold.release(), true);
        return;
      }
      assert.equal(did, true);
      const next = await t.take(b, key);
      if (hold.grant.renew !== undefined)
        await assert.rejects(hold.renew(1000), (error) => error instanceof LockLostError);
      assert.equal(await hold.release(), false, 'it was taken away');
      await t.refused(a, key);
      assert.equal(await next.release(), true);
      assert.equal(await broken(), false, 'nobody holds it any more');
    },
  },
  {
    promise: 'who waits for what is broken is told',
    needs: ['break', 'ttl', 'watch'],
    run: async (t) => {
      const [a, b] = await t.hosts();
      const key = t.key();
      await t.take(a, key);
      const waits = t.wait(b, key);
      await t.refused(b, key);
      await t.answer('break', Promise.resolve(a.break?.(key)));
      await waits;
    },
  },
];
