/**
 * What is told of locks by name to whoever listens in this thread, by the channels of node:diagnostics_channel:
 *
 *   tracing:tierlock:acquire:start, end, asyncStart, asyncEnd, error   an `Acquisition`, the same object in all of them
 *   tierlock:release                                                   a `Release`
 *   tierlock:lost                                                      a `Loss`
 *   tierlock:recovered                                                 a `Recovery`
 *   tierlock:degraded                                                  see degraded.ts
 *
 * Invariants
 * - While nobody listens no message is made.
 * - No message has a guard: whoever listens cannot give back what others hold.
 * - A release, a loss or a death is told when all words say so already: whoever listens may take locks.
 */
import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { Channel, TracingChannel } from 'node:diagnostics_channel';
import type { LockLostError } from './errors.js';

/**
 * What every message says: of which lock, and how it was asked for. A number is that many permits of a semaphore.
 *
 * @example
 * import type { Told } from 'tierlock';
 *
 * const say = ({ kind, name, mode }: Told): string => `${kind} ${name}: ${mode}`;
 * console.log(say({ name: 'downloads', kind: 'semaphore', mode: 3 })); // semaphore downloads: 3
 */
export interface Told {
  /** The prefix and the name. */
  readonly name: string;
  readonly kind: 'lock' | 'semaphore';
  readonly mode: 'exclusive' | 'shared' | number;
}

/**
 * Where something is held.
 *
 * @example
 * import type { TierName } from 'tierlock';
 *
 * const highest: TierName = 'distributed';
 * console.log(highest); // distributed
 */
export type TierName = 'thread' | 'process' | 'distributed';

/**
 * Somebody asks for a lock: one object for all channels of `tierlock:acquire`, which knows more at the end.
 *
 * @example
 * import { tracingChannel } from 'node:diagnostics_channel';
 * import { lock } from 'tierlock';
 * import type { Acquisition } from 'tierlock';
 *
 * const tell = (message: unknown): void => {
 *   const { name, tiers, token, error } = message as Acquisition;
 *   console.log(name, tiers.join(), token !== undefined, error); // orders thread true undefined
 * };
 * tracingChannel('tierlock:acquire').asyncEnd.subscribe(tell);
 * await (await lock('orders')).release();
 */
export interface Acquisition extends Told {
  /** Those that were asked for; after the grant, those that are held. */
  readonly tiers: readonly TierName[];
  /** After the grant: whether it was let in again beside itself. Then no release will be told. */
  readonly nested: boolean;
  /** After the grant: how long it took, in ms. */
  readonly waited: number | undefined;
  /** After the grant: that of the guard. Undefined for good if a try has found the lock taken. */
  readonly token: bigint | undefined;
  /** Why it was not granted: a `LockError`, or the reason of the signal. */
  readonly error?: unknown;
}

/**
 * A lock has been given back, or has gone on to the next task of the thread.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * import { lock } from 'tierlock';
 * import type { Release } from 'tierlock';
 *
 * subscribe('tierlock:release', (message) => {
 *   const { name, held } = message as Release;
 *   console.log(name, held < 1000); // orders true
 * });
 * await lock('orders', async () => undefined);
 */
export interface Release extends Told {
  readonly tiers: readonly TierName[];
  readonly token: bigint;
  /** For how long it was held, in ms: as long as nobody else could have it. */
  readonly held: number;
}

/**
 * A lock was lost, or taken away, while it was held.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * import { breakLock, lock } from 'tierlock';
 * import type { Loss } from 'tierlock';
 *
 * subscribe('tierlock:lost', (message) => {
 *   const { name, cause } = message as Loss;
 *   console.log(name, cause.code); // orders ERR_LOCK_LOST
 * });
 * await lock('orders');
 * await breakLock('orders');
 */
export interface Loss extends Told {
  readonly token: bigint;
  /** How. */
  readonly cause: LockLostError;
}

/**
 * A lock was granted whose last holder, a thread, has died holding it: what it protects may be half-written. If that
 * grant is not for good, because a tier above could not be had, the next one is told again.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * import type { Recovery } from 'tierlock';
 *
 * subscribe('tierlock:recovered', (message) => console.log((message as Recovery).name));
 */
export interface Recovery extends Told {}

/** What is known of a grant if somebody watches: see watched.ts. */
export interface Note {
  /** By Date.now(), and by performance.now(). */
  readonly since: number;
  readonly granted: number;
  readonly tiers: readonly TierName[];
  /** Where it was asked for, in the program. */
  readonly site: string | undefined;
  /** It is about to be given back. */
  end(): void;
}

export const acquiring: TracingChannel<unknown, Acquisition> = tracingChannel('tierlock:acquire');
export const releasing: Channel = channel('tierlock:release');
const losing: Channel = channel('tierlock:lost');
const recovering: Channel = channel('tierlock:recovered');

/** A hold (hold.ts), as far as it is told. */
interface Held {
  readonly name: string;
  readonly noun: string;
  readonly mode: 'exclusive' | 'shared';
  readonly units: number;
  readonly token: bigint;
}

function toldOf({ name, noun, mode, units }: Held): Told {
  return noun === 'lock' ? { name, kind: 'lock', mode } : { name, kind: 'semaphore', mode: units };
}

/** It was asked for in these tiers, and granted at that moment of performance.now(). */
export function tellRelease(hold: Held, tiers: readonly TierName[], granted: number): void {
  if (!releasing.hasSubscribers) return;
  const message: Release = {
    ...toldOf(hold),
    tiers,
    token: hold.token,
    held: performance.now() - granted,
  };
  releasing.publish(message);
}

export function tellLoss(hold: Held, cause: LockLostError): void {
  if (!losing.hasSubscribers) return;
  const message: Loss = { ...toldOf(hold), token: hold.token, cause };
  losing.publish(message);
}

export function tellRecovery(hold: Held): void {
  if (recovering.hasSubscribers) recovering.publish(toldOf(hold) satisfies Recovery);
}
