/**
 * What a peer must be able to do to take part in the `async` group. An adapter writes each of these out in the
 * peer's own fastest form, loops included: a common `acquire(): () => void` around all of them would cost more
 * than the fastest ones do.
 *
 * Every critical section counts itself in `tally`. So the work cannot be dropped, and a case can check that
 * nobody got in before the release and that everybody had been in when the last one was done.
 */
export const tally: { entered: number } = { entered: 0 };

/** The critical section, for peers that take it as a callback. */
export function enter(): void {
  tally.entered++;
}

export interface Contestant {
  /** Takes the free lock and gives it back, `n` times. */
  readonly loop?: (n: number) => Promise<void>;
  /** Takes the lock; the result gives it back. */
  readonly hold?: () => Promise<() => void>;
  /** One waiter: queues, is granted, counts itself, releases. */
  readonly task?: () => Promise<void>;
  /** One waiter that gives up after `ms`; fulfils when it has. */
  readonly expire?: (ms: number) => Promise<void>;
}

/** What each adapter module exports: its contestants by the name they have in the tables. */
export type Contestants = Readonly<Record<string, Contestant>>;
