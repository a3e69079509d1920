/**
 * This thread's side of one lock of proper-lockfile: a folder that it makes, refreshes and removes.
 *
 *   state   the folder                leaves by
 *   Free    another's, or none        tryTake(): it is made -> Held; a stale one is removed before
 *   Held    ours, and refreshed       release(): it is removed -> Free; or #lose() -> Lost
 *   Lost    whatever it is            release(): left as it is -> Free
 *
 * proper-lockfile decides when one is stale, refreshes ours by its timer and removes it when the process ends. But it goes
 * by the name: at its release it removes what may be somebody else's, and it tells a holder of his loss by his timer only.
 * So it makes its system calls through this: only what is ours is refreshed or removed (lock-folder.ts), and only while it
 * is Held.
 *
 * Invariants
 * - `#own` is there in Held and Lost, `#loss` in Lost.
 * - Held ends at the latest a margin before others may take it over, by two clocks (lease-clock.ts). It goes on with a
 *   refresh that was done before it would have ended; one that comes later does not count. No timer is needed for
 *   that: whoever asks for `lost` reads the clock.
 * - Once it is Lost it stays so, even if nobody has taken it over: somebody may have been told already.
 */
import { randomUUID } from 'node:crypto';
import { LockBackendError, LockLostError } from '../errors.js';
import { nobody } from '../nobody.js';
import { ago, earlier, msSince } from './lease-clock.js';
import { isSystemError, look, OwnFolder, removeStale, timeOf } from './lock-folder.js';
import type { Found, Mark } from './lock-folder.js';
import { explain } from './open-files.js';
import { loadPeer } from './proper-lockfile.js';
import type { Peer, PeerOptions } from './proper-lockfile.js';

type Why = Exclude<Found, 'ours'> | 'late';

export class FolderLease {
  /** Whether the one before was taken over: its holder has died, or stood still for too long. */
  tookOver = false;
  /** Is told once of a loss after `tryTake`; also from within `lost` and `confirm`. */
  onLost: ((loss: LockLostError) => void) | undefined = undefined;
  readonly #folder: string;
  readonly #stale: number;
  /** How long after a refresh it is ours. */
  readonly #limit: number;
  readonly #peer: Peer;
  readonly #key: string;
  readonly #options: PeerOptions;
  #own: OwnFolder | undefined = undefined;
  #loss: LockLostError | undefined = undefined;
  /** `tryTake` has said that it is ours. */
  #taken = false;
  /** The last refresh; the time that proper-lockfile believes to have set; why it could not since. */
  #since = ago(0);
  #stamp = new Date(0);
  #failure: unknown = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #release: (() => void) | undefined = undefined;
  /** A stranger's that was looked at. */
  #seen: Mark | undefined = undefined;

