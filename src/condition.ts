/**
 * Waiting for a change of the state that a mutex protects.
 *
 * A waiter stands in exactly one of two lines: in the condition's until it is notified, times out or is aborted,
 * then in the mutex's like everybody who wants to enter. It moves from one to the other and is woken only once,
 * when the mutex is its own again; a notify takes it out of reach of its own limits, and the other way round, so
 * that no notify is spent on somebody who has given up.
 *
 * Shared between threads, a notify goes to the thread that has waited longest, and from there to its line: see
 * words/condition.ts. While anybody stands in the line this thread listens for such notifies.
 */
import { Climb } from './climb.js';
import { LockDeadlockError, LockMisuseError, LockTimeoutError } from './errors.js';
import { control, SyncGuard } from './guard.js';
import { limit } from './limits.js';
import { Aborted, Line, TimedOut, Waiter } from './line.js';
import type { Refusal } from './line.js';
import { Mutex, queueOf } from './mutex.js';
import type { MutexQueue } from './mutex.js';
import { checkCount, readWaitOptions } from './options.js';
import type { WaitOptions } from './options.js';
import { allocate, find } from './words/arena.js';
import type { LockHandle } from './words/arena.js';
import { ConditionWords } from './words/condition.js';
import { shows } from './shown.js';

const Abandoned = Symbol('abandoned');

class ConditionWaiter extends Waiter {
  readonly #guard: SyncGuard;
  refusal: Refusal | undefined = undefined;
  /** When it came, among those of all threads. */
  ticket = 0;

  constructor(guard: SyncGuard) {
    super(1);
    this.#guard = guard;
  }

  override granted(mutex: MutexQueue): void {
    mutex.resume(this.#guard);
    this.resolve(this.refusal);
  }
}

class ConditionLine extends Line {
  readonly mutex: MutexQueue;
  words: ConditionWords | undefined = undefined;
  #listen: Climb | undefined = undefined;

  constructor(mutex: MutexQueue) {
    super();
    this.mutex = mutex;
  }

  /** From now on other threads wait and notify, too. */
  open(words: ConditionWords): void {
    this.words = words;
    this.#listen = new Climb(
      words,
      () => this.#collect(),
      (error) => this.#fail(error),
    );
    for (const waiter of this) this.#tell(waiter as ConditionWaiter);
  }

  override append(waiter: ConditionWaiter): void {
    super.append(waiter);
    this.#tell(waiter);
  }

  #tell(waiter: ConditionWaiter): void {
    const { words } = this;
    if (words === undefined) return;
    waiter.ticket = words.enter();
    this.#hear();
  }

  /** Hears of notifies as long as anybody waits. */
  #hear(): void {
    const listen = this.#listen;
    if (listen === undefined) return;
    if (this.length === 0) listen.stop();
    else if (listen.units === 0 && listen.start(1, this)) this.#collect();
  }

  override remove(waiter: ConditionWaiter): void {
    super.remove(waiter);
    const { words, first } = this;
    if (words === undefined) return;
    if (first instanceof ConditionWaiter) words.setOldest(first.ticket);
    words.leave();
    this.#hear();
  }

  /** Notifies cannot be heard of any more. */
  #fail(error: unknown): void {
    this.failFirst(error);
    this.#hear();
  }

  /** Hands on what this thread was given. */
  #collect(): void {
    const { words } = this;
    if (words === undefined) return;
    const given = words.takeNotifies();
    const used = this.#notifyHere(given);
    // Some have given up meanwhile. Others may have what they were given.
    if (used < given) words.notify(given - used);
    this.#hear();
  }

  /** After a synchronous wait, which had the thread's seat and ears for itself. */
  goOn(): void {
    this.#listen?.stop();
    this.#collect();
  }

  /** Lets those go on who have waited longest, in whichever thread. Returns how many. */
  notify(count: number): number {
    const { words } = this;
    if (words === undefined) return this.#notifyHere(count);
    const notified = words.notify(count);
    if (notified > 0) this.#collect();
    return notified;
  }

  #notifyHere(count: number): number {
    let notified = 0;
    while (notified < count && this.first instanceof ConditionWaiter) {
      this.#moveOver(this.first);
      notified++;
    }
    return notified;
  }

  /** A limit was reached: the wait fails, but not before the mutex is held again. */
  override giveUp(waiter: ConditionWaiter, refusal: Refusal): void {
    waiter.refusal = refusal;
    this.#moveOver(waiter);
  }

  #moveOver(waiter: ConditionWaiter): void {
    this.remove(waiter);
    this.mutex.join(waiter);
  }
}

/**
 * Names a condition that is shared between worker threads, and its mutex.
 *
 * @example
 * import { Condition, Mutex } from 'tierlock';
 * import type { ConditionHandle } from 'tierlock';
 *
 * const handle: ConditionHandle = new Condition(new Mutex()).handle;
 * console.log(Condition.from(handle).notify()); // 0
 */
export interface ConditionHandle extends LockHandle {
  readonly mutex: LockHandle;
}

