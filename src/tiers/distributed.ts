/**
 * The tier of all hosts: a store (backend.ts), asked by acquire.ts, and what it has granted kept by a lease (lease.ts).
 *
 * Whoever has the name alone in this process has a lease of his own, which may go on from task to task (`mayPass`).
 * Readers of this thread join one that is there already, for as long as the bound allows: others must get their turn.
 * Who holds a lease is told in held.ts.
 */
import { unwatchAbort, watchAbort } from '../aborts.js';
import type { Abortable } from '../aborts.js';
import { acquire } from '../acquire.js';
import type { Wanted } from '../acquire.js';
import { answerWithin } from '../answers.js';
import type { Backend } from '../backend.js';
import { LockTimeoutError, LockUnsupportedError } from '../errors.js';
import type { WaitOptions } from '../options.js';
import { BOUND } from '../outside.js';
import type { Bound } from '../outside.js';
import { partyOf } from '../request.js';
import { Held } from './held.js';
import type { Climbed, Tier } from './tier.js';

/** How a name is taken there. */
export interface StoreOptions {
  readonly ttl: number | undefined;
  readonly renew: boolean;
  readonly lockDelay: number;
  readonly minHold: number;
  readonly owner: string | undefined;
  readonly fair: boolean | 'strict';
}

/** What is taken in the store for one call. */
export interface Share {
  readonly kind: 'lock' | 'semaphore';
  readonly permits: number;
}

const TTL = 30_000;
const LOCK: Share = { kind: 'lock', permits: 1 };
/** How long an error may take to find out who is in the way. */
const LOOK_MS = 250;

export class DistributedTier implements Tier {
  readonly backend: Backend;
  readonly name: string;
  readonly key: string;
  readonly #options: StoreOptions;
  readonly #share: Share;
  /** One unit, shared or not: what most want. */
  readonly #wanted: readonly [exclusive: Wanted, shared: Wanted];
  /** What readers may join; what they will be able to. */
  #joinable: Held | undefined = undefined;
  #coming: Promise<unknown> | undefined = undefined;

  constructor(name: string, backend: Backend, options: StoreOptions, share: Share = LOCK) {
    const { ttl, renew, lockDelay, minHold, owner, fair } = options;
    this.name = name;
    this.backend = backend;
    this.#options = { ttl, renew, lockDelay, minHold, owner, fair };
    this.#share = share;
    this.key = `${share.kind}:${name}`;
    this.#wanted = [this.#toWant(false, 1), this.#toWant(true, 1)];
    checkSupports(backend, options, share);
  }

  /** Whether it is the tier for such options. */
  suits(backend: Backend, options: StoreOptions): boolean {
    const { ttl, renew, lockDelay, minHold, owner, fair } = this.#options;
    if (this.backend !== backend || options.owner !== owner || options.fair !== fair) return false;
    const { ttl: otherTtl, renew: otherRenew } = options;
    return (
      otherTtl === ttl &&
      otherRenew === renew &&
      options.lockDelay === lockDelay &&
      options.minHold === minHold
    );
  }

  /** Never without asking the store, which takes a while: see `attempt`. */
  tryTake(): null {
    return null;
  }

  attempt(units: number, bound?: Bound): Promise<Climbed | null> {
    return this.#take(units, 0, undefined, bound);
  }

  async take(units: number, { timeout = Infinity, signal }: WaitOptions, bound?: Bound): Promise<Climbed> {
    const climbed = await this.#take(units, timeout, signal, bound);
    if (climbed !== null) return climbed;
    throw new LockTimeoutError(`'${this.key}' is taken in ${this.backend.name}`, { lock: this.name });
  }

  takeSync(): never {
    const message = `the lock '${this.name}' cannot be taken with lockSync(): a thread that is blocked cannot talk to ${this.backend.name}. Use lock()`;
    throw new LockUnsupportedError(message, { lock: this.name });
  }

