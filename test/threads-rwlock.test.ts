/** One reader-writer lock and several real threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RWLock } from '../src/index.js';
import { mustBeCorrect } from './support/history.js';
import { readThreadLog, threadLog } from './support/record.js';
import type { Saturated, Tally } from './support/rwlock-workers.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/rwlock-workers.js', import.meta.url);
const rounds = process.env['TIERLOCK_TEST'] === 'full' ? 4000 : 400;
const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(128));

for (const fair of [false, true]) {
  for (const count of [2, 4, 8]) {
    test(`${count} threads read and write in every way, ${fair ? 'fair' : 'open'}`, async () => {
      const lock = new RWLock({ fair });
      const log = threadLog(count, rounds * 2 * 3, ['lock']);
      const data = { handle: lock.handle, log, rounds, seed: 7, data: words() };
      await using team = runWorkers<Tally>({
        count,
        module,
        name: 'hammer',
        data,
        pin: true,
        timeoutMs: 60_000,
      });
      const tallies = await team.results;
      mustBeCorrect(readThreadLog(log));
      const sum = (key: keyof Tally): number => tallies.reduce((all, tally) => all + (tally?.[key] ?? 0), 0);
      assert.equal(data.data[0], sum('writes'));
      assert.equal(data.data[16], sum('writes'));
      const summary = JSON.stringify(tallies);
      assert.ok(
        sum('reads') > rounds / 2 && sum('writes') > rounds / 10,
        `hardly anything happened: ${summary}`,
      );
      // With many threads a reader is hardly ever alone.
      if (count === 2) assert.ok(sum('upgrades') > 0, summary);
      assert.equal(sum('recovered'), 0);
      assert.deepEqual([lock.readers, lock.writer, lock.waitingWriters], [0, false, 0]);
      assert.ok(lock.tryWrite()?.release());
    });
  }
}

for (const how of ['read', 'write']) {
  for (const sync of [true, false]) {
    test(`the ${how} lock of a terminated worker is given back to one who ${sync ? 'blocks' : 'awaits'}`, async () => {
      const lock = new RWLock();
      const told = words();
      const data = { handle: lock.handle, how, told };
      await using team = runWorkers({ count: 1, module, name: 'holdForEver', data });
      await team.started;
      while (Atomics.load(told, 0) === 0) await sleep(1);
      assert.deepEqual([lock.readers, lock.writer], how === 'read' ? [1, false] : [0, true]);
      assert.equal(lock.tryWrite(), null);
      if (sync) {
        await team.terminate(0);
        using guard = lock.writeSync({ timeout: 5000 });
        assert.equal(guard.recovered, how === 'write');
      } else {
        const waiting = lock.write({ timeout: 5000 });
        await team.terminate(0);
        using guard = await waiting;
        assert.equal(guard.recovered, how === 'write');
      }
      using next = lock.readSync();
      assert.equal(next.recovered, false);
    });
  }
}

test('neither readers nor writers starve when threads do nothing else', async () => {
  for (const readers of [3, 1]) {
    const lock = new RWLock();
    const stop = words();
    const turns = words().subarray(0, 4);
    const data: Saturated = { handle: lock.handle, readers, stop, turns };
    await using team = runWorkers({ count: 4, module, name: 'saturate', data, pin: true });
    await team.started;
    // One who starves has no turn as long as the others go on, and they go on until all have had theirs.
    await waitUntil(() => turns.every((count) => count >= 50), { what: 'each has had fifty turns' });
    Atomics.store(stop, 0, 1);
    await team.results;
  }
});
