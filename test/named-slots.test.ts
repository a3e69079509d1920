/** Where named locks lie: as many as there are, each for as long as it is used, and then nothing is left of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { MappedMemory } from '../src/words/mapped.js';
import { MutexWords } from '../src/words/mutex.js';
import { openSlot } from '../src/words/names.js';
import { GENERATION, HELD, SEAT_STATE } from '../src/words/row.js';
import { heapUsed } from './support/heap.js';
import { mustBeCorrect } from './support/history.js';
import { rwlocks } from './support/named-kinds.js';
import type { Mix } from './support/named-kinds.js';
import { countNames, lock, lockSync, mutexes, tryLock } from './support/named-mutexes.js';
import { readThreadLog, threadLog } from './support/record.js';
import { turn } from '../src/testing/settled.js';
import { runWorkers } from './support/workers.js';

const mutexModule = new URL('./support/named-mutexes.js', import.meta.url);
const kindsModule = new URL('./support/named-kinds.js', import.meta.url);

function assertNothingOpen(): void {
  assert.deepEqual([mutexes.size, rwlocks.size, countNames()], [0, 0, 0]);
}

test('a name is open while it is held or waited for, and not longer', async () => {
  const guard = await lock('a');
  const waits = lock('a');
  assert.deepEqual([mutexes.size, countNames()], [1, 1]);
  assert.equal(tryLock('a'), null);
  guard.release();
  const next = await waits;
  assert.deepEqual([mutexes.size, countNames()], [1, 1]);
  guard.release();
  assert.equal(next.held, true);
  next.release();
  assertNothingOpen();
});

test('whatever ends a wait closes the name', async () => {
  const other = openSlot('\0mutex:a');
  const theirs = new MutexWords(other.place, false);
  // Like one in another thread: our own queue does not know of it.
  assert.equal(theirs.tryTake(1), true);
  assert.equal(tryLock('a'), null);
  assert.throws(() => lockSync('a', { timeout: 1 }), { code: 'ERR_LOCK_TIMEOUT' });
  for (const timeout of [0, 1]) await assert.rejects(lock('a', { timeout }), { code: 'ERR_LOCK_TIMEOUT' });
  const reason = new Error('enough');
  await assert.rejects(lock('a', { signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const waits = lock('a', { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(waits, reason);
  await assert.rejects(lock('a', { timeout: -1 }), RangeError);
  assert.throws(() => mutexes.using('b', () => assert.fail('on purpose')), /on purpose/);
  assert.deepEqual([mutexes.size, countNames()], [0, 1]);
  theirs.give(1);
  other.close();
  assertNothingOpen();
});

test('what a name is used for while it is being used does not close it', () => {
  mutexes.using('a', (queue) => {
    lockSync('a').release();
    assert.equal(mutexes.size, 1);
    queue.acquireSync(1).release();
    assert.equal(mutexes.size, 1);
  });
  assertNothingOpen();
});

test('a name of one kind is no name of another', () => {
  using mutex = tryLock('a');
  using writer = rwlocks.using('a', (queue) => queue.tryAcquire(1));
  assert.deepEqual([mutex?.held, writer?.held], [true, true]);
  assert.equal(countNames(), 2);
});

test('there is room for as many names as are in use', async () => {
  const keys = Array.from({ length: 300 }, (_, i) => `one of many ${i}`);
  const guards = keys.map((key) => lockSync(key));
  const tryAll = { count: 1, module: mutexModule, name: 'tryAll', data: keys };
  assert.deepEqual(await runWorkers(tryAll).results, [0]);
  for (const guard of guards.slice(100)) guard.release();
  assert.deepEqual(await runWorkers(tryAll).results, [200]);
  for (const guard of guards) guard.release();
  assert.deepEqual(await runWorkers(tryAll).results, [300]);
  assertNothingOpen();
});

test('a million names that have been used leave nothing behind', () => {
  const use = (from: number, to: number): void => {
    for (let i = from; i < to; i++) lockSync(`used once: ${i}`).release();
  };
  use(0, 10_000);
  const before = heapUsed();
  use(10_000, 1_000_000);
  assertNothingOpen();
  const grown = heapUsed() - before;
  assert.ok(grown < 200_000, `${grown} bytes`);
});

test('thousands of waits that were given up leave nothing behind', async () => {
  const other = openSlot('\0mutex:a');
  const theirs = new MutexWords(other.place, false);
  theirs.tryTake(1);
  const giveUp = async (): Promise<void> => {
    const controller = new AbortController();
    const waits = lock('a', { signal: controller.signal });
    controller.abort();
    await assert.rejects(waits, { name: 'AbortError' });
  };
  // What is warmed up on the way is no leak: that would be there every time.
  const grown: number[] = [];
  for (let round = 0, before = heapUsed(); round < 6; round++) {
    for (let i = 0; i < 5000; i++) await giveUp();
    await turn();
    const now = heapUsed();
    grown.push(now - before);
    before = now;
  }
  assert.ok(Math.min(...grown) < 20_000, `${grown.join()} bytes`);
  theirs.give(1);
  other.close();
  assertNothingOpen();
});

test('locks of several kinds take turns in the same slots', async () => {
  const rounds = 3000;
  const log = threadLog(4, rounds * 3, ['m0', 'r0', 'm1', 'r1']);
  const data: Mix = { log, rounds };
  await runWorkers({ count: 4, module: kindsModule, name: 'mix', data, timeoutMs: 60_000 }).results;
  mustBeCorrect(readThreadLog(log));
  assertNothingOpen();
  const slot = openSlot('a');
  const { memory } = slot.place;
  for (let thread = 0; thread < memory.joined; thread++) {
    for (let lockNumber = 0; lockNumber < 8; lockNumber++) {
      const row = memory.row(thread, lockNumber);
      assert.equal(memory.words[row + SEAT_STATE], 0, 'whoever has gone sits nowhere');
      assert.equal(memory.words[row + HELD], 0, 'and holds nothing');
    }
  }
  slot.close();
});

test('a life slot is taken over with the seats empty, and the dead stay dead', () => {
  const slot = openSlot('\0mutex:a');
  const { layout, words } = slot.place.memory;
  const enter = (): MappedMemory =>
    new MappedMemory(loadAddon(), new Int32Array(words.buffer as ArrayBuffer), layout);
  const memory = enter();
  const { member } = memory;
  const place = member.place(slot.place.lock);
  const dying = new MutexWords(place, false);
  assert.equal(dying.tryTake(1), true);
  const row = memory.row(member.slot, place.lock);
  for (const [index, value] of [
    [SEAT_STATE, 2],
    [HELD, 3],
    [GENERATION, 1],
  ] as const)
    words[row + index] = value;
  member.leave();
  const others: MappedMemory[] = [];
  assert.throws(
    () => {
      for (;;) others.push(enter());
    },
    { code: 'ERR_LOCK_UNSUPPORTED', message: /^256 threads share this memory already/ },
  );
  const successor = others.find((other) => other.member.slot === member.slot);
  assert.notEqual(successor?.member.name, member.name);
  assert.equal(words[row + SEAT_STATE], 0);
  const guard = lockSync('a');
  assert.equal(guard.recovered, true, 'the one who has died is not the one who has its place now');
  guard.release();
  for (const other of others) other.member.leave();
  slot.close();
  assertNothingOpen();
});