/**
 * Lets a holder of a mutex wait for what another holder will do: it gives the mutex back, sleeps until notified,
 * and holds the mutex again when it goes on.
 *
 * Check what you wait for in a loop: between the notify and your turn another task may have changed it again.
 *
 * @example
 * import { Condition, Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const filled = new Condition(mutex);
 * const basket: string[] = [];
 *
 * async function take(): Promise<string> {
 *   await using guard = await mutex.lock();
 *   while (basket.length === 0) await filled.wait(guard);
 *   return basket.pop()!;
 * }
 *
 * async function put(fruit: string): Promise<void> {
 *   await using guard = await mutex.lock();
 *   basket.push(fruit);
 *   filled.notify();
 * }
 *
 * const [fruit] = await Promise.all([take(), put('apple')]);
 * console.log(fruit); // apple
 */
export class Condition {
  static {
    shows(this, (condition) => ({ waiting: condition.#line.length }));
  }

  readonly #mutex: Mutex;
  #line: ConditionLine;
  #handle: ConditionHandle | undefined = undefined;

  constructor(mutex: Mutex) {
    if (!(mutex instanceof Mutex)) throw new TypeError("'mutex' must be a Mutex");
    this.#mutex = mutex;
    this.#line = new ConditionLine(queueOf(mutex));
  }

  /** Joins the condition that another thread has made, and its mutex: see `Mutex.from`. */
  static from(handle: ConditionHandle): Condition {
    const { block, lock } = find(handle, 'condition');
    const condition = new Condition(Mutex.from(handle.mutex));
    const known = block.locks.get(lock) as ConditionLine | undefined;
    const line = known ?? condition.#line;
    if (known === undefined) {
      line.open(new ConditionWords(block.place(lock)));
      block.locks.set(lock, line);
    }
    condition.#line = line;
    condition.#handle = handle;
    return condition;
  }

  /** What another thread needs to join the condition and its mutex: see `Mutex.handle`. */
  get handle(): ConditionHandle {
    if (this.#handle !== undefined) return this.#handle;
    const mutex = this.#mutex.handle;
    const { block, lock, handle } = allocate('condition', 0);
    this.#line.open(new ConditionWords(block.place(lock)));
    block.locks.set(lock, this.#line);
    return (this.#handle = Object.freeze({ ...handle, mutex }));
  }

  /**
   * Gives the mutex back, waits to be notified, and takes the mutex again. When it rejects because of `timeout`
   * or `signal`, the mutex is held again too: once the wait has settled, `guard` holds.
   */
  async wait(guard: SyncGuard, options: WaitOptions = {}): Promise<void> {
    if (!(guard instanceof SyncGuard))
      throw new TypeError("'guard' must be a guard of the condition's mutex");
    const { timeout, signal } = readWaitOptions(options);
    if (signal?.aborted) throw signal.reason;
    const line = this.#line;
    const waiter = new ConditionWaiter(guard);
    // A guard that is released while it waits has nothing to come back to: the wait ends, in either line.
    control.suspend(guard, line.mutex, () => waiter.line?.drop(waiter, Abandoned));
    line.append(waiter);
    limit(waiter, timeout, signal);
    line.mutex.give(1);
    const outcome = await waiter.promise;
    if (outcome === undefined) return;
    if (outcome === Aborted) throw signal?.reason;
    const lock = line.mutex.kind;
    throw outcome === TimedOut
      ? new LockTimeoutError(`timed out after ${timeout} ms waiting for a condition of ${lock}`, { lock })
      : new LockMisuseError('the guard was released while it waited for a condition', { lock });
  }

  /**
   * The same for a thread that may be blocked. Only another thread can notify it, so the condition must be shared by
   * its `handle`; else it throws a `LockDeadlockError`.
   */
  waitSync(guard: SyncGuard, options: WaitOptions = {}): void {
    if (!(guard instanceof SyncGuard))
      throw new TypeError("'guard' must be a guard of the condition's mutex");
    const { timeout, signal } = readWaitOptions(options);
    if (signal?.aborted) throw signal.reason;
    const { mutex, words } = this.#line;
    const lock = mutex.kind;
    if (words === undefined) {
      const message = `waiting for a condition of ${lock} would never end: no other thread has its handle`;
      throw new LockDeadlockError(message, { lock });
    }
    control.suspend(guard, mutex, () => undefined);
    words.enter();
    mutex.giveSync(1);
    const notified = words.wait(timeout);
    mutex.retakeSync(1);
    mutex.resume(guard);
    this.#line.goOn();
    if (notified) return;
    throw new LockTimeoutError(`timed out after ${timeout} ms waiting for a condition of ${lock}`, { lock });
  }

  /** Lets the `count` longest-waiting tasks go on. A notify that finds nobody is not kept. Returns how many. */
  notify(count: number = 1): number {
    checkCount('count', count);
    return this.#line.notify(count);
  }

  /** Lets every waiting task go on, one after the other. Returns how many. */
  notifyAll(): number {
    return this.notify(Number.MAX_SAFE_INTEGER);
  }
}
