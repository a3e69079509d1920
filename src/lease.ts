/**
 * What was taken in a store, for as long as it lasts: renewed in time, and lost in time, whatever the store says or does
 * not say.
 *
 *   state     held   what is known of the record            leaves by
 *   Held      yes    it was there when last asked           a renewal is due -> Renewing; deadline -> Lost
 *   Renewing  yes    a renewal has not been answered        answer -> Held; error -> Unknown; "gone", deadline -> Lost
 *   Unknown   yes    the last renewal failed, or nobody     another try -> Renewing; deadline -> Lost
 *                    knows
 *   Lost      no     it is not ours, or may not be          release() -> Ended
 *   Ended     no     it was given back                      -
 *
 * Invariants
 * - The deadline is the moment when the last renewal that was confirmed was SENT, plus the ttl it asked for, less a
 *   margin: by the store's clock the record cannot have lapsed before. No answer is needed to lose it.
 * - It is judged by a clock that runs on in suspend, and whoever asks reads the clock: no timer has to have run.
 * - An answer that comes after the deadline resurrects nothing. Lost is for ever.
 * - What is lost and not let go by its holder is given back at the store when its record should have lapsed anyway: a
 *   store may keep records longer, for the sake of others.
 */
import type { Grant } from './backend.js';
import { uptime } from './clock.js';
import { LockBackendError, LockError, LockLostError, LockMisuseError } from './errors.js';
import { nobody } from './nobody.js';

/** What a holder wants of it. */
export interface Terms {
  /** How long it lasts without renewal, in ms. */
  readonly ttl: number;
  /** Whether it is renewed by itself. */
  readonly renew: boolean;
  /** How much longer than that its record stays, closed to others, if its holder vanishes. */
  readonly lockDelay: number;
  /** It lasts so long at least, in ms, even if its holder vanishes. */
  readonly minHold: number;
}

/** Whose it is, in an error's words. */
export interface Named {
  readonly key: string;
  /** The store. */
  readonly store: string;
}

/** How long before a record lapses it no longer counts. */
function marginOf(ttl: number): number {
  return Math.max(ttl / 10, 250);
}

/** Between a renewal that failed and the next try. */
const RETRY_MS = 100;
/** How long a release waits for its answer. Nothing depends on it: the record lapses. */
const RELEASE_MS = 2000;
/** What a timer takes. */
const LONGEST = 2 ** 31 - 1;

export class Lease {
  readonly token: bigint;
  /** Is told once if it is lost before it is released; also from within `look`. */
  onLost: ((loss: LockLostError) => void) | undefined = undefined;
  state: 'Held' | 'Renewing' | 'Unknown' | 'Lost' | 'Ended' = 'Held';
  readonly #grant: Grant;
  readonly #named: Named;
  readonly #terms: Terms;
  #ttl: number;
  #renews: boolean;
  /** When the last renewal that was confirmed was sent, when the latest one was, and when it ends; all by `uptime`. */
  #since: number;
  #sent: number;
  #deadline: number;
  /** Until when it has to last, whoever vanishes. */
  #least: number;
  #failure: unknown = undefined;
  #loss: LockLostError | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #ending: Promise<boolean> | undefined = undefined;

