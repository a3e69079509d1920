/**
 * How the program ends, and why: the numbers are those of flock(1) and of BSD's sysexits.h where these have one.
 */
import { constants } from 'node:os';
import { LockBackendError, LockError, LockLostError, LockTimeoutError } from '../errors.js';

export const Exit = {
  Ok: 0,
  /** The answer is no: the lock is somebody else's, nobody holds the name, a check has failed. */
  No: 1,
  /** The command line makes no sense. */
  Usage: 64,
  /** What was to be run could not be started. flock(1) says so, too. */
  NotStarted: 69,
  /** A mistake in this program. */
  Bug: 70,
  /** The folder or the store cannot be used. */
  Unusable: 74,
  /** `hold` did not get the lock in time. */
  Timeout: 75,
  /** The lock was lost while it was held. */
  Lost: 76,
  /** Something is missing here, or settings contradict each other. */
  Impossible: 78,
} as const;

/** An exit code, or the signal that ends the program. */
export type Ended = number | NodeJS.Signals;

/** The exit code of an error; undefined if nobody has foreseen it. */
export function exitOf(error: unknown): number | undefined {
  if (error instanceof LockTimeoutError) return Exit.No;
  if (error instanceof LockLostError) return Exit.Lost;
  if (error instanceof LockBackendError) return Exit.Unusable;
  return error instanceof LockError ? Exit.Impossible : undefined;
}

/** What a shell has in `$?` of a program that was ended by a signal. */
export function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Ends this process. By a signal it ends itself, so that whoever has started it sees what has happened. */
export function end(ended: Ended): never {
  if (typeof ended === 'number') process.exit(ended);
  process.removeAllListeners(ended);
  process.kill(process.pid, ended);
  // The first process of a container is not ended so.
  process.exit(codeOf(ended));
}
