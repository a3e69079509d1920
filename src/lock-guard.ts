/** The guard of a name for those who wait with `await`: a hold (hold.ts), released by a promise. */
import { enter, leave, runMarked } from './context.js';
import { LockLostError } from './errors.js';
import type { Hold } from './hold.js';
import { checkTtl } from './options.js';
import { shows } from './shown.js';

let reveal: (guard: Guard) => Hold;

/**
 * The proof that a name is held, and the only way to give it back.
 *
 * @example
 * import { lock } from 'tierlock';
 *
 * await using guard = await lock('orders');
 * console.log(guard.name, guard.mode, guard.held); // orders exclusive true
 */
export class Guard {
  readonly #hold: Hold;
  #answer: Promise<boolean> | undefined = undefined;

  static {
    // See SyncGuard.
    Object.defineProperty(this.prototype, 'then', { value: undefined });
    reveal = (guard) => guard.#hold;
    shows(this, ({ name, held, mode, token }) => ({ name, held, mode, token }));
  }

  /** @internal */
  constructor(hold: Hold) {
    this.#hold = hold;
  }

  /** The prefix and the name. */
  get name(): string {
    return this.#hold.name;
  }

  /** `exclusive` when nobody else can hold the lock meanwhile, else `shared`. */
  get mode(): 'exclusive' | 'shared' {
    return this.#hold.mode;
  }

  /**
   * A number that grows with every grant of the name, in the highest tier that is held: whatever the lock protects can
   * refuse who shows a smaller one than it has seen. The same for all who were let in again under one hold.
   *
   * @example
   * import { lock } from 'tierlock';
   *
   * const first = await lock('orders', async (guard) => guard.token);
   * const second = await lock('orders', async (guard) => guard.token);
   * console.log(second > first); // true
   */
  get token(): bigint {
    return this.#hold.token;
  }

  /** Whether the one who held the name before us died holding it: what it protects may be half-written. */
  get recovered(): boolean {
    return this.#hold.recovered;
  }

  /** Whether a tier that was asked for is not held, because its servers could not be reached. */
  get degraded(): boolean {
    return this.#hold.degraded;
  }

  /** Whether the lock is ours now. */
  get held(): boolean {
    return this.#hold.held;
  }

  /** Throws unless the lock is ours now: a `LockLostError` when it was lost, else a `LockMisuseError`. */
  assertHeld(): void {
    this.#hold.assertHeld();
  }

  /** Aborts with a `LockLostError` when the lock is lost while held, or held for longer than `maxHold`. */
  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  /**
   * Makes a lease last for `ttl` ms from now on; or as long as before, if it does not say. Rejects with a `LockLostError`
   * if it is lost, and with a `LockBackendError` if the store does not confirm it. What lives on this host lasts until it
   * is released, so there is nothing to be done.
   *
   * @example
   * import { connect, lock } from 'tierlock';
   *
   * await using store = connect('memory:');
   * await using guard = await lock('orders', { distributed: store, ttl: 1000, renew: false });
   * await guard.renew(5000);
   * console.log(guard.held); // true
   */
  async renew(ttl?: number): Promise<void> {
    if (ttl !== undefined) checkTtl(ttl, 'ttl');
    await this.#hold.renew(ttl);
  }

  /**
   * Runs `fn` as one that is inside: there, `reentrant` lets it in again, and a wait for this very lock is a
   * `LockDeadlockError`. Does not release it.
   *
   * @example
   * import { lock } from 'tierlock';
   *
   * await using guard = await lock('orders');
   * const again = await guard.run(() => lock('orders', { reentrant: true }, async (inner) => inner.token));
   * console.log(again === guard.token); // true
   */
  async run<T>(fn: (guard: this) => T | PromiseLike<T>): Promise<T> {
    this.#hold.assertHeld();
    const mark = enter(this.#hold);
    try {
      return await runMarked(mark, fn, this);
    } finally {
      leave(mark);
    }
  }

  /**
   * Gives the lock back. Idempotent. `true` if the lock was ours to the end, `false` if it had been lost; asking again
   * gives the same answer. Where a store has to be told, it is done when the promise settles, which never rejects.
   */
  release(): Promise<boolean> {
    return (this.#answer ??= this.#release());
  }

  #release(): Promise<boolean> {
    const ours = this.#hold.release();
    const { ending } = this.#hold;
    if (ending === undefined) return ours ? yes : no;
    return ours ? ending : ending.then(() => false);
  }

  /** `await using guard = ...`: releases at the end of the block, and throws there if the lock had been lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#hold[Symbol.dispose]();
    } finally {
      // Of what was lost too: at the end of the block this host has let go of it.
      await this.#hold.ending;
    }
    if (await this.release()) return;
    const { name } = this.#hold;
    throw new LockLostError(goneWhenReleased(name), { lock: name });
  }
}

/** What a holder is told who had no reason to think so. */
export function goneWhenReleased(name: string): string {
  return `the lock '${name}' was lost: when it was released, its store had it no more`;
}

const yes = Promise.resolve(true);
const no = Promise.resolve(false);

/** For `within`. */
export const holdOf: (guard: Guard) => Hold = reveal;
