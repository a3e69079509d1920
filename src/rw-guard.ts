/** The guard of a lock that can be shared: a reader has one unit, a writer all of them. */
import { control, SyncGuard } from './guard.js';
import type { Source } from './guard.js';

/** Where its units come from: a queue. */
interface Convertible extends Source {
  /** Takes more for somebody who holds some. */
  takePastLine(units: number): boolean;
}

/**
 * A guard of an `RWLock` or a `FileLock`. It changes sides in place: whatever it holds in the end, one `release()` gives it back.
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
  readonly #queue: Convertible;

  /** @internal */
  constructor(queue: Convertible, units: number) {
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
    if (!this.#queue.takePastLine(this.#queue.capacity - 1)) return null;
    control.convert(this, this.#queue.capacity);
    return this;
  }
}
