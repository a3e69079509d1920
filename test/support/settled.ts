/**
 * Proves that a promise is still pending, without hoping that some milliseconds were enough: a wait of this
 * thread can only be ended by this thread's own tasks, so when the loop has run dry of them it still blocks.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';

/** Lets every task that is ready run: all microtasks, and `turns` rounds of the event loop. */
export async function turn(turns = 1): Promise<void> {
  for (let i = 0; i < turns; i++) await setImmediate();
}

/** Whether the promise is fulfilled or rejected once every ready task has run. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const mark = (): void => void (done = true);
  void promise.then(mark, mark);
  await turn(2);
  return done;
}

/** Fails unless the promise still blocks; gives it back for the second half of the story. */
export async function mustBlock<T>(promise: Promise<T>): Promise<{ wait: Promise<T> }> {
  assert.equal(await settled(promise), false, 'it should have blocked, but it settled');
  return { wait: promise };
}
