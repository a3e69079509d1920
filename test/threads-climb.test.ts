/** What a thread's wait for other threads leaves in its seat: one sleeper while it waits, and afterwards nothing. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Mutex } from '../src/index.js';
import { Memory } from '../src/words/memory.js';
import { SEAT_STATE, TICKET } from '../src/words/row.js';
import { IDLE, PARKED } from '../src/words/seat.js';
import type { Two } from './support/mutex-workers.js';
import { turn } from './support/settled.js';
import { waitUntil } from './support/wait.js';
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
