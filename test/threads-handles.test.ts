/** Handles: every way in which one reaches another thread, and everything that is none. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { LockMisuseError, Mutex } from '../src/index.js';
import type { LockHandle, SyncGuard } from '../src/index.js';
import { IDENTITY, LOCKS, MAGIC, Memory, THREADS, VERSION } from '../src/words/memory.js';
import { WAIT } from '../src/words/ownership.js';
import { WORD } from '../src/words/seat.js';
import { random } from '../src/testing/random.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);

/** A handle of the same lock whose memory is a copy with some words changed, and the copy's words. */
function forged({ memory, slot }: LockHandle, change: Record<number, number>): LockHandle {
  const copy = new SharedArrayBuffer(memory.byteLength);
  const words = new Int32Array(copy);
  words.set(new Int32Array(memory));
  words[IDENTITY] = Math.random() * 2 ** 31;
  for (const [index, value] of Object.entries(change)) words[Number(index)] = value;
  return { tierlock: 'mutex', memory: copy, slot };
}

test('a clone of a handle, and a clone of the clone, name the same lock', async () => {
  const mutex = new Mutex({ fair: true });
  const { port1, port2 } = new MessageChannel();
  port1.postMessage({ deep: [structuredClone(mutex.handle)] });
  const [message] = await once(port2, 'message');
  port1.close();
  const same = Mutex.from(message.deep[0]);
  const guard = same.lockSync();
  assert.deepEqual([mutex.locked, mutex.tryLock()], [true, null]);
  assert.throws(() => mutex.lockSync(), /a task of this thread holds it/);
  const waiting = mutex.lock();
  guard.release();
  (await waiting).release();
  assert.equal(same.locked, false);
  assert.notEqual(Mutex.from(same.handle), same);
  assert.equal(mutex.handle, mutex.handle);
  assert.ok(Object.isFrozen(mutex.handle));
});

test('two mutexes in one block are two locks', () => {
  const [one, other] = [new Mutex(), new Mutex()];
  const guard = Mutex.from(one.handle).lockSync();
  assert.deepEqual([one.locked, other.locked], [true, false]);
  Mutex.from(other.handle).lockSync().release();
  guard.release();
});

test('a handle goes along with workerData, and by message', async () => {
  const mutex = new Mutex();
  const guard = mutex.lockSync();
  const team = runWorkers<boolean>({ count: 2, module, name: 'comeAndGo', data: mutex.handle });
  await team.started;
  guard.release();
  assert.deepEqual(await team.results, [true, true]);
  const steps = new Int32Array(new SharedArrayBuffer(64));
  const worker = new Worker(new URL('./support/mutex-by-message.js', import.meta.url));
  worker.postMessage({ handle: mutex.handle, steps }, []);
  assert.deepEqual(await once(worker, 'message'), [true]);
});

const notHandles: readonly [what: string, make: (handle: LockHandle) => unknown, says: RegExp][] = [
  ['nothing', () => undefined, /it is undefined/],
  ['null', () => null, /it is null/],
  ['the mutex itself', () => new Mutex(), /not a handle of any lock/],
  ['an unknown kind', (handle) => ({ ...handle, tierlock: 'spoon' }), /not a handle of any lock/],
  ['another kind', (handle) => ({ ...handle, tierlock: 'rwlock' }), /it is the handle of a rwlock/],
  ['JSON', (handle) => JSON.parse(JSON.stringify(handle)), /lost its memory/],
  ['memory that is not shared', (handle) => ({ ...handle, memory: new ArrayBuffer(64) }), /lost its memory/],
  ['little memory', (h) => ({ ...h, memory: new SharedArrayBuffer(60) }), /has only 60 bytes/],
  ['strange memory', (h) => ({ ...h, memory: new SharedArrayBuffer(4096) }), /not made by this package/],
  [
    'zeroes',
    (h) => ({ ...h, memory: new SharedArrayBuffer(h.memory.byteLength) }),
    /not made by this package/,
  ],
  ['an overwritten header', (handle) => forged(handle, { [MAGIC]: 77 }), /not made by this package/],
  ['another layout', (handle) => forged(handle, { [VERSION]: 99 }), /has layout 99, this copy of tierlock/],
  ['other counts', (handle) => forged(handle, { [LOCKS]: 31 }), /has a wrong size/],
  ['other threads', (handle) => forged(handle, { [THREADS]: 512 }), /has a wrong size/],
  ['no slot', (handle) => ({ tierlock: 'mutex', memory: handle.memory }), /names slot undefined/],
  ['a slot beyond', (handle) => ({ ...handle, slot: 32 }), /names slot 32, and there are 32/],
  ['half a slot', (handle) => ({ ...handle, slot: 0.5 }), /names slot 0.5/],
  ['a negative slot', (handle) => ({ ...handle, slot: -1 }), /names slot -1/],
  ['a slot of words', (handle) => ({ ...handle, slot: '0' }), /names slot 0/],
  ['a slot not given out', (handle) => forged({ ...handle, slot: 31 }, {}), /has no such lock/],
];

