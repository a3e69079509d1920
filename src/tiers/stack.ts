/**
 * Two tiers, one above the other: the lower one is taken first and given back last. Whoever has got the lower one is the
 * only one of this host (or one of several readers) who asks the upper one.
 */
import type { LockLostError } from '../errors.js';
import type { WaitOptions } from '../options.js';
import type { Bound } from '../outside.js';
import type { Climbed, Tier } from './tier.js';

export class Stack<L extends Tier = Tier, U extends Tier = Tier> implements Tier {
  readonly lower: L;
  readonly upper: U;
  /** Of those waits that the lower one has ended. */
  readonly #endedBelow: WeakSet<object> = new WeakSet();
  #waitingBelow = 0;

  constructor(lower: L, upper: U) {
    this.lower = lower;
    this.upper = upper;
  }

  /** Not at once: the upper one has to be asked. */
  tryTake(): null {
    return null;
  }

  async attempt(units: number, bound?: Bound): Promise<Climbed | null> {
    const below = this.#tryLower(units, bound);
    if (below === null) return null;
    return this.#climb(below, this.upper.attempt?.(units, bound) ?? this.upper.tryTake(units, bound));
  }

  async take(units: number, wait: WaitOptions, bound?: Bound): Promise<Climbed> {
    const { timeout = Infinity } = wait;
    const since = performance.now();
    const below = await this.#takeLower(units, wait, bound);
    const left = timeout === Infinity ? timeout : Math.max(0, timeout - (performance.now() - since));
    const above = this.upper.take(units, { ...wait, timeout: left }, bound);
    return (await this.#climb(below, above)) as Climbed;
  }

  #tryLower(units: number, bound: Bound | undefined): Climbed | null {
    try {
      return this.lower.tryTake(units, bound);
    } catch (error) {
      throw this.#fromBelow(error);
    }
  }

  async #takeLower(units: number, wait: WaitOptions, bound: Bound | undefined): Promise<Climbed> {
    try {
      const below = this.lower.tryTake(units, bound);
      if (below !== null) return below;
      this.#waitingBelow++;
      return await this.lower.take(units, wait, bound).finally(() => this.#waitingBelow--);
    } catch (error) {
      throw this.#fromBelow(error);
    }
  }

  #fromBelow(error: unknown): unknown {
    if (typeof error === 'object' && error !== null) this.#endedBelow.add(error);
    return error;
  }

  /** Whatever goes wrong above, nothing stays below. */
  async #climb(below: Climbed, above: Promise<Climbed | null> | Climbed | null): Promise<Climbed | null> {
    let climbed: Climbed | null = null;
    try {
      climbed = await above;
      return climbed && new Both(this, below, climbed);
    } finally {
      if (climbed === null) await below.release();
    }
  }

  takeSync(units: number, wait: WaitOptions, bound?: Bound): Climbed {
    return this.upper.takeSync(units, wait, bound);
  }

  describeHolder(error?: unknown): string | undefined | Promise<string | undefined> {
    const below = error === undefined ? this.#waitingBelow > 0 : this.endedBelow(error);
    return (below ? this.lower : this.upper).describeHolder(error);
  }

  /** Whether it was the lower one that has ended a wait so. */
  endedBelow(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#endedBelow.has(error);
  }
}

/** What was taken in both. */
class Both implements Climbed {
  readonly tier: Tier;
  readonly #below: Climbed;
  readonly #above: Climbed;

  constructor(tier: Tier, below: Climbed, above: Climbed) {
    this.tier = tier;
    this.#below = below;
    this.#above = above;
  }

  get token(): bigint {
    return this.#above.token;
  }

  mayPass(): boolean {
    return this.#below.mayPass() && this.#above.mayPass();
  }

  pass(): void {
    this.#below.pass();
    this.#above.pass();
  }

  async release(polite?: boolean): Promise<boolean> {
    const above = await this.#above.release(polite);
    try {
      return (await this.#below.release(polite)) !== false && above !== false;
    } catch {
      return false;
    }
  }

  get onLost(): ((loss: LockLostError) => void) | undefined {
    return this.#above.onLost;
  }

  set onLost(listener: ((loss: LockLostError) => void) | undefined) {
    this.#above.onLost = listener;
    this.#below.onLost = listener;
  }

  look(): boolean {
    const below = this.#below.look?.();
    return this.#above.look?.() !== false && below !== false;
  }

  confirm(): void {
    this.#below.confirm?.();
    this.#above.confirm?.();
  }

  renew(ttl?: number): Promise<void> {
    return this.#above.renew?.(ttl) ?? Promise.resolve();
  }

  keepFor(ms: number): void {
    this.#above.keepFor?.(ms);
  }

  expire(): void {
    this.#above.expire?.();
  }

  downgrade(): void {
    this.#above.downgrade();
    this.#below.downgrade();
  }

  tryUpgrade(): boolean {
    return this.#above.tryUpgrade() && this.#below.tryUpgrade();
  }
}
