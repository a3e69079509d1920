/** Every way to take a `FileLock`, once: how it ends, and that the object is none the worse for it. For takers, too. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { loadAddon } from '../../src/addon.js';
import { FileLock, LockBackendError } from '../../src/index.js';
import type { FileWaitOptions, RWGuard } from '../../src/index.js';
import { fileLock } from './file-locks.js';
import type { Request } from './file-locks.js';
import { kernelLocks } from './system.js';
import { waitUntil } from '../../src/testing/wait.js';

export { take } from './file-locks.js';

type Way = (lock: FileLock, shared: boolean) => Promise<RWGuard> | RWGuard | null;

const within = (shared: boolean): FileWaitOptions => ({ shared, timeout: 1000 });

const ways: Record<string, Way> = {
  tryLock: (lock, shared) => lock.tryLock({ shared }),
  lockSync: (lock, shared) => lock.lockSync({ shared }),
  lock: (lock, shared) => lock.lock({ shared }),
  'lockSync in time': (lock, shared) => lock.lockSync(within(shared)),
  'lock in time': (lock, shared) => lock.lock(within(shared)),
  runSync: (lock, shared) => lock.runSync((guard) => guard, { shared }),
  run: (lock, shared) => lock.run((guard) => guard, { shared }),
};

/** The error of each way, or 'ok'. They are taken one after the other, and let go. */
export async function attempts(lock: FileLock, shared: boolean = false): Promise<string[]> {
  const ends: string[] = [];
  for (const [name, way] of Object.entries(ways)) {
    try {
      const guard = await way(lock, shared);
      if (guard === null) throw new Error('taken');
      guard.release();
      ends.push('ok');
    } catch (error) {
      const known = error instanceof LockBackendError && error.lock === lock.path;
      ends.push(known ? error.message : `${name}: ${String(error)}`);
    }
  }
  if (loadAddon().waits() > 0) ends.push('a thread still waits');
  return ends;
}

/** Fails unless every way ended so. */
export function all(ends: readonly string[], how: RegExp): void {
  assert.equal(ends.length, Object.keys(ways).length);
  for (const end of ends) assert.match(end, how);
}

/** The kinds, and what the kernel calls them. */
const called = { ofd: 'OFDLCK', flock: 'FLOCK', posix: 'POSIX' } as const;
type Kind = keyof typeof called;
export const kinds: readonly Kind[] = ['ofd', 'flock', 'posix'];

/** For every kind, at the same time where there is something to wait for. */
export async function eachKind(body: (kind: Kind) => Promise<void>): Promise<void> {
  await Promise.all(kinds.map(body));
}

/** The object works, and the kernel knows of just what it holds. */
export async function mustWork(lock: FileLock, kind: Kind): Promise<void> {
  all(await attempts(lock), /^ok$/);
  assert.deepEqual(kernelLocks(lock.path), []);
  using guard = lock.lockSync();
  await waitUntil(() => kernelLocks(lock.path)[0]?.kind === called[kind], { what: 'the kernel knows it' });
  assert.ok(guard.held);
}

const kept = new Map<string, FileLock>();

/** The same in a taker, with the same object for each path and kind. */
export async function attemptsAt(request: Request): Promise<string[]> {
  const key = `${request.kind} ${request.path}`;
  const lock = kept.get(key) ?? fileLock(request);
  kept.set(key, lock);
  return attempts(lock, request.shared);
}

/** Becomes another user, with all that was loaded before: he may not be able to read the files of this package. */
export function become(uid: number): void {
  loadAddon();
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}

const opened: number[] = [];

/** Opens files until there may be no more, and closes them. */
export function openAll(): void {
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
}
export function closeAll(): void {
  for (const fd of opened.splice(0)) closeSync(fd);
}

/** Takes and releases so many files, one after the other. */
export function lockMany(prefix: string, count: number): void {
  for (let i = 0; i < count; i++) new FileLock(`${prefix}-${i}`).lockSync().release();
}

const readers = new Map<string, RWGuard>();

/** Shares it, and tries to become the writer: how that ended, and whether it is still shared. */
export function upgrade(request: Request): [end: string, mode: string, held: boolean] {
  const reader = fileLock(request).lockSync({ shared: true });
  readers.set(request.path, reader);
  let end: string;
  try {
    end = reader.tryUpgrade() === null ? 'null' : 'ok';
  } catch (error) {
    end = error instanceof LockBackendError ? error.message : String(error);
  }
  return [end, reader.mode, reader.held];
}
export const letGo = ({ path }: Request): boolean | undefined => readers.get(path)?.release();