for (const [what, make, says] of notHandles) {
  test(`${what} is no handle, and the error says why`, () => {
    const made = make(new Mutex().handle) as LockHandle;
    assert.throws(
      () => Mutex.from(made),
      (error) =>
        error instanceof TypeError &&
        error.message.startsWith("'handle' must be") &&
        says.test(error.message),
    );
  });
}

test('a shortened memory is no handle', () => {
  const { handle } = new Mutex();
  const memory = new SharedArrayBuffer(handle.memory.byteLength - 64);
  new Int32Array(memory).set(new Int32Array(handle.memory, 0, memory.byteLength / 4));
  assert.throws(() => Mutex.from({ ...handle, memory }), /has a wrong size/);
});

for (const serialization of ['json', 'advanced'] as const) {
  test(`a handle does not reach another process by ${serialization} messages, and that is told`, async () => {
    const script = new URL('./support/mutex-by-message.js', import.meta.url);
    const child = fork(script, { serialization });
    try {
      const said = once(child, 'message');
      const { handle } = new Mutex();
      try {
        child.send({ handle });
      } catch (error) {
        assert.match(String(error), /SharedArrayBuffer/);
        child.send({ handle: { ...handle, memory: null } });
      }
      const [message] = await said;
      assert.match(message, /lost its memory.*cannot be written down or sent to another process/);
    } finally {
      child.kill();
    }
  });
}

function release(guard: SyncGuard): void {
  try {
    guard.release();
  } catch (error) {
    assert.ok(error instanceof LockMisuseError);
    assert.match(error.message, /shared words of the mutex were overwritten/);
  }
}

test('random words in a lock are recovered from, or told', async (t) => {
  const seed = Date.now() % 2 ** 20;
  t.diagnostic(`seed ${seed}`);
  const pick = random(seed);
  for (let round = 0; round < 200; round++) {
    const mutex = new Mutex();
    const memory = new Memory(new Int32Array(mutex.handle.memory));
    const at = memory.slot(mutex.handle.slot);
    const row = memory.row(0, mutex.handle.slot);
    memory.words[at + WORD] = pick(2 ** 32);
    for (let i = 0; i < 5; i++) memory.words[row + i] = pick(2 ** 32);
    const began = performance.now();
    const guard =
      round % 2 === 0 ? mutex.lockSync({ timeout: 20_000 }) : await mutex.lock({ timeout: 20_000 });
    assert.ok(performance.now() - began < 10_000, 'it took long');
    const waiting = mutex.lock({ timeout: 20_000 });
    if (round % 3 === 0) memory.words[at + WORD] = pick(2 ** 32);
    release(guard);
    release(await waiting);
  }
});

test('whoever releases a lock whose words were overwritten is told, and those who wait go on', async () => {
  const mutex = new Mutex({ fair: true });
  const memory = new Memory(new Int32Array(mutex.handle.memory));
  const guard = mutex.lockSync();
  const waiting = mutex.lock({ timeout: 5000 });
  // Somebody's who has never lived; and somebody waits, or we would pass it on without looking.
  memory.words[memory.slot(mutex.handle.slot) + WORD] = (77 << 10) | (200 << 2) | WAIT;
  assert.throws(() => guard.release(), LockMisuseError);
  const next = await waiting;
  assert.equal(next.recovered, true);
  next.release();
});
