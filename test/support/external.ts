/** A lock by its name in another process (for takers: taker.ts). */
import { execFileSync, fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { configure, lock, tryLock } from '../../src/index.js';
import type { Guard, LockCallOptions } from '../../src/index.js';

export interface Request {
  readonly name: string;
  /** Default: as this process finds it. */
  readonly lockPath?: string;
}

const optionsOf = ({ lockPath }: Request): LockCallOptions => ({
  external: true,
  ...(lockPath !== undefined && { lockPath }),
});

export function take(request: Request): Promise<Guard> {
  return lock(request.name, optionsOf(request));
}

export async function isFree(request: Request): Promise<boolean> {
  const guard = await tryLock(request.name, optionsOf(request));
  return (await guard?.release()) ?? false;
}

/** In the process in which it is called, and its worker threads. */
export { configure };

/** Where a child of this process would have its lock files. */
export function pathOfChild(): string | undefined {
  const print = 'console.log(process.env.TIERLOCK_PATH)';
  return execFileSync(process.execPath, ['-e', print], { encoding: 'utf8' }).trim();
}

/** A process that only stays: Node, or a program that knows nothing of locks. Its number. */
export function startChild(kind: 'fork' | 'spawn'): number {
  const child =
    kind === 'fork'
      ? fork(fileURLToPath(new URL('./stays.js', import.meta.url)), { stdio: 'ignore' })
      : spawn('sleep', ['60'], { stdio: 'ignore' });
  return child.pid ?? 0;
}
