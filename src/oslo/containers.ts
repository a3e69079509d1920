/**
 * Oslo's containers of internal locks. There each container has locks of its own; here each has names of its own, by a
 * beginning that nobody else has, and all else is as with any name. The names of a container are its thread's: a worker
 * cannot get hold of the container.
 */
import { randomUUID } from 'node:crypto';
import type { Guard } from '../lock-guard.js';
import { checkName } from '../lock-options.js';
import { lockAt, tryLockAt } from '../lock.js';
import { Live } from '../live.js';
import type { WaitOptions } from '../options.js';
import { ReaderWriterLock, named } from './reader-writer.js';

let reveal: (semaphores: Semaphores) => string;

/**
 * What `Semaphores.get` gives: an internal lock, which excludes `lock(name, { semaphores })`.
 *
 * @example
 * import { Semaphores } from 'tierlock/oslo';
 * import type { InternalSemaphore } from 'tierlock/oslo';
 *
 * const semaphore: InternalSemaphore = new Semaphores().get('orders');
 * await using guard = await semaphore.acquire({ timeout: 1000 });
 * console.log(await semaphore.tryAcquire()); // null
 */
export class InternalSemaphore {
  readonly name: string;
  readonly #key: string;

  /** @internal */
  constructor(name: string, key: string) {
    this.name = name;
    this.#key = key;
  }

  /** Waits for it. */
  acquire(options: WaitOptions = {}): Promise<Guard> {
    return lockAt('', this.#key, options) as Promise<Guard>;
  }

  /** A guard if it is free now, else null. */
  tryAcquire(): Promise<Guard | null> {
    return tryLockAt('', this.#key);
  }
}

/**
 * A name space of its own for internal locks: `lock(name, { semaphores })` does not exclude those who have not got the
 * same container, unless both are `external`.
 *
 * @example
 * import { lock, Semaphores } from 'tierlock/oslo';
 *
 * const semaphores = new Semaphores();
 * await using theirs = await lock('orders');
 * await using ours = await lock('orders', { semaphores });
 * console.log(theirs.held, ours.held, await semaphores.get('orders').tryAcquire()); // true true null
 */
export class Semaphores {
  readonly #scope = `Semaphores ${randomUUID()}: `;
  readonly #live = new Live<InternalSemaphore>();

  static {
    reveal = (semaphores) => semaphores.#scope;
  }

  /** The lock of that name: the same object as long as anybody has it. */
  get(name: string): InternalSemaphore {
    checkName(name);
    const key = this.#scope + name;
    return this.#live.get(key, () => ({ object: new InternalSemaphore(name, key), leave: () => undefined }));
  }

  /** How many objects of it somebody has. */
  get size(): number {
    return this.#live.size;
  }
}

/** What the names of a container begin with. */
export const scopeOf: (semaphores: Semaphores) => string = reveal;

/**
 * The same for reader-writer locks.
 *
 * @example
 * import { FairLocks } from 'tierlock/oslo';
 *
 * const locks = new FairLocks();
 * await locks.get('orders').writeLock(async () => console.log(locks.get('orders').owner)); // w
 */
export class FairLocks {
  readonly #scope = `FairLocks ${randomUUID()}: `;
  readonly #live = new Live<ReaderWriterLock>();

  /** The lock of that name: the same object as long as anybody has it. */
  get(name: string): ReaderWriterLock {
    checkName(name);
    const key = this.#scope + name;
    return this.#live.get(key, () => ({ object: named(key), leave: () => undefined }));
  }

  /** How many objects of it somebody has. */
  get size(): number {
    return this.#live.size;
  }
}
