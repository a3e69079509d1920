/**
 * How long a lock stays lost when its holder is terminated: from the call of `worker.terminate()` until a thread that
 * waits has the lock. The holder computes when it is hit, as a thread that hangs does.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runWorkers } from '../../test/support/workers.js';
import { type Origin, able, absent, load, origin } from '../contestants/shared.js';
import { clock } from './clock.js';

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

/** Asked in a process of its own: whoever has loaded it once has it for good. */
function addonLoads(flag: string): boolean {
  const probe = 'import(process.argv[1]).then(({ loadAddon }) => loadAddon())';
  const addon = new URL('../../src/addon.js', import.meta.url).href;
  const env = { ...process.env, TIERLOCK_ADDON: flag };
  return spawnSync(process.execPath, ['-e', probe, addon], { env }).status === 0;
}

/** Why a contestant cannot take part; undefined if it can. */
export async function unfitToLose(name: string): Promise<string | undefined> {
  const without = name.endsWith(withoutAddon);
  if (without && addonLoads('off')) return 'TIERLOCK_ADDON=off does not keep the addon from being loaded';
  if (!without && !addonLoads('')) return 'the addon is missing';
  return absent(name.replace(withoutAddon, ''));
}

/** Milliseconds, one figure for each terminated holder. */
export async function recovery(name: string, quick: boolean): Promise<number[]> {
  // The workers get a copy.
  if (name.endsWith(withoutAddon)) process.env['TIERLOCK_ADDON'] = 'off';
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
