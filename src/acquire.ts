/**
 * One acquisition from a store: asks, waits for a reason to ask again, and ends with a lease or with nothing.
 *
 *   1. ask. Granted: a lease; but one that would have lapsed on its way is given back, and all begins again.
 *   2. taken: subscribe, and ask again, because it may have changed before the subscription stood.
 *   3. wait for a change, or for a while with jitter where the store tells of none. Ask again.
 *   4. no answer, or an error that says that nobody knows: ask again soon, under the same id. A store that gives no
 *      answer of use for DOWN_MS is down; but not after one try, because it may have been our loop that stood still.
 *   5. the deadline: ask a last time. An abort ends it at once.
 *
 * Invariants
 * - Whatever ends it without a lease leaves nothing in the store: a grant that comes too late is given back; what nobody
 *   knows of, or a place in a queue, is forgotten there. In the background, for as long as it could matter.
 * - All that it asks is under one id, so an answer that was lost costs nothing; but for one that was granted and given
 *   back: then there is a new one.
 */
import { unwatchAbort, watchAbort } from './aborts.js';
import type { Abortable } from './aborts.js';
import { insist, jitter, Patience } from './answers.js';
import type { Backend, Grant, Watch } from './backend.js';
import { uptime } from './clock.js';
import { removeDeadline } from './deadlines.js';
import { LockBackendError, LockError } from './errors.js';
import { Lease } from './lease.js';
import { calledOf, Request } from './request.js';
import type { Sought } from './request.js';
import { recordTtl } from './terms.js';
import type { Terms } from './terms.js';

/** What is to be taken, and how it is to last. */
export interface Wanted extends Terms, Sought {}

/** How long the store has to answer, even if the time is up, and how long it may fail to, in ms. */
const ANSWER_MS = 250;
const DOWN_MS = 2000;
/** Between tries, where nobody tells of changes; and the longest time without a try where somebody does. */
const POLL_MS = 50;
const QUIET_MS = 5000;

/** Takes it, waiting for so long at most: null if it is still taken then. The signal's reason is thrown as it is. */
export async function acquire(
  store: Backend,
  wanted: Wanted,
  timeout: number = 0,
  signal?: AbortSignal,
): Promise<Lease | null> {
  signal?.throwIfAborted();
  const acquisition = new Acquisition(store, wanted, timeout, signal);
  if (signal !== undefined) watchAbort(signal, acquisition);
  try {
    return await acquisition.run();
  } finally {
    if (signal !== undefined) unwatchAbort(signal, acquisition);
    acquisition.end();
  }
}

class Acquisition implements Abortable {
  readonly #store: Backend;
  readonly #wanted: Wanted;
  readonly #waits: boolean;
  readonly #deadline: number;
  readonly #signal: AbortSignal | undefined;
  #request: Request;
  #watch: Watch | undefined = undefined;
  #change: Promise<void> | undefined = undefined;
  /** Since when the store has given no answer of use, and why. */
  #failingSince: number | undefined = undefined;
  #failures = 0;
  #failure: unknown = undefined;
  /** Whether the store may have something under our id that we do not know of. */
  #unknown = false;
  /** What has come when the wait for it had just ended. */
  #stray: Grant | undefined = undefined;
  #granted = false;
  #ended = false;
  /** Ends whatever is waited for. */
  #wake: (() => void) | undefined = undefined;

  constructor(store: Backend, wanted: Wanted, timeout: number, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#wanted = wanted;
    this.#waits = timeout > 0;
    this.#deadline = timeout === Infinity ? Infinity : performance.now() + timeout;
    this.#signal = signal;
    this.#request = new Request(wanted, recordTtl(wanted), this.#waits);
  }

  onAbort(): void {
    this.#wake?.();
  }

  /** Nobody wants it any more; or it is there. */
  end(): void {
    this.#ended = true;
    this.#watch?.close();
    if (this.#granted) return;
    this.#request.abort();
    if (this.#unknown || this.#waits) this.#forget(this.#request);
  }

  async run(): Promise<Lease | null> {
    for (;;) {
      this.#signal?.throwIfAborted();
      const last = this.#left <= 0;
      const lease = await this.#try();
      if (this.#signal?.aborted === true) {
        void lease?.release();
        throw this.#signal.reason;
      }
      if (lease instanceof Lease) {
        this.#granted = true;
        return lease;
      }
      if (lease === undefined) await this.#afterFailure();
      else if (last) return null;
      else await this.#untilChanged();
    }
  }

  /** Until the deadline, in ms. */
  get #left(): number {
    return this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - performance.now());
  }

