import { checkRWLockOptions } from './options.js';
import type { RWLockOptions, WaitOptions } from './options.js';
import { Queue } from './queue.js';
import { RWGuard } from './rw-guard.js';
import { joinShared, needsNoHandle, share } from './shared.js';
import type { LockHandle } from './words/arena.js';
import { ALL, RWLockWords } from './words/rwlock.js';
import { shows } from './shown.js';

type RWQueue = Queue<RWGuard, RWLockWords>;

const FAIR = 1;

// A reader takes one unit, a writer all of them.
const newQueue = (): RWQueue => new Queue('the reader-writer lock', ALL, RWGuard);

let view: (queue: object) => RWLock;

/**
 * Many readers or one writer, in order of arrival: a reader never overtakes a writer who waits, so neither side
 * can starve the other, and readers who stand together in the line enter together.
 *
 * @example
 * import { RWLock } from 'tierlock';
 *
 * const lock = new RWLock();
 * const settings = new Map([['colour', 'red']]);
 *
 * async function show(): Promise<string> {
 *   await using guard = await lock.read();
 *   return [...settings].join();
 * }
 *
 * async function paint(colour: string): Promise<void> {
 *   await using guard = await lock.write();
 *   settings.set('colour', colour);
 * }
 *
 * const [before, , after] = await Promise.all([show(), paint('blue'), show()]);
 * console.log(before, after); // colour,red colour,blue
 */
export class RWLock {
  static {
    view = (queue) => {
      const made = new RWLock();
      made.#queue = queue as RWQueue;
      made.#named = true;
      return made;
    };
    shows(this, (lock) => ({ readers: lock.readers, writer: lock.writer, waiting: lock.#queue.length }));
  }

  #queue = newQueue();
  #handle: LockHandle | undefined = undefined;
  /** Whether it is one of a name: then every thread finds it by that. */
  #named = false;
  #fair: boolean;

  constructor(options: RWLockOptions = {}) {
    this.#fair = checkRWLockOptions(options);
  }

  /** Joins the lock that another thread has made: see `Mutex.from`. */
  static from(handle: LockHandle): RWLock {
    const lock = new RWLock();
    const joined = joinShared(
      handle,
      'rwlock',
      newQueue,
      (place, config) => new RWLockWords(place, config === FAIR),
    );
    lock.#queue = joined.queue;
    lock.#fair = joined.config === FAIR;
    lock.#handle = joined.handle;
    return lock;
  }

  /** What another thread needs to join the lock: see `Mutex.handle`. */
  get handle(): LockHandle {
    if (this.#named) throw needsNoHandle(this.#queue.kind);
    const fair = this.#fair;
    this.#handle ??= share(this.#queue, 'rwlock', fair ? FAIR : 0, (place) => new RWLockWords(place, fair));
    return this.#handle;
  }

  /** How many readers hold it, in all threads. */
  get readers(): number {
    const { free, outer } = this.#queue;
    if (free === 0) return 0;
    return outer === undefined ? ALL - free : outer.readers;
  }

  /** Whether a writer holds it, in whichever thread. */
  get writer(): boolean {
    return this.#queue.free === 0 || this.#queue.outer?.writing === true;
  }

  /** How many writers wait: in this thread, and one for each other thread in which any does. Walks the line. */
  get waitingWriters(): number {
    let count = this.#queue.outer?.waitingWriters ?? 0;
    for (const entry of this.#queue) if (typeof entry !== 'function' && entry.units === ALL) count++;
    return count;
  }

  /** Waits until no writer holds it and none who came earlier waits. */
  read(options?: WaitOptions): Promise<RWGuard> {
    return this.#queue.acquire(1, options);
  }

  /** Waits until nobody holds it. */
  write(options?: WaitOptions): Promise<RWGuard> {
    return this.#queue.acquire(ALL, options);
  }

  /** Blocks the thread until no writer holds it: see `Mutex.lockSync`. */
  readSync(options?: WaitOptions): RWGuard {
    return this.#queue.acquireSync(1, options);
  }

  /** Blocks the thread until nobody holds it. Throws a `LockDeadlockError` if a task of this thread does. */
  writeSync(options?: WaitOptions): RWGuard {
    return this.#queue.acquireSync(ALL, options);
  }

  /** A reader's guard if nobody writes or waits now, else null. */
  tryRead(): RWGuard | null {
    return this.#queue.tryAcquire(1);
  }

  /** The writer's guard if nobody holds it now, else null. */
  tryWrite(): RWGuard | null {
    return this.#queue.tryAcquire(ALL);
  }
}

/** Of a queue that is found by its name. Not exported from the package. */
export const viewOf: (queue: object) => RWLock = view;
