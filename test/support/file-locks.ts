/** A `FileLock` as the strategy of takers (taker.ts), and what else they do with it. */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/addon.js';
import { FileLock } from '../../src/index.js';
import type { FileLockOptions, FileWaitOptions } from '../../src/index.js';
import type { RWGuard } from '../../src/index.js';

export interface Request extends FileLockOptions, FileWaitOptions {
  readonly path: string;
  /** How it is taken. Default: without blocking. */
  readonly how?: 'sync' | 'try';
}

export function fileLock({ path, kind, start, length }: Request): FileLock {
  return new FileLock(path, {
    ...(kind === undefined ? {} : { kind }),
    ...(start === undefined ? {} : { start }),
    ...(length === undefined ? {} : { length }),
  });
}

export async function take(request: Request): Promise<RWGuard | null> {
  const { how, shared = false, timeout = Infinity } = request;
  const lock = fileLock(request);
  if (how === 'try') return lock.tryLock({ shared });
  return how === 'sync' ? lock.lockSync({ shared, timeout }) : lock.lock({ shared, timeout });
}

/** How many threads of this process may wait, and how many do. */
export const limitWaits = (most: number): void => loadAddon().limitWaits(most);
export const waits = (): number => loadAddon().waits();

export interface Count extends Request {
  /** A file with a number in it, which the lock protects. */
  readonly counter: string;
  readonly rounds: number;
}

function increment(counter: string): void {
  writeFileSync(counter, String(Number(readFileSync(counter, 'utf8')) + 1));
}

/** Adds to the number under the lock, so often. */
export async function count(request: Count): Promise<void> {
  const lock = fileLock(request);
  for (let i = 0; i < request.rounds; i++) {
    if (request.how === 'sync') lock.runSync(() => increment(request.counter));
    else await lock.run(() => increment(request.counter));
  }
}

/** A child process that does nothing, and does not end with us. It leads a group of processes. */
export function spawnSleeper(how: 'spawn' | 'fork' | 'shell'): number {
  const idle = 'setTimeout(() => {}, 60_000)';
  const options = { stdio: 'ignore', detached: true } as const;
  let child: ChildProcess;
  if (how === 'spawn') child = spawn(process.execPath, ['-e', idle], options);
  else if (how === 'fork')
    child = fork('-e', [idle], { ...options, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  // The shell stays, and so does what it has started.
  else child = spawn('sleep 60 & wait', { ...options, shell: true });
  child.unref();
  return child.pid ?? 0;
}

/** A thread of this process waits for it, blocked. */
export function blockThread({ path }: Request): void {
  const index = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const code = `import { workerData } from 'node:worker_threads';
    import { FileLock } from ${index};
    new FileLock(workerData).lockSync();`;
  new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: path }).on(
    'error',
    (error) => {
      throw error;
    },
  );
}

export interface Alone extends Request {
  readonly counter: string;
  /** A file that is empty unless somebody is inside, or has died there. */
  readonly inside: string;
}

/** Counts until it is killed. Throws if anybody else who lives is inside. */
export async function countAlone(request: Alone): Promise<never> {
  const lock = fileLock(request);
  const own = String(process.pid);
  for (;;) {
    const guard = request.how === 'sync' ? lock.lockSync() : await lock.lock();
    const there = readFileSync(request.inside, 'utf8');
    if (there !== '' && lives(Number(there))) throw new Error(`${there} is inside, too`);
    writeFileSync(request.inside, own);
    // Whoever is killed while it writes must not leave half a number.
    const made = `${request.counter}.${own}`;
    writeFileSync(made, String(Number(readFileSync(request.counter, 'utf8')) + 1));
    renameSync(made, request.counter);
    if (readFileSync(request.inside, 'utf8') !== own) throw new Error('somebody else came in');
    writeFileSync(request.inside, '');
    guard.release();
    await setImmediate();
  }
}

/** Its files are closed while it ends, so before it is gone. */
const EXITING = 4;

function lives(pid: number): boolean {
  try {
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
    const [state, , , , , , flags] = rest.split(' ');
    return state !== 'Z' && state !== 'X' && (Number(flags) & EXITING) === 0;
  } catch {
    return false;
  }
}
