import { control, SyncGuard } from './guard.js';
import { checkLockOptions, MAX_PERMITS } from './options.js';
import type { LockOptions, WaitOptions } from './options.js';
import { Queue } from './queue.js';

// A reader takes one unit, a writer all of them: more than there can ever be readers.
const ALL = MAX_PERMITS;

/**
 * A guard of an `RWLock`. It changes sides in place: whatever it holds in the end, one `release()` gives it back.
 *
 * @example
 * import { RWLock } from 'tierlock';
 *
 * const lock = new RWLock();
 * await using guard = await lock.write();
 * // ... write, then go on reading what was written while other readers may come in:
 * guard.downgrade();
 * console.log(guard.mode, lock.readers); // shared 1
 */
export class RWGuard extends SyncGuard {
  readonly #queue: Queue<RWGuard>;

  /** @internal */
  constructor(queue: Queue<RWGuard>, units: number) {
    super(queue, units);
    this.#queue = queue;
  }

  /** Makes a writer a reader, with no gap in which another writer could enter. Returns this guard. */
  downgrade(): this {
    this.#queue.give(control.convert(this, 1) - 1);
    return this;
  }

  /**
   * Makes a reader the writer if it is the only reader, with no gap, passing writers that wait; else null, and it
   * still reads. It never waits: two readers who waited to become writers would wait for each other for ever.
   *
   * @example
   * import { RWLock } from 'tierlock';
   *
   * const lock = new RWLock();
   * await using guard = await lock.read();
   * if (guard.tryUpgrade() === null) console.log('others read too: release, and ask for write()');
   * console.log(guard.mode); // exclusive
   */
  tryUpgrade(): this | null {
    this.assertHeld();
    if (this.mode === 'exclusive') return this;
    if (!this.#queue.takePastLine(ALL - 1)) return null;
    control.convert(this, ALL);
    return this;
  }
}

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
  readonly #queue = new Queue('the reader-writer lock', ALL, RWGuard);

  constructor(options: LockOptions = {}) {
    checkLockOptions(options);
  }

  /** How many readers hold it. */
  get readers(): number {
    return this.writer ? 0 : ALL - this.#queue.free;
  }

  /** Whether a writer holds it. */
  get writer(): boolean {
    return this.#queue.free === 0;
  }

  /** How many writers wait. Walks the line. */
  get waitingWriters(): number {
    let count = 0;
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

  /** A reader's guard if nobody writes or waits now, else null. */
  tryRead(): RWGuard | null {
    return this.#queue.tryAcquire(1);
  }

  /** The writer's guard if nobody holds it now, else null. */
  tryWrite(): RWGuard | null {
    return this.#queue.tryAcquire(ALL);
  }
}
