/** What is reachable: garbage collection on demand. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

export function collectGarbage(): void {
  gc();
}

/** Bytes of the heap that are still reachable. Twice, because the first round may only queue finalizers. */
export function heapUsed(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

/**
 * The same of what has been awaited: Node's test runner has a note of each promise, until a turn of the loop after that was
 * collected. Megabytes, some times.
 */
export async function heapAtRest(): Promise<number> {
  gc();
  await setImmediate();
  return heapUsed();
}