  constructor(folder: string, stale: number) {
    this.#peer = loadPeer();
    this.#folder = folder;
    this.#stale = stale;
    this.#limit = stale - Math.max(stale / 10, 250);
    // It keeps one of each key in a thread; this one is never that of other code which locks the same file.
    this.#key = `${folder}#${randomUUID()}`;
    this.#options = {
      fs: {
        mkdirSync: () => this.#make(),
        statSync: () => ({ mtime: this.#own === undefined ? this.#lookAtOther() : this.#lookAtOwn() }),
        utimesSync: (_path, _atime, mtime) => this.#refresh(mtime),
        rmdirSync: () => this.#remove(),
      },
      lockfilePath: folder,
      realpath: false,
      stale,
      update: stale / 3,
      // We know: it was told so by us.
      onCompromised: () => undefined,
    };
  }

  /** Whether what we took is no longer ours. Reads the clock. */
  get lost(): boolean {
    if (this.#own !== undefined && msSince(this.#since) > this.#limit) this.#lose('late');
    return this.#loss !== undefined;
  }

  /** Whether what we took is still ours. Reads the clock and asks the file system. */
  confirm(): boolean {
    try {
      this.#check();
    } catch {
      // It does not say; the clock does.
    }
    return this.#own !== undefined && this.#loss === undefined;
  }

  /** How long it is ours without another refresh, in ms. */
  get left(): number {
    return this.lost ? 0 : this.#limit - msSince(this.#since);
  }

  /** Makes the folder, unless somebody else has it. */
  tryTake(): boolean {
    this.tookOver = false;
    try {
      // Its timer is nobody's of those who may come to hold it.
      this.#release = nobody.runInAsyncScope(() => this.#peer.lockSync(this.#key, this.#options));
      // We may have stood still meanwhile.
      this.#taken = !this.lost;
    } catch (error) {
      // It fails, too, if it was lost before it was told that it is ours.
      if (this.#loss === undefined && !isSystemError(error, 'ELOCKED')) throw this.#explain(error);
    } finally {
      if (!this.#taken) this.release();
    }
    return this.#taken;
  }

  /** Removes the folder if it is still ours. */
  release(): void {
    const [own, release] = [this.#own, this.#release];
    this.#taken = false;
    try {
      release?.();
    } catch {
      // It has ended it before; or the file system does not do it now, and then it lapses when it is stale.
    }
    clearTimeout(this.#timer);
    this.#own = this.#release = this.#loss = this.#failure = undefined;
    own?.close();
  }

  #make(): void {
    const now = ago(0);
    const own = new OwnFolder(this.#folder);
    [this.#own, this.#since] = [own, now];
    this.#timer = setTimeout(() => void this.lost, this.#limit + 1).unref();
  }

  #lookAtOther(): Date {
    const found = look(this.#folder);
    if (found === undefined) throw gone();
    if (!found.isDirectory()) throw this.#noLock('it is no folder');
    this.#seen = found;
    return new Date(timeOf(found));
  }

  #lookAtOwn(): Date {
    this.#check();
    if (this.#loss !== undefined) throw gone();
    // It compares it with what it has set; we have compared more.
    return this.#stamp;
  }

  #check(): void {
    if (this.#own === undefined || this.lost) return;
    const found = this.#tried(() => this.#own?.find() ?? 'gone');
    if (found !== 'ours') this.#lose(found);
  }

  #refresh(mtime: Date): void {
    const own = this.#own;
    if (own === undefined || this.lost) throw gone();
    const now = ago(0);
    const short = this.#tried(() => own.refresh());
    if (this.lost) throw gone();
    this.#since = earlier(now, short);
    this.#stamp = mtime;
    this.#failure = undefined;
    this.#timer?.refresh();
  }

  #tried<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      this.#failure = error;
      if (isSystemError(error, 'ESTALE', 'ENOENT')) this.#lose('gone');
      throw error;
    }
  }

  #remove(): void {
    if (this.#own === undefined) {
      if (this.#seen !== undefined) this.tookOver = removeStale(this.#folder, this.#seen, this.#stale);
    } else if (!this.lost) {
      this.#own.remove();
    }
  }

  #lose(why: Why): void {
    if (this.#loss !== undefined) return;
    clearTimeout(this.#timer);
    const message = `the lock file '${this.#folder}' was lost: ${this.#explainLoss(why)}`;
    const cause = this.#failure === undefined ? {} : { cause: this.#failure };
    this.#loss = new LockLostError(message, { lock: this.#folder, ...cause });
    if (this.#taken) this.onLost?.(this.#loss);
  }

  #explainLoss(why: Why): string {
    if (why === 'late') {
      return (
        `it was not refreshed for ${Math.round(msSince(this.#since))} ms, because the process or its event loop stood ` +
        `still, or the file system did not answer; after ${this.#stale} ms others take it over. Do not block the ` +
        "thread while holding it, or let all programs have a longer 'stale'"
      );
    }
    const what = {
      gone: 'somebody has removed it',
      taken: 'somebody else has it now',
      touched: 'somebody has changed its time, or what is in it,',
    };
    return (
      `${what[why]} while we held it. See that nobody cleans up there, that all programs which use it have the same ` +
      "'stale', and that their clocks agree"
    );
  }

  #explain(error: unknown): LockBackendError {
    if (error instanceof LockBackendError) return error;
    if (isSystemError(error, 'ENOTEMPTY')) return this.#noLock('there is something in it', error);
    return explain(error, this.#folder, 'made');
  }

  #noLock(why: string, cause?: unknown): LockBackendError {
    const message = `'${this.#folder}' is no lock of proper-lockfile: ${why}. Remove it, or lock another path`;
    return new LockBackendError(message, { lock: this.#folder, ...(cause === undefined ? {} : { cause }) });
  }
}

/** What proper-lockfile takes for the end of ours, and for a reason to try a stranger's again. */
function gone(): Error {
  return Object.assign(new Error('the lock file is gone'), { code: 'ENOENT' });
}
