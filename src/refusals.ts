/** What a queue says to those who do not get what they want. */
import { LockDeadlockError, LockTimeoutError } from './errors.js';

/** What of a queue is told. */
interface Told {
  readonly kind: string;
  /** Its name, if it has one. */
  readonly key: string | undefined;
  /** What it is, if it has one. */
  readonly noun?: string;
  readonly capacity: number;
  readonly free: number;
  readonly length: number;
  readonly outer: { readonly others: string } | undefined;
  /** Who holds it, if that can be told. */
  readonly holders?: string | undefined;
  /** Of the grant to a task of this thread, if that can be told. */
  readonly note?: { readonly site: string | undefined } | undefined;
}

export function deadlock({ kind, key = kind, note }: Told): LockDeadlockError {
  const message =
    `waiting for ${kind} would never end: a task of this thread holds it${takenAt(note?.site)}, and could not release it ` +
    'while the thread is blocked. Use the asynchronous call here.';
  return new LockDeadlockError(message, { lock: key });
}

/** Of a call site that may be known. */
export function takenAt(site: string | undefined): string {
  return site === undefined ? '' : ` (taken at ${site})`;
}

/** `sought`: the name that the queue had when the wait began. */
export function timedOut(
  queue: Told,
  timeout: number,
  sought: string | undefined = queue.key,
): LockTimeoutError {
  const { kind, key, noun, length } = queue;
  const told = `timed out after ${timeout} ms waiting for`;
  // Nobody has used it any more since then, and it is another one's.
  if (sought !== undefined && sought !== key)
    return new LockTimeoutError(`${told} the ${noun} '${sought}'`, { lock: sought });
  const message = `${told} ${kind} (${stateOf(queue)}; others waiting: ${length})`;
  return new LockTimeoutError(message, { lock: key ?? kind });
}

function stateOf({ free, capacity, outer, holders }: Told): string {
  const held = capacity - free;
  if (holders !== undefined) return `held by ${holders}`;
  if (outer !== undefined && held === 0) return `held by ${outer.others}`;
  const state = free === 0 ? 'held' : `${held} held`;
  return outer === undefined || free === 0 ? state : `${state} by this thread`;
}
