/** What a queue says to those who do not get what they want. */
import { LockDeadlockError, LockTimeoutError } from './errors.js';

/** What of a queue is told. */
interface Told {
  readonly kind: string;
  /** Its name, if it has one. */
  readonly key?: string;
  readonly capacity: number;
  readonly free: number;
  readonly length: number;
  readonly outer: { readonly others: string } | undefined;
  /** Who holds it, in this thread, if that is known. */
  readonly holders?: string;
}

export function deadlock({ kind, key = kind }: Told): LockDeadlockError {
  const message =
    `waiting for ${kind} would never end: a task of this thread holds it, and could not release it ` +
    'while the thread is blocked. Use the asynchronous call here.';
  return new LockDeadlockError(message, { lock: key });
}

export function timedOut(queue: Told, timeout: number): LockTimeoutError {
  const { kind, key = kind, length } = queue;
  const message = `timed out after ${timeout} ms waiting for ${kind} (${stateOf(queue)}; others waiting: ${length})`;
  return new LockTimeoutError(message, { lock: key });
}

function stateOf({ free, capacity, outer, holders }: Told): string {
  const held = capacity - free;
  if (outer !== undefined && held === 0) return `held by ${outer.others}`;
  const state = free === 0 ? 'held' : `${held} held`;
  if (holders !== undefined) return `${state} by ${holders}`;
  return outer === undefined || free === 0 ? state : `${state} by this thread`;
}
