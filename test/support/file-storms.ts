/** What a taker does in a storm on one file: many tasks at once, most of which give up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { loadAddon } from '../../src/addon.js';
import { LockTimeoutError } from '../../src/index.js';
import type { FileWaitOptions } from '../../src/index.js';
import type { Mode } from './events.js';
import { fileLock } from './file-locks.js';
import type { Request } from './file-locks.js';
import { random } from '../../src/testing/random.js';
import { FileLog, hold } from './record.js';

export { take, waits } from './file-locks.js';

export interface Storm extends Request {
  /** For the logs. */
  readonly folder: string;
  /** A file with a number in it, which the lock protects. */
  readonly counter: string;
  readonly tasks: number;
  readonly rounds: number;
  readonly seed: number;
  /** Whether most of them only read. */
  readonly readers: boolean;
}

export interface Tally {
  granted: number;
  refused: number;
  /** The most threads that were seen waiting, and how many did at the end. */
  threads: number;
  left: number;
}

type Pick = (n: number) => number;

/** How long somebody waits. */
function patience(pick: Pick): FileWaitOptions {
  const kind = pick(10);
  if (kind === 0) return {};
  if (kind < 4) return { timeout: pick(4) };
  if (kind < 6) return { signal: AbortSignal.timeout(pick(4)) };
  const controller = new AbortController();
  const abort = (): void => controller.abort('storm');
  const turns = pick(4);
  if (kind === 6) queueMicrotask(abort);
  else if (kind < 9) void sleep(pick(4)).then(abort);
  else
    void (async () => {
      for (let i = 0; i < turns; i++) await setImmediate();
      abort();
    })();
  // Whichever comes first.
  return { signal: controller.signal, ...(pick(3) === 0 && { timeout: pick(4) }) };
}

function mustBeRefusal(error: unknown): void {
  const refused =
    error === 'storm' ||
    error instanceof LockTimeoutError ||
    (error instanceof DOMException && error.name === 'TimeoutError');
  if (!refused) throw error;
}

export async function storm({
  folder,
  counter,
  tasks,
  rounds,
  seed,
  readers,
  ...request
}: Storm): Promise<Tally> {
  const log = new FileLog(folder);
  const addon = loadAddon();
  // Two handles, which exclude each other like those of two processes.
  const locks = [
    fileLock(request),
    ...(request.kind === 'flock' ? [] : [fileLock({ ...request, length: 1 })]),
  ];
  const tally: Tally = { granted: 0, refused: 0, threads: 0, left: 0 };
  const task = async (number: number): Promise<void> => {
    const who = `${process.pid}.${number}`;
    const pick = random(seed * tasks + number);
    for (let round = 0; round < rounds; round++) {
      const mode: Mode = readers && pick(4) > 0 ? 'shared' : 'exclusive';
      const lock = locks[pick(locks.length)] ?? fileLock(request);
      const options = { ...patience(pick), shared: mode === 'shared' };
      const body = async (): Promise<void> => {
        const before = Number(readFileSync(counter, 'utf8'));
        if (pick(2) === 0) await sleep(pick(3));
        if (mode === 'exclusive') writeFileSync(counter, String(before + 1));
        tally.granted++;
      };
      await hold(log, { who, lock: request.path, mode }, () => lock.lock(options), body).catch(
        (error: unknown) => {
          mustBeRefusal(error);
          tally.refused++;
        },
      );
    }
  };
  const sample = setInterval(() => (tally.threads = Math.max(tally.threads, addon.waits())), 1);
  await Promise.all(Array.from({ length: tasks }, (_, number) => task(number)));
  clearInterval(sample);
  tally.left = addon.waits();
  log.close();
  return tally;
}
