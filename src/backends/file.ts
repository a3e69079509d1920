/**
 * The tier of the processes of a host (tiers/process.ts) behind the contract of the stores: a store that needs no server.
 *
 * A key is the name of a lock, after `lock:`, and its file is that which `lock(name, { external: true })` locks in the same
 * folder: one key has one record, whoever locks it by whichever tier. So nobody may ask for both tiers in one folder: he
 * would wait for himself.
 *
 * Who waits does so in this thread's queue for the file, and the first of it in the kernel. Nothing lapses: the kernel
 * gives a file back when its process ends, and takes it from no one who lives.
 *
 * Invariants
 * - An id holds its file once in this thread, whichever client asks.
 * - What a client has taken ends with its `close`, and its holders are told (`lost`).
 */
import { existsSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Backend, BackendRequest, Grant, StoreHolder, Supports } from '../backend.js';
import { LockBackendError, LockLostError, LockUnsupportedError } from '../errors.js';
import { ALL, KernelFile } from '../files/kernel-file.js';
import { folderAt, ProcessTier } from '../tiers/process.js';
import type { Holder } from '../files/records.js';
import type { Climbed } from '../tiers/tier.js';
import { threadId } from '../words/thread.js';
import { shows } from '../shown.js';

/** What this thread holds by any client, by the path of the file and the id. */
const held = new Map<string, Map<string, FileGrant>>();

const KIND = 'lock:';

/** The locks of a folder; without one, those that `lock()` has, too: see `configure`. */
export function file(lockPath?: string): Backend {
  return new FileBackend(lockPath);
}

/** The folder of such a store. */
export function folderOf(store: Backend): string | undefined {
  return store instanceof FileBackend ? store.folder : undefined;
}

