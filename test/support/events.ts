/**
 * What the history of a lock is made of.
 *
 *     request --> grant --> release           the usual way
 *     request --> timeout | abort             answered with no
 *     ... --> died                            logged before the kill: from here on nothing of this holder counts
 *
 * An actor (`who`) awaits at most one grant of a lock at a time; give each concurrent request its own. Nested holds
 * of one actor are holds like any other: record only the outermost of a re-entrant lock.
 */
export type Who = number | string;
export type Kind = 'request' | 'grant' | 'release' | 'timeout' | 'abort' | 'died';
/** A number is that many permits of a semaphore. */
export type Mode = 'exclusive' | 'shared' | number;

export interface LockEvent {
  /** The place in the one order of all events: a count or a time. At the same place ends come before grants. */
  readonly at: number;
  readonly kind: Kind;
  readonly who: Who;
  readonly lock: string;
  readonly mode: Mode;
  readonly token?: bigint;
}

/** The event in words. */
export const say: (event: LockEvent) => string = ({ kind, lock, mode, who, at, token }) =>
  `${kind} of '${lock}' (${typeof mode === 'number' ? `${mode} permits` : mode}` +
  `${token === undefined ? '' : `, token ${token}`}) by ${who} at ${at}`;

const rank: Record<Kind, number> = { release: 0, died: 0, timeout: 0, abort: 0, request: 1, grant: 2 };
/** The order of events. Between processes two can carry the same time; what is uncertain must not be reported. */
export const byPlace = (a: LockEvent, b: LockEvent): number => a.at - b.at || rank[a.kind] - rank[b.kind];