  /** A lease; null if it is taken; undefined if nobody knows. */
  async #try(): Promise<Lease | null | undefined> {
    const request = this.#request;
    const store = this.#store;
    const since = performance.now();
    const sent = uptime();
    const queues = store.acquire !== undefined && !store.supports.ttl && this.#left > 0;
    const untilDown = (this.#failingSince ?? since) + DOWN_MS - since;
    const ms = Math.max(ANSWER_MS, Math.min(untilDown, this.#waits ? this.#left : Infinity));
    try {
      const asked = queues ? store.acquire?.(request) : store.tryAcquire(request);
      const grant = await this.#until(asked, queues ? this.#left : ms);
      if (grant === undefined) {
        this.#watchLate(asked, request);
        this.#unknown = true;
        if (queues) return null;
        return this.#failed(since, this.#failure ?? new Error(`no answer within ${Math.round(ms)} ms`));
      }
      this.#unknown = false;
      const lease = grant && this.#lease(grant, sent);
      if (lease === undefined) return this.#failed(since, tooLate(sent, this.#wanted));
      this.#failingSince = this.#failure = undefined;
      this.#failures = 0;
      return lease;
    } catch (error) {
      // It has answered: no.
      if (error instanceof LockError) throw error;
      this.#unknown = true;
      return this.#failed(since, error);
    }
  }

  #lease(grant: Grant, sent: number): Lease | undefined {
    const named = { key: this.#request.key, store: this.#store.name };
    const now = uptime();
    const lease = new Lease(grant, sent, now, this.#wanted, named);
    if (lease.look(now)) return lease;
    void lease.release();
    this.#request = new Request(this.#wanted, recordTtl(this.#wanted), this.#waits);
    return undefined;
  }

  /** What comes when nobody waits for it any more is given back, or forgotten once more: it may have overtaken that. */
  #watchLate(asked: Promise<Grant | null> | undefined, request: Request): void {
    const late = async (): Promise<void> => {
      const grant = await asked;
      // Under the id that we hold it is the same one, and under the one that we ask for it will be granted again.
      if (request === this.#request && (this.#granted || !this.#ended)) {
        this.#stray = grant ?? undefined;
        return;
      }
      if (grant) await insist(async () => grant.release(), uptime() + request.ttl);
      else this.#forget(request);
    };
    late().catch(() => undefined);
  }

  /** In the background: until the store has answered, or whatever it had has lapsed. */
  #forget(request: Request): void {
    const store = this.#store;
    const stray = this.#stray;
    const undo = async (): Promise<unknown> => (store.forget ? store.forget(request) : stray?.release());
    void insist(undo, uptime() + request.ttl);
  }

  #failed(since: number, why: unknown): undefined {
    this.#failingSince ??= since;
    this.#failures++;
    this.#failure = why;
  }

  async #afterFailure(): Promise<void> {
    const failing = performance.now() - (this.#failingSince ?? 0);
    const isDown = this.#failures > 1 && failing >= DOWN_MS;
    if (isDown || (this.#waits && this.#left <= 0)) throw this.#down();
    await this.#until(undefined, Math.min(this.#left || POLL_MS, jitter(POLL_MS)));
  }

  #down(): LockBackendError {
    const { name } = this.#store;
    const { what, name: lock } = calledOf(this.#request.key);
    const why = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    const message =
      `${what} could not be taken: ${name} cannot be reached (${why}). Nothing is held. See that it runs and that this ` +
      "host may connect to it, or ask with { onBackendDown: 'lower' } to go on without it";
    return new LockBackendError(message, { lock, cause: this.#failure });
  }

  async #untilChanged(): Promise<void> {
    if (this.#store.watch === undefined) {
      await this.#until(undefined, Math.min(this.#left, jitter(POLL_MS)));
    } else if (this.#watch === undefined) {
      await this.#subscribe(this.#store.watch(this.#request));
    } else {
      this.#change ??= this.#watch.changed().finally(() => (this.#change = undefined));
      await this.#until(this.#change, Math.min(this.#left, jitter(QUIET_MS)));
    }
  }

  async #subscribe(subscribing: Promise<Watch>): Promise<void> {
    let late = false;
    subscribing.then(
      (watch) => (late ? watch.close() : undefined),
      () => undefined,
    );
    try {
      this.#watch = await this.#until(subscribing, Math.min(this.#left, DOWN_MS));
      late = this.#watch === undefined;
    } catch (error) {
      if (error instanceof LockError) throw error;
      await this.#until(undefined, Math.min(this.#left, jitter(POLL_MS)));
    }
  }

  /** What comes of it; undefined if the time was up before, or the wait was interrupted. */
  #until<T>(work: Promise<T> | undefined, ms: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = (outcome?: T): void => {
        removeDeadline(wait);
        resolve(outcome);
      };
      const wait = new Patience(ms, end);
      this.#wake = end;
      work?.then(end, (error: unknown) => {
        reject(error);
        end();
      });
    });
  }
}

function tooLate(sent: number, { ttl }: Terms): Error {
  const ms = Math.round(uptime() - sent);
  return new Error(`what it granted came after ${ms} ms, when it was about to lapse: the ttl is ${ttl} ms`);
}
