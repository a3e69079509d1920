/** Histograms of how long names are waited for and held. */
import assert from 'node:assert/strict';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { lock, lockSync, semaphore, tryLock, watchTimes } from '../src/index.js';
import { mustBlock } from '../src/testing/settled.js';

/** Lets so many ms pass, by the clock that is measured with. */
function pass(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('each grant is a wait and a hold of its name, and what is not granted is neither', async () => {
  using times = watchTimes();
  await lock('a', async (guard) => {
    await lock('a', { within: guard }, async () => undefined);
    assert.equal(await tryLock('a'), null);
    await assert.rejects(lock('a', { timeout: 0 }));
  });
  lockSync('a').release();
  await (await semaphore('a', 3).acquire(2)).release();
  const counts = [...times].map(({ kind, name, wait, hold }) => [kind, name, wait.count, hold.count]);
  assert.deepEqual(counts, [
    ['lock', 'a', 2, 2],
    ['semaphore', 'a', 1, 1],
  ]);
  assert.equal(times.of('a', 'semaphore')?.hold.count, 1);
  assert.equal(times.of('b'), undefined);
});

test('they measure, in ns: the wait from the call to the grant, the hold from the grant to the release', async () => {
  using times = watchTimes();
  const first = lockSync('m');
  const { wait } = await mustBlock(lock('m', () => pass(5)));
  pass(20);
  first.release();
  await wait;
  const { wait: waits, hold } = times.of('m') ?? assert.fail();
  // Two digits are exact, and what was measured here is inside of what they measure.
  assert.ok(waits.max >= 19.8e6 && waits.min < 20e6, `${waits.min} to ${waits.max}`);
  assert.ok(hold.max >= 19.8e6 && hold.min >= 4.9e6, `${hold.min} to ${hold.max}`);
});

test('only so many names have histograms of their own; the others are counted together', async () => {
  using times = watchTimes({ names: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'a']) await lock(name, async () => undefined);
  assert.deepEqual(
    Array.from(times, ({ name, wait }) => [name, wait.count]),
    [
      ['a', 2],
      ['b', 1],
    ],
  );
  assert.deepEqual([times.others.wait.count, times.others.hold.count], [2, 2]);
});

test('once stopped nothing is recorded, and nobody listens any more', async () => {
  const times = watchTimes();
  await lock('s', async () => undefined);
  times.stop();
  times.stop();
  await lock('s', async () => undefined);
  assert.equal(times.of('s')?.wait.count, 1);
  assert.equal(tracingChannel('tierlock:acquire').hasSubscribers, false);
  assert.equal(channel('tierlock:release').hasSubscribers, false);
});

test('what is no number of names is refused', () => {
  for (const names of [-1, 1.5, NaN, Infinity, 100_001])
    assert.throws(() => watchTimes({ names }), {
      name: 'RangeError',
      message: /'names' must be a whole number/,
    });
  assert.throws(() => watchTimes({ name: 1 } as object), /unknown option 'name'/);
});
