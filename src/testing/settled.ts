/**
 * Proves that a promise is still pending, without hoping that some milliseconds were enough: a wait of this
 * thread can only be ended by this thread's own tasks, so when the loop has run dry of them it still blocks.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';

/**
 * Lets every task that is ready run: all microtasks, and `turns` rounds of the event loop.
 *
 * @example
 * import { turn } from 'tierlock/testing';
 *
 * let done = false;
 * setImmediate(() => (done = true));
 * await turn();
 * console.log(done); // true
 */
export async function turn(turns = 1): Promise<void> {
  for (let i = 0; i < turns; i++) await setImmediate();
}

/**
 * Whether the promise is fulfilled or rejected once every ready task has run.
 *
 * @example
 * import { Mutex } from 'tierlock';
 * import { settled } from 'tierlock/testing';
 *
 * const mutex = new Mutex();
 * const [first, second] = [mutex.lock(), mutex.lock()];
 * console.log(await settled(first), await settled(second)); // true false
 */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const mark = (): void => void (done = true);
  void promise.then(mark, mark);
  await turn(2);
  return done;
}

/**
 * Fails unless the promise still blocks when every task of this thread has run that is ready; gives it back for the second half
 * of the story. That proves something where only tasks of this thread could end the wait. For a wait that other threads or
 * processes could end it takes what they know: see `Taker`.
 *
 * @example
 * import { lock } from 'tierlock';
 * import { mustBlock } from 'tierlock/testing';
 *
 * const guard = await lock('orders');
 * const { wait } = await mustBlock(lock('orders', async () => 'my turn'));
 * await guard.release();
 * console.log(await wait); // my turn
 */
export async function mustBlock<T>(promise: Promise<T>): Promise<{ wait: Promise<T> }> {
  assert.equal(await settled(promise), false, 'it should have blocked, but it settled');
  return { wait: promise };
}
