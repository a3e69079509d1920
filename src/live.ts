/**
 * Named locks as objects: for programs that have such objects in their hands, oslo.concurrency's for example. An object
 * keeps its name open as long as anybody has it.
 */
import { checkName } from './lock-options.js';
import { checkCapacity } from './options.js';
import { locks, semaphores } from './registry.js';
import { RWLock, viewOf as rwlockOf } from './rwlock.js';
import { Semaphore, viewOf as semaphoreOf } from './semaphore.js';

/** The objects of this thread by their names; those that nobody has any more go away. Not exported from the package. */
export class Live<T extends object> {
  readonly #known = new Map<string, WeakRef<T>>();
  readonly #goodbye = new FinalizationRegistry<() => void>((forget) => forget());

  get size(): number {
    return this.#known.size;
  }

  /** `leave` is what ends with the object. */
  get(key: string, make: () => { object: T; leave: () => void }): T {
    const known = this.#known.get(key)?.deref();
    if (known !== undefined) return known;
    const { object, leave } = make();
    this.#known.set(key, new WeakRef(object));
    this.#goodbye.register(object, () => {
      leave();
      if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
    });
    return object;
  }
}

const rwlocks = new Live<RWLock>();
const counted = new Live<Semaphore>();

/**
 * The named locks of this process as objects. `FairLocks.get('x').write()` and `lock('x')` exclude each other, and so do
 * `read()` and a writer. The same object while anybody has it; and the name goes round in order of arrival meanwhile.
 *
 * @example
 * import { FairLocks, tryLock } from 'tierlock';
 *
 * using guard = FairLocks.get('orders').writeSync();
 * console.log(await tryLock('orders'), FairLocks.get('orders').writer); // null true
 */
export const FairLocks = {
  get(name: string): RWLock {
    checkName(name);
    return rwlocks.get(name, () => {
      const queue = locks.open(name);
      queue.enter();
      queue.outer?.makeFair();
      return { object: rwlockOf(queue), leave: () => queue.exit() };
    });
  },
  /** How many there are. */
  get size(): number {
    return rwlocks.size;
  },
} as const;

/**
 * The named semaphores of this process as objects: `Semaphores.get('x', 3)` and `semaphore('x', 3)` share their permits.
 *
 * @example
 * import { semaphore, Semaphores } from 'tierlock';
 *
 * using guard = Semaphores.get('downloads', 3).acquireSync(2);
 * console.log(await semaphore('downloads', 3).tryAcquire(2)); // null
 */
export const Semaphores = {
  get(name: string, permits: number = 1): Semaphore {
    checkName(name);
    checkCapacity(permits);
    return counted.get(`${permits}:${name}`, () =>
      semaphores.using(
        name,
        (queue) => {
          queue.enter();
          return { object: semaphoreOf(queue), leave: () => queue.exit() };
        },
        permits,
      ),
    );
  },
  /** How many there are. */
  get size(): number {
    return counted.size;
  },
} as const;
