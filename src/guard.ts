/**
 * What holding means. A guard is one grant: it gives back what it was granted exactly once, can never free a
 * successor, and says afterwards whether the lock was ours to the end.
 *
 *   state      held   units are with   leaves by
 *   Held       yes    the guard        release() -> Released, lose() -> Lost, suspend() -> Suspended
 *   Suspended  no     the source       resume() -> Held (a condition's wait is over), release() -> Released
 *   Lost       no     the guard        release() -> Gone: nobody else enters before the holder has let go
 *   Released   no     the source       -
 *   Gone       no     the source       -
 *
 * Guards are made for every grant, so they are small: no AbortController until someone asks for `signal`, and
 * no subclass for the most common locks (a derived constructor costs a fifth of an uncontended grant).
 */
import { LockLostError, LockMisuseError } from './errors.js';
import { shows } from './shown.js';

const Held = 0;
const Suspended = 1;
const Lost = 2;
const Released = 3;
const Gone = 4;

/** Where a guard's units come from and go back to. */
export interface Source {
  /** What this is, in an error's words: "the mutex". */
  readonly kind: string;
  readonly capacity: number;
  give(units: number): void;
}

/** What only few guards need. */
interface Rare {
  controller?: AbortController;
  loss?: LockLostError;
  expired?: LockLostError;
  abandon?: (() => void) | undefined;
  recovered?: boolean;
}

interface GuardControl {
  /** Held -> Lost. Nothing happens when the guard no longer holds. */
  lose(guard: SyncGuard, loss: LockLostError): void;
  /** It holds, and should not any more: the signal says so. */
  expire(guard: SyncGuard, why: LockLostError): void;
  /** Held -> Suspended; the caller gives the units back. `abandon` is called if the guard is released meanwhile. */
  suspend(guard: SyncGuard, source: Source, abandon: () => void): void;
  /** Suspended -> Held; the caller has taken the units again. */
  resume(guard: SyncGuard): void;
  /** The one who held it last has died holding it. */
  recover(guard: SyncGuard): void;
  /** Held -> Released, Lost -> Gone; the caller gives the units back, which are returned. 0 if it has left before. */
  leave(guard: SyncGuard): number;
  /** Makes a held guard one of `units` and returns how many it had; the caller moves the difference. */
  convert(guard: SyncGuard, units: number): number;
}

let internals: GuardControl;

/**
 * The proof that a lock is held, and the only way to give it back.
 *
 * @example
 * import { Mutex } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const guard = await mutex.lock();
 * try {
 *   console.log(guard.held, mutex.locked); // true true
 * } finally {
 *   guard.release();
 * }
 * console.log(guard.held, mutex.locked); // false false
 */
export class SyncGuard {
  readonly #source: Source;
  #units: number;
  #state = Held;
  #rare: Rare | undefined = undefined;

  static {
    // `await` and every resolved promise look for a `then`; finding it at the first step saves a walk up to
    // Object.prototype, and says for good that a guard is not a promise.
    Object.defineProperty(this.prototype, 'then', { value: undefined });
    shows(this, ({ held, mode }) => ({ held, mode }));
  }

  /** @internal */
  constructor(source: Source, units: number) {
    this.#source = source;
    this.#units = units;
  }

  /** What it is of, in an error's words. */
  protected get kind(): string {
    return this.#source.kind;
  }

  /** @internal */
  get units(): number {
    return this.#units;
  }

  /** `exclusive` when nobody else can hold the lock meanwhile, else `shared`. */
  get mode(): 'exclusive' | 'shared' {
    return this.#units === this.#source.capacity ? 'exclusive' : 'shared';
  }

  /**
   * Whether the thread that held the lock before us died holding it: what the lock protects may be half-written, and
   * only whoever gets this guard is told.
   */
  get recovered(): boolean {
    return this.#rare?.recovered === true;
  }

  /** Whether the lock is ours now. */
  get held(): boolean {
    return this.#state === Held;
  }

  /** Throws unless the lock is ours now: a `LockLostError` when it was lost, else a `LockMisuseError`. */
  assertHeld(): void {
    if (this.#state === Held) return;
    this.#throwLoss();
    const why = this.#state === Suspended ? 'waits for a condition' : 'was released';
    throw new LockMisuseError(`the guard of ${this.kind} ${why}: it does not hold the lock now`, {
      lock: this.kind,
    });
  }

  /** Aborts with a `LockLostError` when the lock is lost while held. Never aborts after `release()`. */
  get signal(): AbortSignal {
    const rare = (this.#rare ??= {});
    if (rare.controller === undefined) {
      rare.controller = new AbortController();
      const why = rare.loss ?? rare.expired;
      if (why !== undefined) rare.controller.abort(why);
    }
    return rare.controller.signal;
  }

  /**
   * Gives the lock back. Idempotent. `true` if the lock was ours to the end, `false` if it had been lost;
   * asking again gives the same answer.
   */
  release(): boolean {
    if (this.#state !== Held) return this.#releaseLate();
    this.#state = Released;
    this.#source.give(this.#units);
    return true;
  }

  #releaseLate(): boolean {
    if (this.#state === Suspended) {
      this.#state = Released;
      this.#rare?.abandon?.();
    } else if (this.#state === Lost) {
      this.#state = Gone;
      this.#source.give(this.#units);
    }
    return this.#state === Released;
  }

  /** `using guard = ...`: releases at the end of the block, and throws there if the lock had been lost. */
  [Symbol.dispose](): void {
    if (!this.release()) this.#throwLoss();
  }

  // A fresh error for every throw, so that its stack tells where the loss was noticed.
  #throwLoss(): void {
    const loss = this.#rare?.loss;
    if (loss !== undefined) throw new LockLostError(loss.message, { lock: loss.lock, cause: loss });
  }

  /** `await using guard = ...`: the same. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  static {
    internals = {
      lose(guard, loss) {
        if (guard.#state !== Held) return;
        guard.#state = Lost;
        const rare = (guard.#rare ??= {});
        rare.loss = loss;
        rare.controller?.abort(loss);
      },
      expire(guard, why) {
        if (guard.#state !== Held) return;
        const rare = (guard.#rare ??= {});
        rare.expired = why;
        rare.controller?.abort(why);
      },
      suspend(guard, source, abandon) {
        guard.assertHeld();
        if (guard.#source !== source) {
          throw new LockMisuseError(`the guard is not one of ${source.kind} that the condition belongs to`, {
            lock: source.kind,
          });
        }
        guard.#state = Suspended;
        (guard.#rare ??= {}).abandon = abandon;
      },
      resume(guard) {
        guard.#state = Held;
        if (guard.#rare !== undefined) guard.#rare.abandon = undefined;
      },
      recover(guard) {
        (guard.#rare ??= {}).recovered = true;
      },
      leave(guard) {
        if (guard.#state !== Held && guard.#state !== Lost) return 0;
        guard.#state = guard.#state === Held ? Released : Gone;
        return guard.#units;
      },
      convert(guard, units) {
        guard.assertHeld();
        const before = guard.#units;
        guard.#units = units;
        return before;
      },
    };
  }
}

/** The locks' side of a guard. Not exported from the package: nobody else can make a guard lie. */
export const control: GuardControl = internals;

/**
 * One guard that lives for ever. If there were none, a full garbage collection while nobody holds a lock would take
 * the guards' hidden class too, and with it all code that was optimized for them, the callers' included: every
 * third collection made the next two thousand locks ten times as slow.
 */
export const immortal: SyncGuard = new SyncGuard({ kind: 'nothing', capacity: 0, give() {} }, 0);