  #take(
    units: number,
    timeout: number,
    signal: AbortSignal | undefined,
    bound: Bound = BOUND,
  ): Promise<Climbed | null> {
    const { kind } = this.#share;
    if (kind === 'lock' && units === 1) return this.#join(timeout, signal, bound);
    return this.#ask(kind === 'lock' ? 1 : units, timeout, signal, bound, false);
  }

  async #join(timeout: number, signal: AbortSignal | undefined, bound: Bound): Promise<Climbed | null> {
    if (!this.backend.supports.shared) refuse(this.backend, "'shared'", 'its keys have one holder');
    // Beside one another, not one after the other: those who come while one asks wait for his answer, and for that of
    // the next one, if they cannot have a part in what it has brought.
    const since = performance.now();
    let left = timeout;
    while (this.#coming !== undefined && left > 0) {
      signal?.throwIfAborted();
      await orLater(this.#coming, left, signal);
      left = timeout - (performance.now() - since);
    }
    const joined = this.#joinable?.join();
    if (joined !== undefined) return joined;
    const asked = this.#ask(1, left, signal, bound, true);
    if (left > 0) this.#coming = asked.then(nothing, nothing).finally(() => (this.#coming = undefined));
    return asked;
  }

  async #ask(
    units: number,
    timeout: number,
    signal: AbortSignal | undefined,
    bound: Bound,
    shared: boolean,
  ): Promise<Climbed | null> {
    const wanted = units === 1 ? this.#wanted[shared ? 1 : 0] : this.#toWant(shared, units);
    const lease = await acquire(this.backend, wanted, timeout, signal);
    if (lease === null) return null;
    const held = new Held(this, this.backend.name, lease, bound);
    if (shared) this.#joinable = held;
    return held.join() ?? null;
  }

  #toWant(shared: boolean, units: number): Wanted {
    const { ttl = TTL, renew, lockDelay, minHold, owner, fair } = this.#options;
    return {
      key: this.key,
      shared,
      units,
      permits: this.#share.permits,
      fifo: fair === 'strict',
      owner,
      ttl,
      renew,
      lockDelay,
      minHold,
    };
  }

  async describeHolder(): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, LOOK_MS, undefined)));
    try {
      const holders = await Promise.race([this.backend.inspect?.(this.key), late]);
      const [first] = holders ?? [];
      if (first === undefined) return undefined;
      const party = partyOf(first.id);
      const who = party === undefined ? first.id : `process ${party.pid} of host ${party.host}`;
      return `${who} in ${this.backend.name}, token ${first.token}`;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

function checkSupports(backend: Backend, options: StoreOptions, { kind }: Share): void {
  const { supports } = backend;
  if (options.fair === 'strict' && !supports.fifo)
    refuse(backend, "{ fair: 'strict' }", 'it gives its locks in no certain order. Use { fair: true }');
  if (options.owner !== undefined && !supports.owner)
    refuse(backend, "'owner'", 'it counts no owners. Use { within: guard }, in the same thread');
  if (options.ttl !== undefined && !supports.ttl)
    refuse(backend, "'ttl'", 'what it grants ends with its session or its process, at no certain time');
  if (kind === 'semaphore' && !supports.permits)
    refuse(backend, 'a semaphore', 'its keys have one holder, or readers');
}

function refuse({ name }: Backend, what: string, instead: string): never {
  throw new LockUnsupportedError(`${what} is not possible with ${name}: ${instead}`, { lock: name });
}

function nothing(): void {}

/** Waits for it, but not beyond the time and the signal: these are for others to see. */
async function orLater(work: Promise<unknown>, ms: number, signal: AbortSignal | undefined): Promise<void> {
  let end = nothing;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const abortable: Abortable = { onAbort: end };
  if (signal !== undefined) watchAbort(signal, abortable);
  await answerWithin(ms, Promise.race([work, ended]), undefined);
  if (signal !== undefined) unwatchAbort(signal, abortable);
}