class FileBackend implements Backend {
  static {
    shows(this, (store) => ({ folder: store.folder, closed: store.#closed, held: store.#grants.size }));
  }

  readonly name = 'file';
  readonly supports: Supports = {
    shared: true,
    permits: false,
    fifo: false,
    owner: false,
    ttl: false,
    token: 'durable',
  };
  readonly #lockPath: string | undefined;
  readonly #grants: Set<FileGrant> = new Set();
  readonly #waits: Map<string, Wait> = new Map();
  #closed = false;

  constructor(lockPath: string | undefined) {
    this.#lockPath = lockPath;
  }

  get folder(): string {
    return folderAt({ lockPath: this.#lockPath, via: undefined }).path;
  }

  async tryAcquire(request: BackendRequest): Promise<Grant | null> {
    const tier = this.#tier(request.key);
    const known = held.get(tier.entry.path)?.get(request.id);
    if (known !== undefined) return known;
    const climbed = tier.tryTake(unitsOf(request));
    return climbed && this.#grant(tier, climbed, request);
  }

  acquire(request: BackendRequest): Promise<Grant> {
    const waiting = this.#waits.get(request.id);
    if (waiting !== undefined) return waiting.granted;
    const over = new AbortController();
    const granted = this.#wait(request, over).finally(() => this.#waits.delete(request.id));
    this.#waits.set(request.id, { over, granted });
    return granted;
  }

  async #wait(request: BackendRequest, over: AbortController): Promise<Grant> {
    const tier = this.#tier(request.key);
    const known = held.get(tier.entry.path)?.get(request.id);
    if (known !== undefined) return known;
    const abort = (): void => over.abort(request.signal.reason);
    if (request.signal.aborted) abort();
    request.signal.addEventListener('abort', abort, { once: true });
    try {
      const climbed = await tier.take(unitsOf(request), { signal: over.signal });
      if (!over.signal.aborted) return this.#grant(tier, climbed, request);
      await climbed.release();
      throw over.signal.reason;
    } finally {
      request.signal.removeEventListener('abort', abort);
    }
  }

  #tier(key: string): ProcessTier {
    if (this.#closed) throw closed(key);
    if (!key.startsWith(KIND)) {
      const message = `files are for locks alone, so '${key}' needs another store; or, within one host, a Semaphore in a file of its own`;
      throw new LockUnsupportedError(message, { lock: key });
    }
    return this.#look(key);
  }

  #look(key: string): ProcessTier {
    return new ProcessTier(key.slice(KIND.length), { lockPath: this.#lockPath, via: undefined });
  }

  #grant(tier: ProcessTier, climbed: Climbed, request: BackendRequest): FileGrant {
    const { path } = tier.entry;
    const grant: FileGrant = new FileGrant(request, climbed, () => {
      this.#grants.delete(grant);
      const others = held.get(path);
      others?.delete(request.id);
      if (others?.size === 0) held.delete(path);
    });
    this.#grants.add(grant);
    const here = held.get(path) ?? new Map<string, FileGrant>();
    held.set(path, here.set(request.id, grant));
    return grant;
  }

  async forget({ key, id }: BackendRequest): Promise<void> {
    this.#waits.get(id)?.over.abort(new LockBackendError('it was forgotten', { lock: key }));
    for (const grant of this.#grants) if (grant.request.id === id) await grant.release();
  }

  async inspect(key: string): Promise<StoreHolder[]> {
    if (!key.startsWith(KIND)) return [];
    const tier = this.#look(key);
    const own = Array.from(held.get(tier.entry.path)?.values() ?? [], holderOf);
    const found = tier.entry.holders();
    if (found.length === 0) {
      const nobody = tier.entry.holder() === undefined && !isLocked(tier);
      return own.length > 0 || nobody ? own : [unknown];
    }
    const others = found.filter(({ pid, thread }) => pid !== process.pid || thread !== threadId);
    return [...own, ...(own.length > 0 ? others : found).map(recordedIn)];
  }

  /** What the kernel has given to a process that lives, it takes from nobody. */
  async break(key: string): Promise<boolean> {
    if (!key.startsWith(KIND) || (await this.inspect(key)).length === 0) return false;
    const { entry } = this.#look(key);
    const found = held.has(entry.path) ? { pid: process.pid } : entry.holder();
    const who = found === undefined || found === 'unknown' ? 'a process' : `process ${found.pid}`;
    const message =
      `'${key}' cannot be taken from ${who}, because the kernel gives a lock on a file back only when its process does, or ` +
      'ends: stop that process';
    throw new LockUnsupportedError(message, { lock: key });
  }

  /** Those that this thread holds, and others whose names can be read from their files: not the very long ones. */
  async list(prefix: string): Promise<string[]> {
    const folder = folderAt({ lockPath: this.#lockPath, via: undefined });
    const keys = new Set<string>();
    for (const grants of held.values())
      for (const { request, folder: where } of grants.values())
        if (where === folder.path) keys.add(request.key);
    for (const name of readdirSync(folder.path)) {
      const named = folder.nameOf(name);
      if (named?.kind !== 'lock' || !named.complete) continue;
      const key = KIND + named.key;
      if (!keys.has(key) && key.startsWith(prefix) && folder.entry('lock', named.key).holder() !== undefined)
        keys.add(key);
    }
    return [...keys].filter((key) => key.startsWith(prefix));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const [id, { over }] of this.#waits) over.abort(closed(id));
    for (const grant of this.#grants) grant.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One that waits. */
interface Wait {
  readonly over: AbortController;
  readonly granted: Promise<Grant>;
}

class FileGrant implements Grant {
  readonly token: bigint;
  readonly request: BackendRequest;
  /** Where its file is. */
  readonly folder: string;
  readonly #lost: AbortController = new AbortController();
  readonly #climbed: Climbed;
  readonly #over: () => void;
  #held = true;

  constructor(request: BackendRequest, climbed: Climbed, over: () => void) {
    this.request = request;
    this.token = climbed.token;
    this.folder = (climbed.tier as ProcessTier).folder.path;
    this.#climbed = climbed;
    this.#over = over;
    // Of a folder whose locks are not the kernel's.
    climbed.onLost = (loss) => this.#lost.abort(loss);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async release(): Promise<boolean> {
    return this.#release();
  }

  /** Its client is closed. */
  end(): void {
    this.#release();
    const { key } = this.request;
    this.#lost.abort(new LockLostError(`the store was closed while it held '${key}'`, { lock: key }));
  }

  #release(): boolean {
    if (!this.#held) return false;
    this.#held = false;
    this.#over();
    void this.#climbed.release();
    return !this.#lost.signal.aborted;
  }
}

function unitsOf({ shared }: BackendRequest): number {
  return shared ? 1 : ALL;
}

/** Whether anybody holds it, be it without a record: who does not use this package writes none. Of flock nobody can tell. */
function isLocked({ entry, queue }: ProcessTier): boolean {
  const { outer } = queue;
  if (queue.free < queue.capacity) return true;
  return (
    outer instanceof KernelFile && outer.kind === 'ofd' && existsSync(entry.path) && outer.holder() !== 0
  );
}

function recordedIn({ pid, thread, since, mode, token }: Holder): StoreHolder {
  // As an id of ours would be, but it is that of no request.
  const id = [encodeURIComponent(hostname()), pid, thread, `since-${since.getTime()}`, 'file'].join('/');
  return { id, token, shared: mode === 'shared', units: 1, left: undefined };
}

function holderOf({ request: { id, shared }, token }: FileGrant): StoreHolder {
  return { id, token, shared, units: 1, left: undefined };
}

/** Somebody who is just about to say who he is, or never does. */
const unknown: StoreHolder = { id: 'unknown', token: 0n, shared: false, units: 1, left: undefined };

function closed(key: string): LockBackendError {
  return new LockBackendError('the store was closed: connect again', { lock: key });
}
