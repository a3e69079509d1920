/**
 * How long a lock stays lost when its holder is terminated: from the call of `worker.terminate()` until a thread that
 * waits has the lock. The holder computes when it is hit, as a thread that hangs does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runWorkers } from '../../test/support/workers.js';
import { type Origin, able, load, origin } from '../contestants/shared.js';
import { clock } from './clock.js';
import { loadAddon } from '../../src/addon.js';

interface Loss {
  readonly lock: Origin;
  readonly handle: unknown;
  readonly words: Int32Array;
}

const Held = 0;
const Waiting = 1;

const withoutAddon = ', without the addon';

/** Worker 0 holds until it is ended; worker 1 waits, and returns when it had the lock. */
export async function run(index: number, { lock, handle, words }: Loss): Promise<number> {
  const { hold } = able(await load(lock), handle, 'hold');
  if (index === 0) {
    await hold();
    Atomics.store(words, Held, 1);
    Atomics.notify(words, Held);
    for (;;) Atomics.load(words, Held);
  }
  Atomics.wait(words, Held, 0);
  Atomics.store(words, Waiting, 1);
  const held = hold();
  const release = held instanceof Promise ? await held : held;
  const at = clock();
  release();
  return at;
}

/** So the workers go without it too. It is asked for by an environment variable. */
function goWithoutAddon(): void {
  process.env['TIERLOCK_ADDON'] = 'off';
  try {
    loadAddon();
  } catch {
    return;
  }
  throw new Error('TIERLOCK_ADDON=off did not keep the addon from being loaded');
}

/** Milliseconds, one figure for each terminated holder. */
export async function recovery(name: string, quick: boolean): Promise<number[]> {
  if (name.endsWith(withoutAddon)) goWithoutAddon();
  const lock = origin(name.replace(withoutAddon, ''));
  const shared = await load(lock);
  const times: number[] = [];
  while (times.length < (quick ? 2 : 9)) {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const data: Loss = { lock, handle: shared.make(), words };
    const module = new URL('recovery.js', import.meta.url);
    await using team = runWorkers<number>({ count: 2, module, data });
    await team.started;
    // A member that failed says so by rejecting.
    void team.results.catch(() => Atomics.store(words, Waiting, 1));
    while (Atomics.load(words, Waiting) === 0) await sleep(1);
    // Long enough to sleep, and never at the same place of a slice of time.
    await sleep(10 + ((times.length * 7) % 20));
    const start = clock();
    await team.terminate(0);
    const [, at = Number.NaN] = await team.results;
    times.push(at - start);
  }
  return times;
}
