/**
 * What the author of a driver reads: the contract between a store and the core. A store keeps, for each key, a record of
 * who holds it, under the id of the acquisition, for a time to live (ttl) that is counted by the store's own clock. It
 * knows nothing of timeouts, retries, renewal, loss or hand-over: these live once, in acquire.ts and lease.ts.
 *
 * Rules that every store keeps, and the conformance suite checks:
 * - An answer is the truth at some moment between the call and its settling. Contention is an answer (null), no error.
 * - The same id is the same acquisition: asked again, it is granted again (with the same token), never counted twice.
 * - Only the id that holds something gives it back, or makes it last. A late one frees nobody.
 * - A `LockError` that is thrown says: nothing was taken, and to ask again would not help (wrong password, not supported).
 *   Any other error says: nobody knows. The core then asks again with the same id, and in the end calls `forget`.
 * - No call waits longer than the store takes to answer, but for `acquire` and `changed`. A call that is never answered
 *   may stay pending for ever: the core does not wait for it.
 * - Nothing that happens between calls (a broken connection, a timer) is an unhandled rejection or 'error' event.
 */

/**
 * What a store can do. What it cannot is refused by the core before it is asked.
 *
 * @example
 * import { connect } from 'tierlock';
 * import type { Supports } from 'tierlock';
 *
 * await using store = connect('memory:');
 * const supports: Supports = store.supports;
 * console.log(supports.shared, supports.token); // true volatile
 */
export interface Supports {
  /** Readers beside readers. */
  readonly shared: boolean;
  /** More than one permit of a key. */
  readonly permits: boolean;
  /** Strict order of arrival, if it is asked for. */
  readonly fifo: boolean;
  /** Counts those who present the same owner. */
  readonly owner: boolean;
  /** Whether what is taken lapses a ttl after it was last renewed. If not, it ends with a session or a process. */
  readonly ttl: boolean;
  /** Whether tokens go on growing over a restart of the store, only as long as it runs, or there are none (0n). */
  readonly token: 'durable' | 'volatile' | 'none';
}

/**
 * One acquisition, as a store sees it. It may be asked for several times: it stays the same object.
 *
 * @example
 * import type { Backend, BackendRequest } from 'tierlock';
 *
 * const asks = (store: Backend, request: BackendRequest) => store.tryAcquire(request);
 * console.log(asks.length); // 2
 */
export interface BackendRequest {
  /** The kind, a colon, then prefix and name: `lock:orders`. Any text, of any length. */
  readonly key: string;
  /** Unique among all acquisitions of all hosts. Says who it is, too: see `participantOf`. */
  readonly id: string;
  /** A reader: beside others who share. */
  readonly shared: boolean;
  /** How many permits are wanted. 1 of a lock. */
  readonly units: number;
  /** How many permits the key has, in all. 1 of a lock. A record that says otherwise is a `LockMisuseError`. */
  readonly permits: number;
  /** How long the record lasts unless it is renewed, in ms. */
  readonly ttl: number;
  /**
   * Somebody waits for it, so it is asked for again until it is granted or forgotten: the store may give it a place in a
   * queue. If not, it is asked for once, and leaves nothing behind when the answer is null.
   */
  readonly waits: boolean;
  /** Of one that waits: in strict order of arrival, from the first try on. */
  readonly fifo: boolean;
  /** Who presents the same owner as a holder is let in beside him. */
  readonly owner: string | undefined;
  /** Aborts when nobody wants it any more. */
  readonly signal: AbortSignal;
}

/**
 * What a store has granted.
 *
 * @example
 * import type { Grant } from 'tierlock';
 *
 * const nothing: Grant = { token: 0n, release: async () => true };
 * console.log(nothing.token); // 0n
 */
export interface Grant {
  /** Grows with every grant of the key. The same for those whom the same owner lets in. */
  readonly token: bigint;
  /**
   * How long it surely lasts from the moment when the request was sent, in ms; `ttl`, if it does not say. For records
   * that hang on something older than the request.
   */
  readonly lasts?: number;
  /**
   * Makes it last for so long from now on, in ms. Rejects with a `LockLostError` if it is not there any more; any other
   * error says that nobody knows. Without it, it lasts until it is released or `lost`.
   */
  renew?(ttl: number): Promise<void>;
  /** Gives it back. Whether it was still there. Asked again after an error, it may say false. */
  release(): Promise<boolean>;
  /** Aborts as soon as the store says by itself that it is gone. */
  readonly lost?: AbortSignal;
}

/**
 * A subscription to what happens to a key.
 *
 * @example
 * import type { Watch } from 'tierlock';
 *
 * const silent: Watch = { changed: () => new Promise(() => {}), close: () => {} };
 * silent.close();
 */
export interface Watch {
  /**
   * Resolves when something has happened to the key since the last call of it (or since `watch` resolved) that may make
   * another try worth while, or the store cannot tell; also when a record is due to lapse. Never rejects.
   */
  changed(): Promise<void>;
  /** Ends it. A pending `changed` may stay pending. */
  close(): void;
}

/**
 * Somebody who holds something in a store.
 *
 * @example
 * import { connect, lock } from 'tierlock';
 * import type { StoreHolder } from 'tierlock';
 *
 * await using store = connect('memory:');
 * await using guard = await lock('orders', { distributed: store });
 * const holders: StoreHolder[] = (await store.inspect?.('lock:orders')) ?? [];
 * console.log(holders.length, holders[0]?.shared); // 1 false
 */
export interface StoreHolder {
  /** Of the request. */
  readonly id: string;
  readonly token: bigint;
  readonly shared: boolean;
  readonly units: number;
  /** How long it lasts without renewal, in ms, if the store says. */
  readonly left: number | undefined;
}

/**
 * A store of locks.
 *
 * @example
 * import { connect, lock } from 'tierlock';
 * import type { Backend } from 'tierlock';
 *
 * await using store: Backend = connect('memory:');
 * await using guard = await lock('orders', { distributed: store });
 * console.log(store.name, guard.held); // memory true
 */
export interface Backend extends AsyncDisposable {
  /** What it is, in an error's words: `redis`. */
  readonly name: string;
  readonly supports: Supports;
  /** Takes it if that is possible now. */
  tryAcquire(request: BackendRequest): Promise<Grant | null>;
  /** Waits for it, where the store itself queues those who wait. The request's signal ends the wait. */
  acquire?(request: BackendRequest): Promise<Grant>;
  /** Resolves once subscribed: what happens afterwards is told. */
  watch?(request: BackendRequest): Promise<Watch>;
  /**
   * Undoes what a request may have taken, its place in a queue too. Nothing happens if it has taken nothing. It is not
   * asked for any more afterwards; what was asked before may still be on its way.
   */
  forget?(request: BackendRequest): Promise<void>;
  /** Who holds the key. */
  inspect?(key: string): Promise<StoreHolder[]>;
  /** Takes the key away from whoever holds it: he learns of it at his next renewal. Whether anybody held it. */
  break?(key: string): Promise<boolean>;
  /** The keys that begin so and are held. */
  list?(prefix: string): Promise<string[]>;
  /** Ends what it has opened; nothing of what the user gave it. What is held lapses. */
  close(): Promise<void>;
}
