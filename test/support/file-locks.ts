/** A `FileLock` as the strategy of takers (taker.ts), and what else they do with it. */
import { readFileSync, writeFileSync } from 'node:fs';
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
