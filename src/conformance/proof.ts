/**
 * How a case proves what it says. Nothing is proven by a sleep: that something has not happened yet says nothing. What
 * must happen is waited for, with an end that is only there to fail with a message; what must not happen is shown by
 * something that has happened meanwhile, an answer of the same store for instance.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

export { settled as isSettled, turn } from '../testing/settled.js';

/** An error in words, whatever was thrown. */
export function say(error: unknown): string {
  return error instanceof Error ? String(error) : inspect(error);
}

/** Fails unless it is of that kind; for `assert.rejects`. */
export function mustBe(
  Kind: new (message: string, init: { readonly lock: string }) => Error,
): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Kind, `it should be a ${Kind.name}, but it is ${say(error)}`);
    return true;
  };
}

/** The same promise, but it rejects if it has not settled after so many ms. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  const late = new assert.AssertionError({ message: `not within ${ms} ms: ${what}` });
  let timer: NodeJS.Timeout | undefined;
  const clock = new Promise<never>((_resolve, reject) => (timer = setTimeout(reject, ms, late)));
  try {
    return await Promise.race([promise, clock]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks until there is something to see. */
export async function eventually<T>(
  ms: number,
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + ms;
  for (let round = 0; ; round++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > end) assert.fail(`not within ${ms} ms: ${what}`);
    await (round < 10 ? setImmediate() : sleep(2));
  }
}

/** Waits until that moment (of performance.now()) has passed. */
export async function until(moment: number): Promise<void> {
  // A timer may come a moment early.
  for (let left; (left = moment - performance.now()) > 0;) await sleep(left + 1);
}
