/** When a wait gives up: time-outs and aborts, and what happens when they meet a grant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockTimeoutError, Mutex } from '../src/index.js';
import { settled } from '../src/testing/settled.js';

test('a wait times out with an error that says what, how long and where, and leaves nothing behind', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const behind = mutex.lock();
  async function impatientCaller(): Promise<void> {
    await mutex.lock({ timeout: 20 });
  }
  const started = performance.now();
  const error = await impatientCaller().catch((e: unknown) => e);
  assert.ok(performance.now() - started >= 20, 'a time-out never comes early');
  assert.ok(error instanceof LockTimeoutError);
  assert.equal(error.code, 'ERR_LOCK_TIMEOUT');
  assert.equal(error.name, 'LockTimeoutError');
  assert.equal(error.lock, 'the mutex');
  assert.match(error.message, /timed out after 20 ms waiting for the mutex \(held; others waiting: 1\)/);
  assert.match(error.stack ?? '', /impatientCaller/, 'the stack shows who waited');
  guard.release();
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('timeout 0 tries once', async () => {
  const mutex = new Mutex();
  (await mutex.lock({ timeout: 0 })).release();
  const guard = await mutex.lock();
  const refused = mutex.lock({ timeout: 0 });
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'), 'it does not wait, not even for a timer');
  await assert.rejects(refused, LockTimeoutError);
  guard.release();
});

test('a timeout longer than a timer can be is a long timeout', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  const waiting = mutex.lock({ timeout: Number.MAX_SAFE_INTEGER });
  assert.equal(await settled(waiting), false);
  process.off('warning', warned);
  assert.deepEqual(warnings, [], 'Node warns of timers that it makes fire every millisecond');
  guard.release();
  (await waiting).release();
});

test('a lock that comes late, but before the timer, is granted: the loop was blocked, not the lock', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const waiting = mutex.lock({ timeout: 1 });
  const end = performance.now() + 3;
  while (performance.now() < end);
  guard.release();
  assert.equal((await waiting).held, true);
});

test('an abort rejects with the reason, untouched, and passes the place on', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const aborted = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  const reason = { any: 'value' };
  controller.abort(reason);
  assert.equal(await aborted.catch((e: unknown) => e), reason);
  guard.release();
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('an abort ends the wait even if an earlier listener keeps the event from all others', async () => {
  const mutex = new Mutex();
  await mutex.lock();
  const controller = new AbortController();
  controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
  const aborted = mutex.lock({ signal: controller.signal }).catch((reason: unknown) => reason);
  controller.abort('stop');
  assert.equal(await settled(aborted), true);
  assert.equal(await aborted, 'stop');
});

test('an aborted signal takes nothing, even from a free mutex', async () => {
  const mutex = new Mutex();
  await assert.rejects(mutex.lock({ signal: AbortSignal.abort('no') }), (reason) => reason === 'no');
  assert.equal(mutex.locked, false);
});

test('an abort after the grant changes nothing', async () => {
  const mutex = new Mutex();
  const controller = new AbortController();
  const guard = await mutex.lock({ signal: controller.signal });
  controller.abort();
  assert.equal(guard.held, true);
  assert.equal(guard.release(), true);
});

test('a grant that races with an abort is passed on: abort after the release, before the waiter runs', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  const racing = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  guard.release();
  controller.abort('too late');
  assert.equal(await racing.catch((e: unknown) => e), 'too late');
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('a grant that races with an abort is passed on: release by an earlier listener of the same signal', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  controller.signal.addEventListener('abort', () => guard.release());
  const racing = mutex.lock({ signal: controller.signal });
  const behind = mutex.lock();
  controller.abort('now');
  assert.equal(await racing.catch((e: unknown) => e), 'now');
  (await behind).release();
  assert.equal(mutex.locked, false);
});

test('nothing is granted on an aborted signal, even if its listener has not run yet', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const controller = new AbortController();
  let seen: boolean | undefined;
  controller.signal.addEventListener('abort', () => {
    guard.release();
    seen = mutex.locked;
  });
  const aborted = mutex.lock({ signal: controller.signal }).catch((reason: unknown) => reason);
  controller.abort('now');
  assert.equal(seen, false);
  assert.equal(await aborted, 'now');
});

test('run does not start fn when the abort came before it, and frees the lock', async () => {
  const mutex = new Mutex();
  const controller = new AbortController();
  let ran = false;
  const running = mutex.run(() => (ran = true), { signal: controller.signal });
  controller.abort('stop');
  assert.equal(await running.catch((e: unknown) => e), 'stop');
  assert.equal(ran, false);
  assert.equal(mutex.locked, false);
});

test('run keeps to the signal that it was given, whatever becomes of the options', async () => {
  const mutex = new Mutex();
  const controller = new AbortController();
  const options: { signal?: AbortSignal } = { signal: controller.signal };
  const running = mutex.run(() => 'ran', options).catch((reason: unknown) => reason);
  delete options.signal;
  controller.abort('stop');
  assert.equal(await running, 'stop');
});
