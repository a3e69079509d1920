/** A `FileLock` between real processes: they exclude, hand over, stop, exit and die. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import type { Request } from './support/file-locks.js';
import { random } from '../src/testing/random.js';
import { stateOf } from '../src/testing/process-state.js';
import { openFiles } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Taker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';

const module = new URL('./support/file-locks.js', import.meta.url);
const full = process.env['TIERLOCK_TEST'] === 'full';
const { newPath } = temporary();

function takers(count: number, timeoutMs: number = full ? 600_000 : 60_000): Promise<Taker[]> {
  return Promise.all(Array.from({ length: count }, () => spawnTaker(module, { timeoutMs })));
}

async function dismiss(all: readonly Taker[]): Promise<void> {
  await Promise.all(all.map((taker) => taker.kill()));
}

test('posix: a reader who could not become the writer, because of another process, still shares with his own', async () => {
  const path = newPath();
  await using other = await spawnTaker(module);
  await other.take({ path, kind: 'posix', shared: true } satisfies Request).acquired;
  using reader = new FileLock(path, { kind: 'posix' }).lockSync({ shared: true });
  assert.equal(reader.tryUpgrade(), null);
  using beside = new FileLock(path, { kind: 'posix', length: 10 }).tryLock({ shared: true });
  assert.equal(beside?.mode, 'shared');
});

for (const kind of ['ofd', 'flock', 'posix'] as const) {
  test(`${kind}: a waiter blocks until the holder lets go, and takes no longer`, async () => {
    const request: Request = { path: newPath(), kind };
    await using holder = await spawnTaker(module);
    await using waiter = await spawnTaker(module);
    const held = await holder.take(request).acquired;
    assert.equal(await waiter.take({ ...request, how: 'try' }).acquired, null);
    const wait = waiter.take(request);
    await wait.mustBlock();
    const before = process.hrtime.bigint();
    await holder.release();
    const next = await wait.acquired;
    assert.ok(held && next && held.at < before && before < next.at);
    await wait.release();
  });

  test(`${kind}: a killed holder holds nothing`, async () => {
    const request: Request = { path: newPath(), kind };
    await using waiter = await spawnTaker(module);
    const holder = await spawnTaker(module);
    await holder.take(request).acquired;
    const wait = waiter.take(request);
    await wait.mustBlock();
    await holder.kill();
    await wait.acquired;
    await wait.release();
  });

  for (const how of ['async', 'sync', 'mixed'] as const) {
    test(`${kind}: several processes add to one number, ${how}, and none of it is lost`, async () => {
      for (const count of [2, 4, 8]) {
        const counter = newPath();
        writeFileSync(counter, '0');
        const rounds = full ? 2000 : 200;
        const all = await takers(count);
        await Promise.all(
          all.map((taker, i) => {
            const sync = how === 'sync' || (how === 'mixed' && i % 2 === 0);
            const request = {
              path: `${counter}.lock`,
              kind,
              counter,
              rounds,
              ...(sync ? { how: 'sync' } : {}),
            };
            return taker.run('count', request);
          }),
        );
        assert.equal(readFileSync(counter, 'utf8'), String(count * rounds));
        await dismiss(all);
      }
    });
  }
}

test('readers of several processes share; a writer waits for all of them', async () => {
  const request: Request = { path: newPath() };
  const [one, two, writer] = await takers(3);
  assert.ok(one && two && writer);
  const shared = { ...request, shared: true };
  await one.take(shared).acquired;
  await two.take(shared).acquired;
  const wait = writer.take(request);
  await wait.mustBlock();
  await one.release();
  await wait.mustBlock();
  await two.kill();
  await wait.acquired;
  await dismiss([one, writer]);
});

test('readers who come while a writer waits are let in after it', async () => {
  const request: Request = { path: newPath() };
  const [one, two, writer] = await takers(3);
  assert.ok(one && two && writer);
  const shared = { ...request, shared: true };
  await one.take(shared).acquired;
  const writing = writer.take(request);
  // Until it stands at the gate others may come in.
  while ((await two.take({ ...shared, how: 'try' }).acquired) !== null) await two.release();
  const reading = two.take(shared);
  await reading.mustBlock();
  await one.release();
  await writing.acquired;
  await reading.mustBlock();
  await writing.release();
  await reading.acquired;
  await dismiss([one, two, writer]);
});

test('a holder that is stopped holds on; when it goes on it lets go', async () => {
  const request: Request = { path: newPath() };
  await using holder = await spawnTaker(module);
  await using waiter = await spawnTaker(module);
  await holder.take(request).acquired;
  await holder.stop();
  const wait = waiter.take(request);
  await wait.mustBlock();
  await holder.continue();
  await holder.release();
  await wait.acquired;
});

test('processes that are stopped at random while they count, holding or waiting, lose nothing', async () => {
  const pick = random(5);
  const counter = newPath();
  writeFileSync(counter, '0');
  const all = await takers(4);
  const rounds = full ? 5000 : 500;
  const running = new Set(all);
  const runs = all.map(async (taker, i) => {
    const request = { path: `${counter}.lock`, counter, rounds, ...(i % 2 === 0 && { how: 'sync' }) };
    await taker.run('count', request).finally(() => running.delete(taker));
  });
  let stops = 0;
  for (; running.size > 0; stops++) {
    const victim = all[pick(all.length)] ?? assert.fail();
    await victim.stop();
    await new Promise((resolve) => setTimeout(resolve, pick(5)));
    process.kill(victim.pid, 'SIGCONT');
  }
  await Promise.all(runs);
  assert.ok(stops > 0);
  assert.equal(readFileSync(counter, 'utf8'), String(all.length * rounds));
  await dismiss(all);
});

for (const how of ['spawn', 'fork', 'shell'] as const) {
  for (const kind of ['ofd', 'flock', 'posix'] as const) {
    test(`${kind}: a child started by ${how} while we hold does not hold, whatever becomes of us`, async () => {
      const request: Request = { path: newPath(), kind };
      const holder = await spawnTaker(module);
      await holder.take(request).acquired;
      const child = Number(await holder.run('spawnSleeper', how));
      try {
        assert.ok(!openFiles(child).includes(request.path), 'it has not even the file');
        await holder.kill();
        using guard = new FileLock(request.path, { kind }).tryLock();
        assert.ok(guard?.held);
        assert.match(stateOf(child), /[SR]/, 'it lives');
      } finally {
        process.kill(-child, 'SIGKILL');
      }
    });
  }
}

test('killed at random while they count, the others go on, and no two are ever inside', async () => {
  const pick = random(7);
  const [counter, inside] = [newPath(), newPath()];
  writeFileSync(counter, '0');
  writeFileSync(inside, '');
  const kills = full ? 1000 : 100;
  const request = { path: newPath(), counter, inside };
  let all = await takers(4);
  const runs = new Map<Taker, Promise<unknown>>();
  const start = (taker: Taker, i: number): void => {
    const run = taker.run('countAlone', { ...request, ...(i % 2 === 0 ? { how: 'sync' } : {}) });
    runs.set(
      taker,
      run.catch((error: unknown) => String(error)),
    );
  };
  all.forEach(start);
  for (let i = 0; i < kills; i++) {
    const victim = all[pick(all.length)] ?? assert.fail();
    await new Promise((resolve) => setTimeout(resolve, pick(20)));
    await victim.kill();
    assert.match(String(await runs.get(victim)), /SIGKILL/);
    const [next = assert.fail()] = await takers(1);
    start(next, i);
    all = [...all.filter((taker) => taker !== victim), next];
  }
  const before = Number(readFileSync(counter, 'utf8'));
  using guard = new FileLock(request.path).lockSync({ timeout: 10_000 });
  assert.ok(guard.held && before > kills);
  guard.release();
  await dismiss(all);
});
