/** What a thread's wait for other threads leaves in its seat: one sleeper while it waits, and afterwards nothing. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Mutex } from '../src/index.js';
import { join, slotOf } from '../src/words/life.js';
import { Memory } from '../src/words/memory.js';
import { MutexWords } from '../src/words/mutex.js';
import { SEAT_STATE, TICKET } from '../src/words/row.js';
import { IDLE, PARKED } from '../src/words/seat.js';
import { threadId } from '../src/words/thread.js';
import type { Two } from './support/mutex-workers.js';
import { turn } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/mutex-workers.js', import.meta.url);

/** A mutex that another thread holds until told, and the seat of this thread. */
async function heldElsewhere(): Promise<{
  mutex: Mutex;
  state: () => number;
  ticket: () => number;
  wakeAll: () => number;
  letGo: () => Promise<void>;
}> {
  const mutex = new Mutex();
  const steps = new Int32Array(new SharedArrayBuffer(64));
  const data: Two = { a: mutex.handle, b: mutex.handle, steps };
  const team = runWorkers({ count: 1, module, name: 'holdUntilTold', data });
  await waitUntil(() => Atomics.load(steps, 0) === 1, { what: 'the worker holds it' });
  const memory = new Memory(new Int32Array(mutex.handle.memory));
  // Who has made the block came first.
  const row = memory.row(0, mutex.handle.slot);
  const seat = row + SEAT_STATE;
  return {
    mutex,
    state: () => Atomics.load(memory.words, seat),
    ticket: () => Atomics.load(memory.words, row + TICKET),
    /** Without any reason, and tells how many slept. */
    wakeAll: () => Atomics.notify(memory.words, seat),
    async letGo() {
      Atomics.store(steps, 1, 1);
      Atomics.notify(steps, 1);
      await team.results;
    },
  };
}

test('a wait has one sleeper, however often it is woken for nothing or looks around', async () => {
  const { mutex, state, wakeAll, letGo } = await heldElsewhere();
  const waiting = [mutex.lock(), mutex.lock()];
  assert.deepEqual([wakeAll(), wakeAll()], [1, 0]);
  await waitUntil(() => wakeAll() === 1, { what: 'it sleeps again' });
  await turn();
  await sleep(120); // a few looks around; nothing is proved by the time
  assert.deepEqual([wakeAll(), state()], [1, PARKED]);
  await letGo();
  for (const wait of waiting) (await wait).release();
  await turn();
  assert.deepEqual([wakeAll(), state()], [0, IDLE]);
});

test('whoever gives up, alone or before another, leaves the seat as it should be', async () => {
  const { mutex, state, wakeAll, letGo } = await heldElsewhere();
  for (let round = 0; round < 3; round++) {
    const controller = new AbortController();
    const alone = mutex.lock({ signal: controller.signal }).catch(String);
    assert.equal(state(), PARKED);
    controller.abort('enough');
    assert.deepEqual([state(), wakeAll()], [IDLE, 0]);
    assert.equal(await alone, 'enough');
    await turn();
    assert.deepEqual([state(), wakeAll()], [IDLE, 0]);
  }
  const controller = new AbortController();
  const first = mutex.lock({ signal: controller.signal }).catch(String);
  const second = mutex.lock();
  controller.abort('enough');
  assert.equal(await first, 'enough');
  await turn();
  assert.deepEqual([state(), wakeAll()], [PARKED, 1]);
  await letGo();
  (await second).release();
});

test('a blocking wait takes the seat of a task, and gives it back with its place in the order of arrival', async () => {
  const { mutex, state, ticket, wakeAll, letGo } = await heldElsewhere();
  const waiting = mutex.lock();
  const place = ticket();
  for (let round = 0; round < 3; round++) {
    assert.throws(() => mutex.lockSync({ timeout: 1 }), /timed out after 1 ms/);
    assert.deepEqual([state(), wakeAll(), ticket()], [PARKED, 1, place]);
  }
  await turn();
  await waitUntil(() => wakeAll() === 1, { what: 'it sleeps again' });
  await letGo();
  (await waiting).release();
  await turn();
  assert.deepEqual([wakeAll(), state()], [0, IDLE]);
});

test('a place in the order of arrival stays with the thread while its tasks come and go', async () => {
  const { mutex, ticket, letGo } = await heldElsewhere();
  const controller = new AbortController();
  const first = mutex.lock({ signal: controller.signal }).catch(String);
  const own = ticket();
  const second = mutex.lock();
  const third = mutex.lock({ timeout: 5000 });
  assert.equal(mutex.tryLock(), null);
  assert.equal(ticket(), own);
  controller.abort('enough');
  assert.equal(ticket(), own);
  await letGo();
  await first;
  for (const wait of [second, third]) (await wait).release();
});

/** A fair mutex, this thread's ticket for it, and another member of its block, who has it. */
function heldByAnother(): { mutex: Mutex; other: MutexWords; ticket: () => number } {
  const mutex = new Mutex({ fair: true });
  const { slot: lock } = mutex.handle;
  const memory = new Memory(new Int32Array(mutex.handle.memory));
  const name = join(memory, threadId) ?? assert.fail('no room');
  const other = new MutexWords({ memory, lock, name, slot: slotOf(name) }, true);
  assert.equal(other.take(1, 0), true);
  return { mutex, other, ticket: () => Atomics.load(memory.words, memory.row(0, lock) + TICKET) };
}

test('the place of a task that gave up stays with the next one over a blocking wait', async () => {
  const { mutex, other, ticket } = heldByAnother();
  const controller = new AbortController();
  const first = mutex.lock({ signal: controller.signal }).catch(String);
  const second = mutex.lock();
  const place = ticket();
  controller.abort('enough');
  assert.equal(await first, 'enough');
  for (let round = 0; round < 2; round++) {
    assert.throws(() => mutex.lockSync({ timeout: 1 }), /timed out/);
    assert.equal(ticket(), place);
  }
  other.give(1);
  (await second).release();
});

test('a task keeps its place over a blocking hold, whoever comes behind it meanwhile', async () => {
  const { mutex, other, ticket } = heldByAnother();
  const first = mutex.lock();
  const place = ticket();
  other.give(1);
  const guard = mutex.lockSync();
  const second = mutex.lock();
  other.begin(1);
  assert.equal(other.poll(false), false);
  guard.release();
  assert.equal(ticket(), place);
  assert.equal(other.poll(false), true);
  other.give(1);
  for (const wait of [first, second]) (await wait).release();
});
