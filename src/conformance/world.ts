/**
 * What a case has to work with: clients of one store, as if they were of several hosts, requests made by hand, and calls
 * that end with a message instead of hanging. Whatever a case has taken is given back behind it, and what has gone wrong
 * beside it (an unhandled rejection, a warning) is its failure.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Backend, BackendRequest, Grant } from '../backend.js';
import { LockError } from '../errors.js';
import { newId } from '../request.js';
import type { ConformanceOptions, Faults } from './options.js';
import { eventually, say, turn, until, within } from './proof.js';

/** Long enough that nothing lapses in a case which is not about that. */
export const LONG = 60_000;

type Ability = 'shared' | 'permits' | 'fifo' | 'owner' | 'ttl' | 'token' | 'durable';
type Method = 'acquire' | 'watch' | 'forget' | 'inspect' | 'break' | 'list';
type Given = 'module' | 'wipe' | 'leftovers' | keyof Faults;
/** `wakes`: those who wait are told, or stand in its own queue, so that they are not passed by whoever asks more often. */
type Need = Ability | Method | Given | 'wakes';

/** A promise, and how it is proven. */
export interface Case {
  readonly promise: string;
  /** What the store must be able to do, or must not, or what must be given, for the case to make sense. */
  readonly needs?: readonly (Need | `no ${Need}`)[];
  readonly run: (world: World) => Promise<void>;
}

export class World {
  readonly options: ConformanceOptions;
  /** A time to live that passes within a test. */
  readonly ttl: number;
  /** How long the store may take for an answer, in ms. */
  readonly patience: number;
  /** The first client of the store. */
  readonly store: Backend;
  readonly #hosts: Backend[] = [];
  readonly #undo: (() => unknown)[] = [];
  readonly #wrong: unknown[] = [];
  readonly #run = randomUUID();
  #keys = 0;

