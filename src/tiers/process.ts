/**
 * The tier of the processes of a host: a file of the lock folder (files/folder.ts) for each name, and the kernel's lock
 * on it; or, where these do not hold, a lock file beside it, which can be lost (files/lockfile.ts). Each grant that comes with the file gets a token of the folder, and the folder's page says who holds the file.
 *
 * Invariant: a hold is recorded after the file has been taken, and the record is cleared before the file is given back.
 */
import { configuration, revision } from '../config.js';
import type { LockLostError } from '../errors.js';
import { fileQueue, leaseQueue } from '../files/file-queue.js';
import type { FileQueue, LeaseQueue } from '../files/file-queue.js';
import { openFolder } from '../files/folder.js';
import type { Entry, Folder, Via } from '../files/folder.js';
import { LeasedFile } from '../files/lockfile.js';
import type { HolderRecord } from '../files/records.js';
import type { WaitOptions } from '../options.js';
import type { Outer } from '../outer.js';
import { BOUND } from '../outside.js';
import type { Bound } from '../outside.js';
import type { RWGuard } from '../rw-guard.js';
import type { Climbed, Tier } from './tier.js';

/** Where a name's file lies, and how it is locked. */
export interface ProcessTierOptions {
  readonly lockPath: string | undefined;
  readonly via: Via | undefined;
  /** The file is called so, in a folder with oslo.concurrency's way to name files; else after the name. */
  readonly osloFile?: string | undefined;
}

/** The folder that a path stands for, and how its locks are taken. */
interface Found {
  readonly folder: Folder;
  readonly via: Via;
}

let found = new Map<string, Found>();
let foundIn = revision;

/** To find a folder asks the system a lot; where it lies, and how its locks are taken, does not change. */
function find({ lockPath, via, osloFile }: ProcessTierOptions): Found {
  if (foundIn !== revision) found = new Map();
  foundIn = revision;
  const naming = osloFile === undefined ? 'tierlock' : 'oslo';
  const key = `${naming}:${via ?? ''}:${lockPath ?? ''}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const settings = configuration();
  const path = lockPath ?? settings.lockPath;
  const network = settings.network === true || (via ?? settings.via) === 'lockfile';
  const folder = openFolder(path === undefined ? { naming, network } : { naming, lockPath: path, network });
  const agreed = via ?? settings.via ?? folder.via ?? 'ofd';
  folder.agree(agreed);
  const now: Found = { folder, via: agreed };
  found.set(key, now);
  return now;
}

/** The folder that a path stands for. */
export function folderAt(options: ProcessTierOptions): Folder {
  return find(options).folder;
}

export class ProcessTier implements Tier {
  readonly name: string;
  readonly folder: Folder;
  readonly entry: Entry;
  readonly queue: FileQueue | LeaseQueue;
  readonly #options: ProcessTierOptions;
  readonly #revision = revision;

  constructor(name: string, options: ProcessTierOptions) {
    const { folder, via } = find(options);
    this.name = name;
    this.folder = folder;
    const { lockPath, via: asked, osloFile } = options;
    this.#options = { lockPath, via: asked, osloFile };
    this.entry = folder.entry('lock', options.osloFile ?? name);
    const { path } = this.entry;
    const kind = via === 'flock' ? via : 'ofd';
    this.queue = via === 'lockfile' ? leaseQueue(path) : fileQueue({ path, kind, start: 0, length: 0 });
  }

  /** Whether it is the tier for such options. Most callers have those of the last one. */
  suits(options: ProcessTierOptions): boolean {
    const { lockPath, via, osloFile } = this.#options;
    const same = options.lockPath === lockPath && options.via === via && options.osloFile === osloFile;
    if (same && this.#revision === revision) return true;
    return find(options).folder === this.folder && options.osloFile === osloFile;
  }

  tryTake(units: number, bound?: Bound): Climbed | null {
    const guard = this.queue.tryAcquire(units);
    return guard && this.#hold(guard, bound);
  }

  async take(units: number, wait: WaitOptions, bound?: Bound): Promise<Climbed> {
    return this.#hold(await this.queue.acquire(units, wait), bound);
  }

  takeSync(units: number, wait: WaitOptions, bound?: Bound): Climbed {
    return this.#hold(this.queue.acquireSync(units, wait), bound);
  }

  #hold(guard: RWGuard, bound: Bound | undefined): Climbed {
    const { outer } = this.queue;
    return outer instanceof LeasedFile
      ? new OnLease(this, guard, bound, outer)
      : new OnFile(this, guard, bound);
  }

  describeHolder(): string | undefined {
    const holder = this.entry.holder();
    if (holder === undefined) return undefined;
    if (holder === 'unknown') return 'another process';
    const { pid, thread, since, token } = holder;
    const where = thread === pid ? `process ${pid}` : `thread ${thread} of process ${pid}`;
    return `${where} since ${since.toISOString()}, token ${token}`;
  }
}

/** The file, held. */
class OnFile implements Climbed {
  readonly tier: ProcessTier;
  onLost: ((loss: LockLostError) => void) | undefined = undefined;
  readonly #guard: RWGuard;
  readonly #bound: Bound;
  #token: bigint;
  readonly #record: HolderRecord;
  #passes = 0;
  #since = 0;

  constructor(tier: ProcessTier, guard: RWGuard, bound: Bound = BOUND) {
    this.tier = tier;
    this.#guard = guard;
    this.#bound = bound;
    try {
      this.#token = tier.folder.nextToken();
      this.#record = tier.entry.record(guard.mode, this.#token);
    } catch (error) {
      guard.release();
      throw error;
    }
  }

  get token(): bigint {
    return this.#token;
  }

  // The kernel does not say whether others wait. So it is bounded always.
  mayPass(): boolean {
    const now = performance.now();
    if (this.#passes === 0) this.#since = now;
    return ++this.#passes < this.#bound.grants && now - this.#since < this.#bound.ms;
  }

  pass(): void {
    this.#token = this.tier.folder.nextToken();
    this.#rerecord();
  }

  #rerecord(): void {
    this.#record.renew(this.#guard.mode, this.#token);
  }

  release(polite: boolean = false): void {
    try {
      this.#record.clear();
    } finally {
      if (polite) (this.tier.queue.outer as Outer).stepAside?.();
      this.#guard.release();
    }
  }

  downgrade(): void {
    this.#guard.downgrade();
    this.#rerecord();
  }

  tryUpgrade(): boolean {
    if (this.#guard.tryUpgrade() === null) return false;
    this.#rerecord();
    return true;
  }
}

/** A lock file, held until it is released or lost. */
class OnLease extends OnFile {
  readonly #lease: LeasedFile;

  constructor(tier: ProcessTier, guard: RWGuard, bound: Bound | undefined, lease: LeasedFile) {
    super(tier, guard, bound);
    this.#lease = lease;
    lease.onLost = (loss) => this.onLost?.(loss);
  }

  override mayPass(): boolean {
    return this.#lease.passable && super.mayPass();
  }

  look(): boolean {
    return this.#lease.lost === undefined;
  }

  confirm(): void {
    this.#lease.confirm();
  }
}
