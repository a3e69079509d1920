/** Storms between processes: most of those who wait give up, at any moment, and nothing is left of their waits. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import { grantsIn } from './support/contenders.js';
import type { Storm, Tally } from './support/file-storms.js';
import { mostAtOnce, mustBeCorrect } from './support/history.js';
import { readFileLogs } from './support/record.js';
import { kernelLocks } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';

const module = new URL('./support/file-storms.js', import.meta.url);
const { newPath, newFolder } = temporary();
const factor = process.env['TIERLOCK_TEST'] === 'full' ? 30 : 1;
const seed = Date.now() % 2 ** 20;

const storms = [
  ['ofd', 'writers'],
  ['ofd', 'readers and writers'],
  ['flock', 'writers'],
  ['flock', 'readers and writers'],
  ['posix', 'writers'],
  ['posix', 'readers and writers'],
] as const;

for (const [kind, whom] of storms) {
  test(`${kind}: a storm of ${whom} who give up leaves nothing behind, seed ${seed}`, async () => {
    const [folder, path, counter] = [newFolder(), newPath(), newPath()];
    writeFileSync(counter, '0');
    const storm: Omit<Storm, 'seed'> = {
      folder,
      path,
      counter,
      kind,
      readers: whom !== 'writers',
      tasks: 40,
      rounds: 10 * factor,
    };
    const takers = await Promise.all(
      Array.from({ length: 4 }, () => spawnTaker(module, { timeoutMs: 20_000 * factor })),
    );
    try {
      const tallies = (await Promise.all(
        takers.map((taker, i) => taker.run('storm', { ...storm, seed: seed + i })),
      )) as Tally[];

      // They all live on, so it is free because they have let go. Nobody needs to wait for that.
      assert.deepEqual(kernelLocks(path), []);
      assert.equal(new FileLock(path, { kind }).tryLock()?.release(), true, 'somebody still has it');
      for (const taker of takers) {
        const take = taker.take({ path, kind, how: 'try' });
        assert.notEqual(await take.acquired, null, 'it is free for everybody');
        await take.release();
        assert.equal(await taker.run('waits'), 0);
      }
      const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
      assert.equal(sum('left'), 0, 'a thread waited when the last task had its answer');
      assert.ok(sum('threads') > 0, 'no thread ever waited');

      const events = readFileLogs(folder);
      mustBeCorrect(events);
      assert.equal(mostAtOnce(events, 'exclusive'), 1);
      assert.equal(
        readFileSync(counter, 'utf8'),
        String(grantsIn(events, 'exclusive')),
        'an update was lost',
      );
      assert.equal(sum('granted'), grantsIn(events, 'exclusive') + grantsIn(events, 'shared'));
      assert.equal(sum('granted') + sum('refused'), takers.length * storm.tasks * storm.rounds);
      assert.ok(sum('refused') > sum('granted'), `${sum('granted')} granted, ${sum('refused')} refused`);
    } finally {
      await Promise.all(takers.map((taker) => taker.kill()));
    }
  });
}
