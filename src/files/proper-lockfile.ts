/**
 * The package proper-lockfile, an optional peer: loaded when it is first needed. Its lock of a file is a folder beside it,
 * which whoever makes it has to refresh; others take it over when it is stale.
 *
 * It lets us do its system calls for it. That is how ours differs: see lockfile.ts.
 */
import { createRequire } from 'node:module';
import { LockUnsupportedError } from '../errors.js';

/** The system calls it makes; all else it leaves alone. Errors have the system's codes. */
export interface LockSystem {
  mkdirSync(path: string): void;
  statSync(path: string): { readonly mtime: Date };
  utimesSync(path: string, atime: Date, mtime: Date): void;
  /** At the release, at the end of the process, and of a stale one before it tries again. */
  rmdirSync(path: string): void;
}

export interface PeerOptions {
  readonly fs: LockSystem;
  /** The folder. */
  readonly lockfilePath: string;
  /** Whether to resolve symbolic links. */
  readonly realpath: boolean;
  /** When others may take it over, in ms; at least 2000. */
  readonly stale: number;
  /** How often to refresh it, in ms; at least 1000, at most half of `stale`. */
  readonly update: number;
  /** Refreshing has ended. */
  readonly onCompromised: (error: Error) => void;
}

/** What we use of it. */
export interface Peer {
  /**
   * Makes the folder, or throws an error with the code ELOCKED; refreshes it from then on, by a timer that does not keep
   * the event loop alive. Returns what ends that and removes the folder. `key` is what it calls the lock among its own.
   */
  lockSync(key: string, options: PeerOptions): () => void;
}

const require = createRequire(import.meta.url);
let peer: Peer | undefined;

/** The package, or a `LockUnsupportedError` that says how to get it. */
export function loadPeer(): Peer {
  try {
    return (peer ??= require('proper-lockfile') as Peer);
  } catch (error) {
    const message =
      `locks by lock files need the package proper-lockfile, which cannot be loaded (${firstLine(error)}): ` +
      'npm install proper-lockfile';
    throw new LockUnsupportedError(message, { lock: 'proper-lockfile', cause: error });
  }
}

// What follows is where it was asked for.
function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0] ?? '';
}
