/**
 * One acquisition from a store: asks, waits for a reason to ask again, and ends with a lease or with nothing.
 *
 *   1. ask. Granted: a lease; but one that would have lapsed on its way is given back, and all begins again.
 *   2. taken: subscribe, and ask again, because it may have changed before the subscription stood.
 *   3. wait for a change, or for a while with jitter where the store tells of none. Ask again.
 *   4. no answer, or an error that says that nobody knows: ask again soon, under the same id. A store that gives no
 *      answer for DOWN_MS is down.
 *   5. the deadline: ask a last time. An abort ends it at once.
 *
 * Invariants
 * - Whatever ends it without a lease leaves nothing in the store: a grant that comes too late is given back; what nobody
 *   knows of, or a place in a queue, is forgotten there. In the background, for as long as it could matter.
 * - All that it asks is under one id, so an answer that was lost costs nothing; but for one that was granted and given
 *   back: then there is a new one.
 */
import type { Backend, Grant, Watch } from './backend.js';
import { uptime } from './clock.js';
import { LockBackendError, LockError } from './errors.js';
import { Lease, recordTtl } from './lease.js';
import type { Terms } from './lease.js';
import { nobody } from './nobody.js';
import { Request } from './request.js';
import type { Sought } from './request.js';

/** What is to be taken, and how it is to last. */
export interface Wanted extends Terms, Sought {}

/** How long the store has to answer, the last time too, and how long it may fail to, in ms. */
const ANSWER_MS = 2000;
const LAST_ANSWER_MS = 250;
const DOWN_MS = 2000;
/** Between tries, where nobody tells of changes; and the longest time without a try where somebody does. */
const POLL_MS = 50;
const QUIET_MS = 5000;
const LONGEST = 2 ** 31 - 1;

/** Takes it, waiting for so long at most: null if it is still taken then. The signal's reason is thrown as it is. */
export async function acquire(
  store: Backend,
  wanted: Wanted,
  timeout: number = 0,
  signal?: AbortSignal,
): Promise<Lease | null> {
  const acquisition = new Acquisition(store, wanted, timeout, signal);
  const abort = (): void => acquisition.interrupt();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await acquisition.run();
  } finally {
    signal?.removeEventListener('abort', abort);
    acquisition.end();
  }
}

class Acquisition {
  readonly #store: Backend;
  readonly #wanted: Wanted;
  readonly #waits: boolean;
  readonly #deadline: number;
  readonly #signal: AbortSignal | undefined;
  #request: Request;
  #watch: Watch | undefined = undefined;
  #change: Promise<void> | undefined = undefined;
  /** Since when the store has given no answer, and why. */
  #failingSince = 0;
  #failure: unknown = undefined;
  /** Whether the store may have something under our id that we do not know of. */
  #unknown = false;
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

  interrupt(): void {
    this.#wake?.();
  }

  /** Nobody wants it any more; or it is there. */
  end(): void {
    this.#ended = true;
    this.#watch?.close();
    if (this.#granted) return;
    this.#request.abort();
    if (this.#unknown || this.#waits) forgetting(this.#store, this.#request, recordTtl(this.#wanted));
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
      if (lease === undefined) await this.#afterFailure(last);
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
    const sent = uptime();
    const queues = store.acquire !== undefined && !store.supports.ttl && this.#left > 0;
    const ms = this.#waits ? Math.min(ANSWER_MS, Math.max(LAST_ANSWER_MS, this.#left)) : ANSWER_MS;
    try {
      const asked = queues ? store.acquire?.(request) : store.tryAcquire(request);
      const grant = await this.#until(this.#watched(asked, request), queues ? this.#left : ms);
      if (grant === undefined) {
        this.#unknown = true;
        if (!queues) this.#failure ??= new Error(`no answer within ${Math.round(ms)} ms`);
        return queues ? null : undefined;
      }
      this.#failingSince = 0;
      this.#failure = undefined;
      this.#unknown = false;
      return grant && this.#lease(grant, sent);
    } catch (error) {
      // It has answered: no.
      if (error instanceof LockError) throw error;
      this.#unknown = true;
      this.#failure = error;
      return undefined;
    }
  }

  #lease(grant: Grant, sent: number): Lease | undefined {
    const named = { key: this.#request.key, store: this.#store.name };
    const lease = new Lease(grant, sent, this.#wanted, named);
    if (lease.look()) return lease;
    void lease.release();
    this.#request = new Request(this.#wanted, recordTtl(this.#wanted), this.#waits);
    this.#failure = new Error('a grant came when it was about to lapse');
    return undefined;
  }

  /** A grant that comes when nobody waits for it any more is given back. One under the id that we hold is the same one. */
  #watched(asked: Promise<Grant | null> | undefined, request: Request): Promise<Grant | null> | undefined {
    const late = async (): Promise<void> => {
      const grant = await asked;
      const held = this.#granted && request === this.#request;
      if (grant && this.#ended && !held) await grant.release();
    };
    late().catch(() => undefined);
    return asked;
  }

  async #afterFailure(last: boolean): Promise<void> {
    const now = performance.now();
    if (this.#failingSince === 0) this.#failingSince = now;
    if (now - this.#failingSince >= DOWN_MS || (last && this.#waits)) throw this.#down();
    await this.#until(undefined, Math.min(this.#left || POLL_MS, jitter(POLL_MS)));
  }

  #down(): LockBackendError {
    const { name } = this.#store;
    const { key } = this.#request;
    const why = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    const message =
      `'${key}' could not be taken: ${name} cannot be reached (${why}). Nothing is held. See that it runs and that this ` +
      "host may connect to it, or ask with { onBackendDown: 'lower' } to go on without it";
    return new LockBackendError(message, { lock: key, cause: this.#failure });
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
      this.#watch = await this.#until(subscribing, Math.min(this.#left, ANSWER_MS));
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
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(outcome);
      };
      const timer = setTimeout(end, Math.min(ms, LONGEST));
      this.#wake = end;
      work?.then(end, (error: unknown) => {
        reject(error);
        end();
      });
    });
  }
}

/** From half to one and a half times as much. */
function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}

/** Until the store has answered, or whatever it had has lapsed. */
function forgetting(store: Backend, request: Request, ttl: number): void {
  if (store.forget === undefined) return;
  const end = uptime() + ttl;
  const later = (): void => {
    if (uptime() < end) nobody.runInAsyncScope(() => setTimeout(ask, jitter(10 * POLL_MS)).unref());
  };
  const ask = (): void => {
    store.forget?.(request).catch(later);
  };
  ask();
}
