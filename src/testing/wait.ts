/**
 * Waits with an end: for something that can be seen, and for a promise that should not take for ever. The limits are
 * only there to fail with a message instead of hanging; no test may depend on their length.
 */
import assert from 'node:assert/strict';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/**
 * What is waited for.
 *
 * @example
 * import { waitUntil } from 'tierlock/testing';
 * import type { WaitUntilOptions } from 'tierlock/testing';
 *
 * const options: WaitUntilOptions = { what: 'nothing at all', timeoutMs: 10 };
 * console.log(await waitUntil(() => 'at once', options)); // at once
 */
export interface WaitUntilOptions {
  /** What is waited for, in words, for the message. */
  readonly what: string;
  readonly timeoutMs?: number;
}

/**
 * Waits until something that can be SEEN from outside has become true: a word, a file, a process. The limit is only
 * there to fail with a message. It is no way to prove blocking: that something has not happened yet proves nothing.
 *
 * @example
 * import { inspect, lock } from 'tierlock';
 * import { waitUntil } from 'tierlock/testing';
 *
 * const guard = await lock('orders');
 * setTimeout(() => void guard.release(), 5);
 * await waitUntil(async () => (await inspect('orders')).length === 0, { what: 'the lock is free' });
 * console.log(guard.held); // false
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 10_000 }: WaitUntilOptions,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let round = 0; ; round++) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await (round < 10 ? setImmediate() : sleep(2));
  }
}

/** The same for a thread that must not go back to its event loop: spins a little, then looks every millisecond. */
export function spinUntil(condition: () => boolean, { what, timeoutMs = 10_000 }: WaitUntilOptions): void {
  const end = performance.now() + timeoutMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let round = 0; !condition(); round++) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    if (round > 1000) Atomics.wait(pause, 0, 0, 1);
  }
}

/** Fails with that message unless the body ends in time. */
export async function within(ms: number, otherwise: string, body: () => Promise<void>): Promise<void> {
  const clock = new AbortController();
  const late = sleep(ms, undefined, { signal: clock.signal }).then(() => assert.fail(otherwise));
  try {
    await Promise.race([body(), late]);
  } finally {
    late.catch(() => undefined);
    clock.abort();
  }
}
