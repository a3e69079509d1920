/**
 * A lease that a thread has in a store, and those who hold it: one after the other, or, if they share it, together.
 *
 * Invariants
 * - It is released when the last of them comes down.
 * - Every grant has a token of its own: that of the store, and in its ten lowest bits the number of the grant under this
 *   lease.
 * - It is renewed until the last of them has had it for long enough.
 */
import { LockUnsupportedError } from '../errors.js';
import type { LockLostError } from '../errors.js';
import type { Lease } from '../lease.js';
import type { Bound } from '../outside.js';
import type { Climbed, Tier } from './tier.js';

/** The number of a grant under a lease has ten bits. */
const MOST_GRANTS = 1024;

/** A lease, and those of this thread who hold it. */
export class Held {
  readonly tier: Tier;
  /** Of the store. */
  readonly store: string;
  readonly lease: Lease;
  readonly #bound: Bound;
  #since = 0;
  readonly #holders: Set<OnStore> = new Set();
  #grants = 0;
  #over = false;

  constructor(tier: Tier, store: string, lease: Lease, bound: Bound) {
    this.tier = tier;
    this.store = store;
    this.lease = lease;
    this.#bound = bound;
    lease.onLost = (loss) => {
      for (const holder of this.#holders) holder.onLost?.(loss);
    };
  }

  /** The token of one grant more. */
  nextToken(): bigint {
    return (this.lease.token << 10n) | BigInt(this.#grants++);
  }

  /** Whether one grant more is within the bound. */
  get lasts(): boolean {
    if (this.#over) return false;
    if (this.#grants === 0) return true;
    const { ms, grants } = this.#bound;
    const now = performance.now();
    if (this.#grants === 1) this.#since = now;
    const free = Math.min(grants, MOST_GRANTS) - this.#grants;
    return free > 0 && now - this.#since < ms && this.lease.passable;
  }

  /** One who holds it, if it may be held by one more. */
  join(): OnStore | undefined {
    if (!this.lasts) return undefined;
    const holder = new OnStore(this);
    this.#holders.add(holder);
    return holder;
  }

  leave(holder: OnStore): Promise<boolean> {
    this.#holders.delete(holder);
    if (this.#holders.size === 0) {
      this.#over = true;
      return this.lease.release();
    }
    this.stopIfExpired();
    return Promise.resolve(this.lease.look());
  }

  /** It is renewed for as long as anybody may hold it. */
  stopIfExpired(): void {
    for (const { expired } of this.#holders) if (!expired) return;
    this.lease.stop();
  }
}

/** A lease, held by one. */
class OnStore implements Climbed {
  /** It has been held for long enough. */
  expired = false;
  #onLost: ((loss: LockLostError) => void) | undefined = undefined;
  readonly #held: Held;
  #token: bigint;

  constructor(held: Held) {
    this.#held = held;
    this.#token = held.nextToken();
  }

  get tier(): Tier {
    return this.#held.tier;
  }

  get onLost(): ((loss: LockLostError) => void) | undefined {
    return this.#onLost;
  }

  set onLost(listener: ((loss: LockLostError) => void) | undefined) {
    this.#onLost = listener;
    const { loss } = this.#held.lease;
    if (loss !== undefined) listener?.(loss);
  }

  get token(): bigint {
    return this.#token;
  }

  mayPass(): boolean {
    return this.#held.lasts;
  }

  pass(): void {
    this.#token = this.#held.nextToken();
  }

  release(): Promise<boolean> {
    return this.#held.leave(this);
  }

  look(): boolean {
    return this.#held.lease.look();
  }

  confirm(): void {
    this.#held.lease.look();
  }

  renew(ttl?: number): Promise<void> {
    return this.#held.lease.renew(ttl);
  }

  keepFor(ms: number): void {
    this.#held.lease.keepFor(ms);
  }

  expire(): void {
    this.expired = true;
    this.#held.stopIfExpired();
  }

  downgrade(): never {
    return this.#cannotChange();
  }

  tryUpgrade(): never {
    return this.#cannotChange();
  }

  #cannotChange(): never {
    const message = `it is held in ${this.#held.store}, where a hold keeps its mode: release it, and ask again`;
    throw new LockUnsupportedError(message, { lock: this.#held.store });
  }
}