  private constructor(options: ConformanceOptions, store: Backend) {
    this.options = options;
    this.ttl = options.ttl ?? 1000;
    this.patience = options.patience ?? 10_000;
    this.store = store;
    this.#hosts.push(store);
    process.on('unhandledRejection', this.#note);
    process.on('uncaughtExceptionMonitor', this.#note);
    process.on('warning', this.#note);
  }

  static async open(options: ConformanceOptions): Promise<World> {
    return new World(options, await options.open());
  }

  readonly #note = (wrong: unknown): void => {
    const { name = '' } = wrong instanceof Error ? wrong : {};
    // Experimental and deprecated things are the business of whoever uses them.
    if (name.endsWith('Warning') && name !== 'MaxListenersExceededWarning') return;
    this.#wrong.push(wrong);
  };

  /** What is missing for a case, in words; undefined if nothing is. */
  lacks(needs: Case['needs'] = []): string | undefined {
    for (const need of needs) {
      const [, no, what = ''] = /^(no )?(.*)$/.exec(need) ?? [];
      if (this.#has(what as Need) === (no === undefined)) continue;
      return no === undefined ? `without '${what}'` : `because of '${what}'`;
    }
    return undefined;
  }

  #has(need: Need): boolean {
    const { options, store } = this;
    const { supports } = store;
    if (need === 'wakes') return this.#has('watch') || this.#has('acquire');
    if (need === 'token') return supports.token !== 'none';
    if (need === 'durable') return supports.token === 'durable';
    if (need in supports) return supports[need as 'shared'];
    const sources: object[] = [store, options, options.faults ?? {}];
    return sources.some((source) => (source as Record<string, unknown>)[need] !== undefined);
  }

  get faults(): Faults {
    return this.options.faults ?? {};
  }

  /** Another client of the same store. */
  async host(): Promise<Backend> {
    const host = await this.options.open();
    this.#hosts.push(host);
    return host;
  }

  /** Two clients: most stories need no more. */
  async hosts(): Promise<[Backend, Backend]> {
    return [this.store, await this.host()];
  }

  /** One that nobody else uses. */
  key(kind: 'lock' | 'semaphore' = 'lock'): string {
    return `${kind}:${this.name()}`;
  }

  /** The same without a kind, as users say it. */
  name(): string {
    return `conformance ${this.#run} ${this.#keys++}`;
  }

  request(key: string, rest: Partial<BackendRequest> = {}): BackendRequest {
    return {
      key,
      id: newId(),
      shared: false,
      units: 1,
      permits: 1,
      ttl: LONG,
      waits: false,
      fifo: false,
      owner: undefined,
      signal: this.wish().signal,
      ...rest,
    };
  }

  /** To be aborted by the case; behind it, it is in any case, so that nobody waits for ever. */
  wish(): AbortController {
    const wish = new AbortController();
    this.#undo.push(() => wish.abort());
    return wish;
  }

  /** An answer of the store. */
  answer<T>(what: string, promise: PromiseLike<T>): Promise<T> {
    return within(this.patience, `the answer to ${what}`, promise);
  }

  async try(host: Backend, request: BackendRequest): Promise<Hold | null> {
    const sent = performance.now();
    const grant = await this.answer('tryAcquire', host.tryAcquire(request));
    if (request.waits) this.#undo.push(() => host.forget?.(request));
    return grant === null ? null : this.#hold(request, grant, sent);
  }

  #hold(request: BackendRequest, grant: Grant, sent: number): Hold {
    const hold = new Hold(this, request, grant, sent);
    this.#undo.push(() => grant.release());
    return hold;
  }

  /** Takes what is free. */
  async take(host: Backend, what: string | BackendRequest, rest?: Partial<BackendRequest>): Promise<Hold> {
    const request = typeof what === 'string' ? this.request(what, rest) : what;
    const hold = await this.try(host, request);
    assert.ok(hold, `'${request.key.slice(0, 100)}' can be had, so it is granted`);
    return hold;
  }

  /** Asks for what is not free: the answer is null, not an error. */
  async refused(host: Backend, what: string | BackendRequest, rest?: Partial<BackendRequest>): Promise<void> {
    const request = typeof what === 'string' ? this.request(what, rest) : what;
    const hold = await this.try(host, request).catch((error: unknown) => {
      assert.fail(
        `'${request.key.slice(0, 100)}' cannot be had now, and that is an answer, no error: ${say(error)}`,
      );
    });
    assert.equal(hold, null, `'${request.key.slice(0, 100)}' cannot be had now, so the answer is null`);
  }

  /** Waits for it, as the core does: where the store queues, there; else it watches, and tries after every change. */
  async wait(host: Backend, what: string | BackendRequest, rest?: Partial<BackendRequest>): Promise<Hold> {
    const request = typeof what === 'string' ? this.request(what, { waits: true, ...rest }) : what;
    return within(this.patience, `'${request.key.slice(0, 100)}' after a wait`, this.#wait(host, request));
  }

  async #wait(host: Backend, request: BackendRequest): Promise<Hold> {
    if (host.acquire !== undefined) {
      const sent = performance.now();
      return this.#hold(request, await host.acquire(request), sent);
    }
    const watch = await host.watch?.(request);
    if (watch !== undefined) this.#undo.push(() => watch.close());
    for (;;) {
      const hold = await this.try(host, request);
      if (hold === null) await (watch?.changed() ?? until(performance.now() + 5));
      else {
        watch?.close();
        return hold;
      }
    }
  }

  /** The same after something has happened to the store: it may need some time, and errors mean that nobody knows. */
  async again(host: Backend, what: string | BackendRequest): Promise<Hold> {
    const request = typeof what === 'string' ? this.request(what) : what;
    let why: unknown;
    return eventually(this.patience, `'${request.key}' after a fault (${String(why)})`, async () => {
      try {
        return (await this.try(host, request)) ?? undefined;
      } catch (error) {
        if (error instanceof LockError) throw error;
        why = error;
        return undefined;
      }
    });
  }

  /** Resolves when it is no longer there. */
  async lapse({ until: end, request: { key, id } }: Hold): Promise<void> {
    await until(end);
    const { store } = this;
    // Some stores look only now and then.
    if (store.inspect === undefined) return until(end + this.ttl + 1000);
    await eventually(this.patience, `the lapse of '${key}'`, async () => {
      const holders = await store.inspect?.(key);
      return holders?.every((holder) => holder.id !== id) === true ? true : undefined;
    });
  }

  /** Shows that nobody holds it. */
  async free(host: Backend, key: string, rest?: Partial<BackendRequest>): Promise<void> {
    const hold = await this.take(host, key, rest);
    await hold.release();
  }

  /** Asks to undo a request, where the store can. */
  async forget(host: Backend, request: BackendRequest): Promise<void> {
    if (host.forget !== undefined) await this.answer('forget', host.forget(request));
  }

  /** To be done behind the case, in any case. */
  afterwards(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  /** Gives back what the case has taken, and fails if something has gone wrong beside it. */
  async end(): Promise<void> {
    for (const undo of this.#undo.toReversed()) {
      // What is gone already, or cannot be reached any more, needs no undoing.
      await this.answer('what undoes it', Promise.resolve().then(undo)).catch(() => undefined);
    }
    for (const host of this.#hosts) await this.answer('close', host.close());
    await turn(2);
    process.off('unhandledRejection', this.#note);
    process.off('uncaughtExceptionMonitor', this.#note);
    process.off('warning', this.#note);
    const [wrong] = this.#wrong;
    if (wrong !== undefined)
      throw new Error(`something has gone wrong beside the case: ${say(wrong)}`, { cause: wrong });
  }
}

/** What was granted. */
export class Hold {
  readonly request: BackendRequest;
  readonly grant: Grant;
  /** When it was asked for, or last renewed, by performance.now(). */
  sent: number;
  #lasts: number;
  readonly #world: World;

  constructor(world: World, request: BackendRequest, grant: Grant, sent: number) {
    this.#world = world;
    this.request = request;
    this.grant = grant;
    this.sent = sent;
    this.#lasts = grant.lasts ?? request.ttl;
  }

  get token(): bigint {
    return this.grant.token;
  }

  /** Before this moment it has not lapsed. */
  get until(): number {
    return this.sent + this.#lasts;
  }

  release(): Promise<boolean> {
    return this.#world.answer('release', this.grant.release());
  }

  async renew(ttl: number): Promise<void> {
    assert.ok(this.grant.renew !== undefined, 'what lapses can be renewed');
    const sent = performance.now();
    await this.#world.answer('renew', this.grant.renew(ttl));
    [this.sent, this.#lasts] = [sent, ttl];
  }
}