  /** Of what was granted to a request that was sent at that moment. */
  constructor(grant: Grant, sent: number, terms: Terms, named: Named) {
    this.token = grant.token;
    this.#grant = grant;
    this.#named = named;
    this.#terms = terms;
    this.#ttl = terms.ttl;
    this.#renews = terms.renew && grant.renew !== undefined;
    this.#since = this.#sent = sent;
    const lasts = grant.lasts ?? recordTtl(terms);
    // Without a way to renew it, it ends by the store's word alone.
    this.#deadline =
      grant.renew === undefined ? Infinity : sent + lasts - terms.lockDelay - marginOf(terms.ttl);
    this.#least = sent + terms.minHold;
    grant.lost?.addEventListener('abort', this.#told, { once: true });
    if (grant.lost?.aborted === true) this.#told();
    this.#schedule();
  }

  /** How long it is ours without a renewal, in ms. */
  get left(): number {
    this.look();
    return this.#loss === undefined ? this.#deadline - uptime() : 0;
  }

  /** Whether a hand-over to another one makes sense: it is surely held, and for a while. */
  get passable(): boolean {
    return this.state !== 'Unknown' && this.left > this.#ttl / 3;
  }

  /** Whether it is still ours, by the clock. */
  look(): boolean {
    if (this.#loss === undefined && this.state !== 'Ended' && uptime() >= this.#deadline) this.#lapse();
    return this.#loss === undefined;
  }

  /** It shall last so long from now on, at least. */
  keepFor(ms: number): void {
    const least = uptime() + ms;
    if (least <= this.#least) return;
    this.#least = least;
    if (least > this.#deadline && this.#renews) void this.#ask(this.#ttl);
  }

  /** It is not renewed any more: it ends at its deadline. */
  stop(): void {
    this.#renews = false;
    this.#schedule();
  }

  /** Makes it last longer, by hand. Settles when that is sure, or cannot be any more. */
  async renew(ttl: number = this.#ttl): Promise<void> {
    if (this.state === 'Ended')
      throw new LockMisuseError(`'${this.#named.key}' was released`, { lock: this.#named.key });
    if (!this.look()) throw this.#again();
    if (this.#grant.renew === undefined) return;
    this.#ttl = ttl;
    await this.#answerBefore(this.#deadline, this.#ask(ttl));
    if (!this.look()) throw this.#again();
    if (this.state === 'Held') return;
    const { key, store } = this.#named;
    const message = `the lease of '${key}' could not be renewed: ${store} has not confirmed it. It is ours for ${Math.round(this.left)} ms more`;
    throw new LockBackendError(message, { lock: key, cause: this.#failure });
  }

  /** Gives it back. Whether it was ours to the end. Never rejects. */
  release(): Promise<boolean> {
    return (this.#ending ??= this.#release());
  }

  async #release(): Promise<boolean> {
    const ours = this.look();
    this.state = 'Ended';
    clearTimeout(this.#timer);
    this.#grant.lost?.removeEventListener('abort', this.#told);
    const answer = this.#giveBack();
    return ours && (await this.#answerBefore(uptime() + RELEASE_MS, answer, true));
  }

  /** Asks until it is answered, or the record has lapsed. What nobody knows is taken for ours: it was, by the clock. */
  async #giveBack(): Promise<boolean> {
    const end = this.#since + recordTtl(this.#terms, this.#ttl);
    let asked = false;
    do {
      try {
        const was = await this.#grant.release();
        // A second answer may tell of what the first request did.
        return was || asked;
      } catch {
        asked = true;
        await pause(RETRY_MS);
      }
    } while (uptime() < end);
    return true;
  }

  async #answerBefore<T>(end: number, answer: Promise<T>, otherwise?: T): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<T>((resolve) => {
      timer = setTimeout(() => resolve(otherwise as T), Math.min(Math.max(0, end - uptime()), LONGEST));
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One renewal. Several may be on their way: who knows which of them a silent store will answer. */
  async #ask(ttl: number): Promise<void> {
    const sent = uptime();
    const asked = Math.max(ttl, this.#least - sent);
    const deadline = sent + asked - marginOf(ttl);
    this.#sent = sent;
    // Whether it is answered or not, the record may last no longer than that from now on.
    this.#deadline = Math.min(this.#deadline, deadline);
    this.state = 'Renewing';
    this.#schedule();
    try {
      await this.#grant.renew?.(asked + this.#terms.lockDelay);
      this.#confirm(sent, deadline);
    } catch (error) {
      this.#fail(sent, error);
    }
  }

  #confirm(sent: number, deadline: number): void {
    if (!this.#open() || sent < this.#since) return;
    this.#since = sent;
    if (sent !== this.#sent) return;
    this.#deadline = deadline;
    this.state = 'Held';
    this.#failure = undefined;
    this.#schedule();
  }

  #fail(sent: number, error: unknown): void {
    if (!this.#open()) return;
    if (error instanceof LockLostError) {
      this.#lose('its record is gone from the store: it was removed there, or the store has lost it', error);
      return;
    }
    this.#failure = error;
    if (sent !== this.#sent) return;
    this.state = 'Unknown';
    this.#schedule();
  }

  #open(): boolean {
    return this.state !== 'Ended' && this.look();
  }

  /** When the next thing is due: a renewal, or the end. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#deadline === Infinity || !this.#alive) return;
    const now = uptime();
    const due = this.#renews ? Math.min(this.#nextRenewal(), this.#deadline) : this.#deadline;
    const ms = Math.min(Math.max(1, Math.ceil(due - now)), LONGEST);
    // The timer is nobody's of those who may come to hold it, and keeps no program alive.
    this.#timer = nobody.runInAsyncScope(() => setTimeout(this.#tick, ms).unref());
  }

  get #alive(): boolean {
    return this.state !== 'Ended' && this.#loss === undefined;
  }

  #nextRenewal(): number {
    if (this.state === 'Unknown') return uptime() + RETRY_MS;
    return this.#sent + this.#ttl / 3;
  }

  readonly #tick = (): void => {
    if (!this.#open()) return;
    const due = this.#renews && (this.state === 'Unknown' || uptime() >= this.#nextRenewal());
    if (due) void this.#ask(this.#ttl);
    else this.#schedule();
  };

  readonly #told = (): void => {
    if (this.#open()) this.#lose('the store says so', this.#grant.lost?.reason);
  };

  #lapse(): void {
    const ms = Math.round(uptime() - this.#since);
    const why = this.#renews
      ? `no renewal was confirmed for ${ms} ms, because ${this.#named.store} did not answer, or this process or its event loop stood still`
      : `it was not renewed for ${ms} ms`;
    this.#lose(`${why}; its ttl is ${this.#ttl} ms`, this.#failure);
    const rest = this.#since + recordTtl(this.#terms, this.#ttl) - uptime();
    nobody.runInAsyncScope(() =>
      setTimeout(() => this.#abandon(), Math.min(Math.max(0, rest), LONGEST)).unref(),
    );
  }

  #abandon(): void {
    if (this.state !== 'Ended') void this.#grant.release().catch(() => undefined);
  }

  #lose(why: string, cause: unknown): void {
    clearTimeout(this.#timer);
    this.state = 'Lost';
    const message = `'${this.#named.key}' was lost in ${this.#named.store}: ${why}`;
    this.#loss = new LockLostError(message, {
      lock: this.#named.key,
      ...(cause === undefined ? {} : { cause }),
    });
    this.onLost?.(this.#loss);
  }

  #again(): LockError {
    const loss = this.#loss as LockLostError;
    return new LockLostError(loss.message, { lock: loss.lock, cause: loss });
  }
}

/** How long the record lasts in the store. */
export function recordTtl({ ttl, minHold, lockDelay }: Terms, now: number = ttl): number {
  return Math.max(now, minHold) + lockDelay;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => nobody.runInAsyncScope(() => setTimeout(resolve, ms).unref()));
}
