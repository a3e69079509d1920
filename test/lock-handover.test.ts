/** What was climbed to goes on from task to task, within its bound; and rivals get their turn. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { KernelFile } from '../src/files/kernel-file.js';
import { configure, lock, lockSync } from '../src/index.js';
import type { LockCallOptions } from '../src/index.js';
import { locks } from '../src/registry.js';
import { RWLockWords } from '../src/words/rwlock.js';
import { leftOver, newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const addon = loadAddon();

const module = new URL('./support/locks.js', import.meta.url);
const rivals = new URL('./support/lock-rivals.js', import.meta.url);
const lockPath = newFolder();
const external = { external: true, lockPath } as const;

/** How often the file is given back while `fn` runs. */
async function countUnlocks(fn: () => Promise<unknown>): Promise<number> {
  const { prototype } = KernelFile;
  const real = Object.getOwnPropertyDescriptor(prototype, 'give') as PropertyDescriptor;
  let count = 0;
  prototype.give = function give(units) {
    count++;
    real.value.call(this, units);
  };
  try {
    await fn();
  } finally {
    Object.defineProperty(prototype, 'give', real);
  }
  return count;
}

/** So many tasks stand in line, and then go through one after the other. */
async function queueUp(count: number, options: LockCallOptions): Promise<bigint[]> {
  const tokens: bigint[] = [];
  const holder = await lock('line', options);
  const all = Array.from({ length: count }, () =>
    lock('line', options, (guard) => void tokens.push(guard.token)),
  );
  await mustBlock(Promise.all(all));
  await holder.release();
  await Promise.all(all);
  assert.deepEqual(await leftOver(), []);
  return tokens;
}

// No limit of time: how long a machine takes for the passes is not the question.
const generous = { ms: Infinity, grants: 1000 };

test('50 waiters of a thread share one lock of the file, and each gets its own token', async () => {
  let tokens: bigint[] = [];
  const unlocks = await countUnlocks(async () => {
    tokens = await queueUp(50, { ...external, handover: generous });
  });
  assert.equal(unlocks, 1);
  assert.equal(new Set(tokens).size, 50);
  assert.ok(tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? token)));
});

test('it is handed over no more often than was agreed', async () => {
  for (const [grants, unlocks] of [
    [0, 51],
    [1, 51],
    [2, 26],
    [10, 6],
  ] as const) {
    assert.equal(
      await countUnlocks(() => queueUp(50, { ...external, handover: { ms: Infinity, grants } })),
      unlocks,
      `${grants} grants`,
    );
  }
});

test('it is handed over no longer than was agreed, and the default is what configure() says', async () => {
  assert.equal(await countUnlocks(() => queueUp(50, { ...external, handover: { ms: 0 } })), 51);
  configure({ handover: { ms: 0 } });
  assert.equal(await countUnlocks(() => queueUp(50, external)), 51);
  configure({ handover: generous });
  assert.equal(await countUnlocks(() => queueUp(50, external)), 1);
  configure({ handover: undefined });
});

test('a fair lock hands nothing over past others, whoever has asked for that', async () => {
  assert.equal(await countUnlocks(() => queueUp(20, { ...external, handover: generous, fair: true })), 21);
  await waitUntil(() => locks.find('line') === undefined, { what: 'the name is closed' });
  assert.equal(await countUnlocks(() => queueUp(20, { ...external, handover: generous })), 1);
});

test('those who wait for something else are no heirs', async () => {
  const other = newFolder();
  const holder = await lock('heirs', external);
  const order: string[] = [];
  const all = [
    lock('heirs', () => void order.push('plain')),
    lock('heirs', { ...external, lockPath: other }, () => void order.push('other')),
    lock('heirs', { ...external, shared: true }, () => void order.push('reader')),
    lock('heirs', external, () => void order.push('last')),
  ];
  const unlocks = await countUnlocks(async () => {
    await holder.release();
    await Promise.all(all);
  });
  assert.deepEqual(order, ['plain', 'other', 'reader', 'last']);
  assert.equal(unlocks, 4);
  assert.deepEqual(await leftOver(), []);
});

