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
 *   margin: by the store's clock the record cannot have lapsed before. No answer is needed to lose it. One that was sent
 *   later and asks for less brings it forward, answered or not: the store may have done it.
 * - It is judged by a clock that runs on in suspend, and whoever asks reads the clock: no timer has to have run.
 * - An answer that comes after the deadline resurrects nothing. Lost is for ever.
 * - What is lost and not let go by its holder is given back at the store when its record should have lapsed anyway: a
 *   store may keep records longer, for the sake of others.
 */
import { unwatchAbort, watchAbort } from './aborts.js';
import type { Abortable } from './aborts.js';
import { answerWithin, insist } from './answers.js';
import type { Grant } from './backend.js';
import { uptime } from './clock.js';
import { Alarm, removeDeadline } from './deadlines.js';
import { LockBackendError, LockLostError, LockMisuseError } from './errors.js';
import { calledOf } from './request.js';
import { marginOf, recordTtl } from './terms.js';
import type { Terms } from './terms.js';

/** Whose it is, in an error's words. */
export interface Named {
  readonly key: string;
  /** The store. */
  readonly store: string;
}

/** Between a renewal that failed and the next try. */
const RETRY_MS = 100;
/** How long a release waits for its answer. Nothing depends on it: the record lapses. */
const RELEASE_MS = 2000;

/** A renewal on its way. */
interface Asked {
  readonly sent: number;
  /** The deadline, once it is confirmed. */
  deadline: number;
}

export class Lease implements Abortable {
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
  /** A store that is silent or slow may answer any of them. */
  readonly #asked: Set<Asked> = new Set();
  /** Until when it has to last, whoever vanishes. */
  #least: number;
  #failure: unknown = undefined;
  #loss: LockLostError | undefined = undefined;
  #timer: Alarm | undefined = undefined;
  #ending: Promise<boolean> | undefined = undefined;

  /** Of what was granted now to a request that was sent then; both by `uptime`. */
  constructor(grant: Grant, sent: number, now: number, terms: Terms, named: Named) {
    this.token = grant.token;
    this.#grant = grant;
    this.#named = named;
    this.#terms = terms;
    this.#ttl = terms.ttl;
    this.#renews = terms.renew;
    this.#since = this.#sent = sent;
    const lasts = grant.lasts ?? recordTtl(terms);
    // Without a way to renew it, it ends by the store's word alone.
    this.#deadline =
      grant.renew === undefined ? Infinity : sent + lasts - terms.lockDelay - marginOf(terms.ttl);
    this.#least = sent + terms.minHold;
    const { lost } = grant;
    if (lost?.aborted === true) {
      this.onAbort();
      return;
    }
    if (lost !== undefined) watchAbort(lost, this);
    this.#schedule(now);
  }

  /** How long it is ours without a renewal, in ms. */
  get left(): number {
    return this.#loss === undefined ? this.#deadline - uptime() : 0;
  }

  /**
   * Whether a hand-over to another one makes sense: it is surely held, and for a while. What is not renewed is not passed
   * on: its next holder would have what is left of somebody else's time.
   */
  get passable(): boolean {
    const lasts = this.#renews || this.#deadline === Infinity;
    return lasts && this.state !== 'Unknown' && this.left > this.#ttl / 3;
  }

  /** Why it is not ours any more, if it was lost. */
  get loss(): LockLostError | undefined {
    return this.#loss;
  }

