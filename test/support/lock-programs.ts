/** What the threads of the schedule checker do with the reference locks: take, be inside, give back. */
import type { Env, Memory, Search, Thread } from '../../src/testing/interleave.js';
import type { HandOffMutex, ReadWriteLock, Semaphore, Shared } from './reference-locks.js';

export type Of<T> = new (shared: Shared) => T;

export const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

export function visit({ enter, leave }: Env): void {
  enter('section');
  leave('section');
}

/** What a futex mutex can do. */
export interface Lockable {
  lock(timeout?: number): boolean;
  unlock(): void;
}

export const futex =
  (Lock: Of<Lockable>, timeout?: number): Thread =>
  (env) => {
    const mutex = new Lock(env);
    if (!mutex.lock(timeout)) return;
    visit(env);
    mutex.unlock();
  };

export const handOff =
  (Lock: Of<HandOffMutex>, timeout?: number): Thread =>
  (env) => {
    const mutex = new Lock(env);
    if (!mutex.lock(env.thread + 1, timeout)) return;
    visit(env);
    mutex.unlock(env.thread + 1);
  };

export const tryHandOff =
  (Lock: Of<HandOffMutex>): Thread =>
  (env) => {
    const mutex = new Lock(env);
    if (!mutex.tryLock(env.thread + 1)) return;
    visit(env);
    mutex.unlock(env.thread + 1);
  };

export const permit =
  (Lock: Of<Semaphore>, timeout?: number): Thread =>
  (env) => {
    const semaphore = new Lock(env);
    if (!semaphore.acquire(timeout)) return;
    env.enter('pool', { capacity: 2 });
    env.leave('pool');
    semaphore.release();
  };

export const read =
  (Lock: Of<ReadWriteLock>): Thread =>
  (env) => {
    const lock = new Lock(env);
    lock.lockShared();
    env.enter('data', 'shared');
    env.leave('data');
    lock.unlockShared();
  };

export const write =
  (Lock: Of<ReadWriteLock>): Thread =>
  (env) => {
    const lock = new Lock(env);
    lock.lockExclusive();
    env.enter('data', 'exclusive');
    env.leave('data');
    lock.unlockExclusive();
  };

export function twoPermits({ words, atomics }: Memory): void {
  atomics.store(words, 0, 2);
}

export const bury =
  (Lock: Of<HandOffMutex>): NonNullable<Search['onKill']> =>
  (memory, thread) =>
    new Lock({ ...memory, now: () => 0 }).bury(thread + 1);
