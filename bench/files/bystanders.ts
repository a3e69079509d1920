/**
 * What 64 tasks that wait for locks cost everybody else in their process: what a call takes that needs a thread of
 * libuv's pool, per what it takes while nobody waits.
 *
 * Where the waiting fills the pool the call is not done before the locks are given back, which happens after `mostMs`
 * at the latest. So such a figure says only that there is no end to it, and how long it was made to be.
 */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fileOrigin, openFileOf } from '../contestants/files.js';
import { median } from '../harness.js';
import { clock } from '../team/clock.js';
import { withCrew } from './crew.js';
import { newFile, withFolder } from './folder.js';
import type { Locks } from './holder.js';

const waiters = 64;
const mostMs = 400;

export type Call = 'fs.readFile' | 'dns.lookup';

const calls: Readonly<Record<Call, () => Promise<unknown>>> = {
  'fs.readFile': () => readFile(fileURLToPath(import.meta.url)),
  'dns.lookup': () => lookup('localhost'),
};

/** The median of what the call takes, one after another for so long. */
async function timeOf(call: () => Promise<unknown>, ms: number): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + ms;
  do {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  } while (performance.now() < end);
  return median(times);
}

/** The ratio, one figure for each time that they waited. */
export function slowed(name: string, call: Call, quick: boolean): Promise<number[]> {
  const lock = fileOrigin(name);
  const [rounds, ms] = quick ? [3, 30] : [5, 80];
  return withFolder((folder) =>
    withCrew(new URL('holder.js', import.meta.url), 1, async ([holder]) => {
      if (holder === undefined) throw new Error('there is nobody to hold the locks');
      const paths = Array.from({ length: waiters }, (_, i) => newFile(folder, `lock-${i}`));
      const uses = await Promise.all(paths.map((path) => openFileOf(lock, path)));
      const locks: Locks = { lock, paths, ms: mostMs };
      await timeOf(calls[call], ms);

      const ratios: number[] = [];
      while (ratios.length < rounds) {
        const idle = await timeOf(calls[call], ms);
        await holder.call('hold', locks).done;
        const granted = uses.map(async (use) => {
          const release = await use.hold();
          const at = clock();
          await release();
          return at;
        });
        // Until they all sleep, wherever they do.
        await sleep(30);
        const blocked = await timeOf(calls[call], ms);
        const since = await holder.call<number>('letGo', undefined).done;
        const times = await Promise.all(granted);
        if (times.some((at) => at < since)) throw new Error('a waiter got in beside the holder');
        ratios.push(blocked / idle);
      }
      return ratios;
    }),
  );
}
