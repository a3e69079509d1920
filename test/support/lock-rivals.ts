/** A process full of tasks that want one name all the time, and one that wants it now and then (for takers: taker.ts). */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { lock } from '../../src/index.js';
import type { LockCallOptions } from '../../src/index.js';
export { take } from './locks.js';

const state = { stopped: false };
let crowd: Promise<unknown> | undefined;
let grants = 0;

/** So many tasks take it again and again, from now on. */
export function start(name: string, count: number, options: LockCallOptions): void {
  state.stopped = false;
  grants = 0;
  const one = async (): Promise<void> => {
    while (!state.stopped) {
      await lock(name, options, () => void grants++);
      await setImmediate();
    }
  };
  crowd = Promise.all(Array.from({ length: count }, one));
}

/** How often they have had it. */
export async function stop(): Promise<number> {
  state.stopped = true;
  await crowd;
  return grants;
}

/** How long each of so many grants takes to come, in ms. */
export async function visit(name: string, rounds: number, options: LockCallOptions): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const before = performance.now();
    await lock(name, options, () => undefined);
    waits.push(performance.now() - before);
    await setTimeout(1);
  }
  return waits;
}