test('who waits elsewhere comes in once the bound is reached', async () => {
  const options = { external: true, lockPath: newFolder() } as const;
  await using rival = await spawnTaker(module);
  for (const how of [{ handover: { ms: 0 } }, { fair: true, handover: generous }] as const) {
    for (let round = 0; round < 5; round++) {
      const holder = await lock('polite', { ...options, ...how });
      const take = rival.take({ name: 'polite', ...options });
      const fd = openSync(join(options.lockPath, 'polite.lock'), 'r');
      await waitUntil(() => addon.isGateClosed(fd, 0), { what: 'the rival stands at the gate' });
      closeSync(fd);
      // There is always an heir, however long the rival's thread waits for a core.
      const seen = { served: false, passed: 0 };
      const heir = async (): Promise<void> => {
        while (!seen.served) await lock('polite', { ...options, ...how }, () => seen.passed++);
      };
      const heirs = Array.from({ length: 10 }, heir);
      await holder.release();
      assert.ok(await take.acquired);
      seen.served = true;
      await take.release();
      await Promise.all(heirs);
      assert.ok(seen.passed < 10_000, `${seen.passed} heirs were before the rival`);
    }
  }
});

for (const via of ['ofd', 'flock'] as const) {
  test(`${via}: a process full of tasks does not keep a rival out`, async () => {
    const options = { external: true, lockPath: newFolder(), via } as const;
    await using crowd = await spawnTaker(rivals);
    await using rival = await spawnTaker(rivals);
    await crowd.run('start', 'crowd', 50, options);
    const waits = (await rival.run('visit', 'crowd', 20, options)) as number[];
    const grants = await crowd.run('stop');
    assert.ok(Number(grants) > 50, `${String(grants)} grants`);
    // The bound is 10 ms; the rest is for machines that are busy with something else.
    assert.ok(Math.max(...waits) < 2000, `waits of ${waits.map(Math.round).join(', ')} ms`);
  });
}

test('between threads it goes on inside of a thread as often as was agreed', async () => {
  for (const [handover, expected] of [
    [{ ms: 0 }, 21],
    [{ ms: Infinity, grants: 11 }, 2],
    [generous, 1],
  ] as const) {
    const holder = lockSync('threads', { handover });
    const outer = locks.find('threads')?.outer;
    assert.ok(outer);
    const all = Array.from({ length: 20 }, () => lock('threads', { handover }));
    await mustBlock(Promise.all(all));
    // As if another thread waited all the time, and never came.
    Object.defineProperty(outer, 'awaited', { value: true, configurable: true });
    let gives = 0;
    outer.give = (units): void => {
      gives++;
      RWLockWords.prototype.give.call(outer, units);
    };
    holder.release();
    for (const wait of all) await (await wait).release();
    Reflect.deleteProperty(outer, 'awaited');
    Reflect.deleteProperty(outer, 'give');
    assert.equal(gives, expected);
  }
});

test('a rival who is stopped at the gate does not keep the file from those who run', async () => {
  const options = { external: true, lockPath: newFolder(), handover: { ms: 0 } } as const;
  await using rival = await spawnTaker(module);
  const holder = await lock('stopped', options);
  const take = rival.take({ name: 'stopped', ...options });
  const fd = openSync(join(options.lockPath, 'stopped.lock'), 'r+');
  await waitUntil(() => loadAddon().isGateClosed(fd, 1, 0, 0), { what: 'it is at the gate' });
  closeSync(fd);
  await rival.stop();
  const heirs = [1, 2, 3].map((n) => lock('stopped', { ...options, timeout: 10_000 }, () => n));
  await holder.release();
  assert.deepEqual(await Promise.all(heirs), [1, 2, 3]);
  await rival.continue();
  assert.ok(await take.acquired);
});
