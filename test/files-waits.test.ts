/** Who waits for a file in place of a task: threads, as many as may, and tries now and then beyond that. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { loadAddon } from '../src/addon.js';
import { FileLock } from '../src/index.js';
import { noStrace, trace } from './support/strace.js';
import { kernelLocks } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/file-locks.js', import.meta.url);
const { top, newPath } = temporary();

test('a task that waits for another handle is granted when that lets go', async () => {
  const path = newPath();
  const other = new FileLock(path, { length: 1 });
  const lock = new FileLock(path);
  const guard = other.lockSync();
  const before = loadAddon().waits();
  const waiting = lock.lock();
  await waitUntil(() => loadAddon().waits() === before + 1, { what: 'a thread waits' });
  guard.release();
  (await waiting).release();
  assert.equal(loadAddon().waits(), before);
});

/** Whether a thread is blocked for the file. */
const isAwaited = (path: string): boolean => kernelLocks(path).some(({ waits }) => waits);

test('as many threads wait as may, for those who came first; the others try, and all are granted', async () => {
  const addon = loadAddon();
  assert.equal(addon.waits(), 0);
  const [most, more] = [6, 4];
  addon.limitWaits(most);
  try {
    const paths = Array.from({ length: most + more }, newPath);
    const guards = paths.map((path) => new FileLock(path, { length: 1 }).lockSync());
    const waits = paths.map((path) => new FileLock(path).lock());
    const threadsAreAt = (first: number): Promise<unknown> =>
      waitUntil(
        () =>
          isDeepStrictEqual(
            paths.map(isAwaited),
            paths.map((_, i) => first <= i && i < first + most),
          ),
        { what: `threads wait for ${most} files from the ${first}th on, and for no others` },
      );
    const goOn = async (i: number): Promise<void> => {
      guards[i]?.release();
      (await waits[i])?.release();
    };
    await threadsAreAt(0);
    assert.equal(addon.waits(), most);
    // More than there are threads in the pool of libuv, which does not notice.
    await stat(top);
    // Nobody waits for the last but tries.
    for (const i of [most + 3, most + 2]) {
      await goOn(i);
      await threadsAreAt(0);
    }
    // Where a thread is free, it waits for one of the others.
    for (const i of [0, 1]) await goOn(i);
    await threadsAreAt(2);
    assert.equal(addon.waits(), most);
    for (let i = 2; i < most + 2; i++) {
      await goOn(i);
      assert.equal(addon.waits(), most + 1 - i);
    }
    await waitUntil(() => !paths.some((path) => kernelLocks(path).length > 0), { what: 'nobody has any' });
  } finally {
    addon.limitWaits(64);
  }
});

const traceless = noStrace();

test(
  'who has no thread tries now and then, and not all the time',
  { skip: traceless && `NOT TESTED: ${traceless}` },
  async () => {
    const path = newPath();
    const guard = new FileLock(path).lockSync();
    await using taker = await spawnTaker(module);
    await taker.run('limitWaits', 0);
    const wait = taker.take({ path });
    await wait.mustBlock();
    const tries = await trace(taker.pid, '-ttt', '-P', path, '-e', 'trace=fcntl');
    const times = (): number[] =>
      tries
        .lines()
        .flatMap((line) => (line.includes('F_OFD_SETLK,') ? [Number(/\d+\.\d+/.exec(line)?.[0])] : []));
    const most = 40;
    await waitUntil(() => times().length >= most, { what: `it tries ${most} times` });
    // At least those of the first moments are over by then.
    const [from = 0, to = 0] = [times()[most / 2 - 1], times()[most - 1]];
    const mean = ((to - from) / (most / 2)) * 1000;
    assert.ok(mean > 3, `it tries every ${mean} ms`);
    await tries.stop();
    assert.equal(await taker.run('waits'), 0);
    await wait.mustBlock();
    guard.release();
    await wait.acquired;
  },
);
