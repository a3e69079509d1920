/**
 * A folder that is a lock: whoever makes it holds it, until he removes it or has not refreshed its time for too long.
 *
 * mkdir(2) tells makers apart, but rmdir(2) goes by the name: it removes whatever has that name now. So nothing is removed
 * here before it has been seen to be what it should be, and the last look is at a place where nobody else comes:
 *
 *   is it that one?      no -> left as it is
 *   rename to a name of our own      gone -> left
 *   is it that one?      no -> it gets its name back
 *   rmdir
 *
 * Which one it is, is told by its number and its time. The number of one that is ours cannot come again, because we have
 * it open; the time has some microseconds by chance, for file systems that do not keep it for us (NFS). It is refreshed by
 * what we have open, so another's is never touched.
 *
 * Whoever wants to remove a stale one must first make a second folder beside it, `x.lock.takeover`, so that two who have
 * both seen it do not take turns removing what is the other's by now. Nobody has that for more than a moment.
 */
import { randomInt, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';

/** Which one, and of when. */
export interface Mark {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

/** What has become of one that was ours. */
export type Found = 'ours' | 'gone' | 'taken' | 'touched';

export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** What is there, if anything is. */
export function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Its time, as ms since 1970. */
export function timeOf({ mtimeNs }: Mark): number {
  return Number(mtimeNs / 1_000_000n);
}

/** Removes that one; false if it is no longer there. */
function remove(path: string, mark: Mark): boolean {
  if (compare(look(path), mark) !== 'ours') return false;
  const away = `${path}.${randomUUID()}`;
  try {
    renameSync(path, away);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
  if (compare(look(away), mark) !== 'ours') {
    putBack(away, path);
    return false;
  }
  try {
    rmdirSync(away);
  } catch (error) {
    putBack(away, path);
    throw error;
  }
  return true;
}

function compare(found: Mark | undefined, mark: Mark): Found {
  if (found === undefined) return 'gone';
  if (found.ino !== mark.ino || found.dev !== mark.dev) return 'taken';
  return found.mtimeNs === mark.mtimeNs ? 'ours' : 'touched';
}

/** Unless somebody has come in meanwhile: then whose it is, finds out. */
function putBack(away: string, path: string): void {
  if (look(path) === undefined) renameSync(away, path);
  else rmdirSync(away);
}

/** Removes that one, which is stale, if nobody else is about to. False if it is still there, or another is. */
export function removeStale(path: string, mark: Mark, stale: number): boolean {
  const right = `${path}.takeover`;
  try {
    mkdirSync(right);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    // Whoever has made it has died within that moment.
    const other = look(right);
    if (other !== undefined && timeOf(other) < Date.now() - stale) remove(right, other);
    return false;
  }
  try {
    return remove(path, mark);
  } finally {
    rmdirSync(right);
  }
}

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** One that we have made. */
export class OwnFolder {
  readonly #path: string;
  readonly #fd: number;
  #mark: Mark;

  /** Makes it. Throws the system's error: EEXIST if there is one. */
  constructor(path: string) {
    mkdirSync(path);
    this.#path = path;
    this.#mark = lstatSync(path, { bigint: true });
    try {
      this.#fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      remove(path, this.#mark);
      throw error;
    }
  }

  /**
   * Sets its time to now. Returns by how many ms less the file system has it, if it does not take all times: for others it
   * is older by so much.
   */
  refresh(): number {
    const now = Date.now();
    const seconds = (now * 1000 + randomInt(1, 999)) / 1_000_000;
    futimesSync(this.#fd, seconds, seconds);
    this.#mark = fstatSync(this.#fd, { bigint: true });
    return Math.max(0, now - timeOf(this.#mark));
  }

  /** What has become of it. */
  find(): Found {
    return compare(look(this.#path), this.#mark);
  }

  /** Removes it if it is there; nothing else, whatever is there now. */
  remove(): void {
    remove(this.#path, this.#mark);
  }

  /** From now on it is nobody's, or another's. */
  close(): void {
    closeSync(this.#fd);
  }
}
