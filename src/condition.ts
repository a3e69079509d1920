/**
 * Waiting for a change of the state that a mutex protects.
 *
 * A waiter stands in exactly one of two lines: in the condition's until it is notified, times out or is aborted,
 * then in the mutex's like everybody who wants to enter. It moves from one to the other and is woken only once,
 * when the mutex is its own again; a notify takes it out of reach of its own limits, and the other way round, so
 * that no notify is spent on somebody who has given up.
 */
import { LockMisuseError, LockTimeoutError } from './errors.js';
import { control, SyncGuard } from './guard.js';
import { limit } from './limits.js';
import { Aborted, Line, TimedOut, Waiter } from './line.js';
import type { Refusal } from './line.js';
import { Mutex, queueOf } from './mutex.js';
import { checkCount, checkWaitOptions, MAX_PERMITS } from './options.js';
import type { WaitOptions } from './options.js';
import type { Queue } from './queue.js';

const Abandoned = Symbol('abandoned');

class ConditionWaiter extends Waiter {
  readonly #guard: SyncGuard;
  refusal: Refusal | undefined = undefined;

  constructor(guard: SyncGuard) {
    super(1);
    this.#guard = guard;
  }

  override granted(): void {
    control.resume(this.#guard);
    this.resolve(this.refusal);
  }
}

class ConditionLine extends Line {
  readonly mutex: Queue;

  constructor(mutex: Queue) {
    super();
    this.mutex = mutex;
  }

  /** Moves the first waiter over to the mutex. */
  notify(): boolean {
    const { first } = this;
    if (!(first instanceof ConditionWaiter)) return false;
    this.#moveOver(first);
    return true;
  }

  /** A limit was reached: the wait fails, but not before the mutex is held again. */
  override giveUp(waiter: ConditionWaiter, refusal: Refusal): void {
    waiter.refusal = refusal;
    this.#moveOver(waiter);
  }

  #moveOver(waiter: Waiter): void {
    this.remove(waiter);
    this.mutex.join(waiter);
  }
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
  readonly #line: ConditionLine;

  constructor(mutex: Mutex) {
    if (!(mutex instanceof Mutex)) throw new TypeError("'mutex' must be a Mutex");
    this.#line = new ConditionLine(queueOf(mutex));
  }

  /**
   * Gives the mutex back, waits to be notified, and takes the mutex again. When it rejects because of `timeout`
   * or `signal`, the mutex is held again too: once the wait has settled, `guard` holds.
   */
  async wait(guard: SyncGuard, options: WaitOptions = {}): Promise<void> {
    if (!(guard instanceof SyncGuard))
      throw new TypeError("'guard' must be a guard of the condition's mutex");
    checkWaitOptions(options);
    const { timeout = Infinity, signal } = options;
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

  /** Lets the `count` longest-waiting tasks go on. A notify that finds nobody is not kept. Returns how many. */
  notify(count: number = 1): number {
    checkCount('count', count);
    let notified = 0;
    while (notified < count && this.#line.notify()) notified++;
    return notified;
  }

  /** Lets every waiting task go on, one after the other. Returns how many. */
  notifyAll(): number {
    return this.notify(MAX_PERMITS);
  }
}