  /** Whether it is still ours, by the clock. */
  look(now: number = uptime()): boolean {
    if (this.#loss === undefined && this.state !== 'Ended' && now >= this.#deadline) this.#lapse();
    return this.#loss === undefined;
  }

  /** It shall last so long from now on, at least. */
  keepFor(ms: number): void {
    const least = uptime() + ms;
    if (least <= this.#least) return;
    this.#least = least;
    if (least > this.#deadline) void this.#ask(this.#ttl);
  }

  /** It is not renewed any more: it ends at its deadline. */
  stop(): void {
    this.#renews = false;
  }

  /** Makes it last longer, by hand. Settles when that is sure, or cannot be any more. */
  async renew(ttl: number = this.#ttl): Promise<void> {
    this.#mustBeOurs();
    if (this.#grant.renew === undefined) return;
    this.#ttl = ttl;
    const now = uptime();
    const answer = this.#ask(ttl);
    await answerWithin(this.#deadline - now, answer, undefined);
    this.#mustBeOurs();
    if (this.#since >= now) return;
    const { what, name } = calledOf(this.#named.key);
    const message = `the lease of ${what} could not be renewed: ${this.#named.store} has not confirmed it. It is ours for ${Math.round(this.left)} ms more`;
    throw new LockBackendError(message, { lock: name, cause: this.#failure });
  }

  #mustBeOurs(): void {
    const { what, name: lock } = calledOf(this.#named.key);
    if (this.state === 'Ended') throw new LockMisuseError(`${what} was released`, { lock });
    if (!this.look()) throw new LockLostError(this.#loss?.message ?? '', { lock, cause: this.#loss });
  }

  /** Gives it back. Whether it was ours to the end. Never rejects. */
  release(): Promise<boolean> {
    return (this.#ending ??= this.#release());
  }

  async #release(): Promise<boolean> {
    const ours = this.look();
    this.state = 'Ended';
    this.#endWatch();
    const answer = this.#giveBack();
    return ours && answerWithin(RELEASE_MS, answer, true);
  }

  /** What nobody knows is taken for ours: it was, by the clock. A second answer may tell of what the first request did. */
  async #giveBack(): Promise<boolean> {
    const outcome = await insist(() => this.#grant.release(), this.#lapses);
    return outcome === undefined || outcome.answer || outcome.again;
  }

  /** When its record should be gone, if it is not renewed. */
  get #lapses(): number {
    return Math.max(this.#since + this.#ttl, this.#least) + this.#terms.lockDelay;
  }

  /** One renewal. Several may be on their way: who knows which of them a silent store will answer. */
  async #ask(ttl: number): Promise<void> {
    const sent = (this.#sent = uptime());
    const lasting = Math.max(ttl, this.#least - sent);
    const asked: Asked = { sent, deadline: sent + lasting - marginOf(ttl) };
    for (const before of this.#asked) before.deadline = Math.min(before.deadline, asked.deadline);
    this.#asked.add(asked);
    this.#deadline = Math.min(this.#deadline, asked.deadline);
    this.state = 'Renewing';
    this.#schedule();
    try {
      await this.#grant.renew?.(lasting + this.#terms.lockDelay);
      this.#confirm(asked);
    } catch (error) {
      this.#fail(sent, error);
    } finally {
      this.#asked.delete(asked);
    }
  }

  #confirm({ sent, deadline }: Asked): void {
    if (!this.#open() || sent < this.#since) return;
    this.#since = sent;
    this.#deadline = deadline;
    if (sent === this.#sent) {
      this.state = 'Held';
      this.#failure = undefined;
    }
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
  #schedule(now: number = uptime()): void {
    this.#clearTimer();
    if (this.#deadline === Infinity) return;
    const due = this.#renews ? Math.min(this.#nextRenewal(now), this.#deadline) : this.#deadline;
    // It keeps no program alive.
    this.#timer = new Alarm(due - now, false, this.#tick);
  }

  #nextRenewal(now: number): number {
    if (this.state === 'Unknown') return now + RETRY_MS;
    return this.#sent + this.#ttl / 3;
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) removeDeadline(this.#timer);
  }

  readonly #tick = (): void => {
    if (!this.#open()) return;
    if (this.#renews) void this.#ask(this.#ttl);
    else this.#schedule();
  };

  /** The store says by itself that it is gone. */
  onAbort(): void {
    this.#lose('the store says so', this.#grant.lost?.reason);
  }

  #endWatch(): void {
    this.#clearTimer();
    const { lost } = this.#grant;
    if (lost !== undefined) unwatchAbort(lost, this);
  }

  #lapse(): void {
    const ms = Math.round(uptime() - this.#since);
    const why = this.#renews
      ? `no renewal was confirmed for ${ms} ms, because ${this.#named.store} did not answer, or this process or its event loop stood still`
      : `it was not renewed for ${ms} ms`;
    this.#lose(`${why}; its ttl is ${this.#ttl} ms`, this.#failure);
    this.#abandon();
  }

  readonly #abandon = (): void => {
    const ms = this.#lapses - uptime();
    if (ms <= 0) void this.#giveBack();
    else this.#timer = new Alarm(ms, false, this.#abandon);
  };

  #lose(why: string, cause: unknown): void {
    this.#endWatch();
    this.state = 'Lost';
    const { what, name } = calledOf(this.#named.key);
    const message = `${what} was lost in ${this.#named.store}: ${why}`;
    this.#loss = new LockLostError(message, {
      lock: name,
      ...(cause === undefined ? {} : { cause }),
    });
    this.onLost?.(this.#loss);
  }
}
