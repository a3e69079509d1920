/** A `LeasedFile`, or proper-lockfile without us, as the strategy of takers (taker.ts), and what else they do with it. */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { lock as plainLock, lockSync as plainLockSync } from 'proper-lockfile';
import type { LockLostError } from '../../src/errors.js';
import { ALL } from '../../src/files/kernel-file.js';
import { LeasedFile } from '../../src/files/lockfile.js';
import { control, SyncGuard } from '../../src/guard.js';
import { Queue } from '../../src/queue.js';
import type { WaitOptions } from '../../src/options.js';
import { spinUntil } from '../../src/testing/wait.js';

/** When others may take it over, in ms, if not told otherwise. */
const STALE = 10_000;

export interface Request extends WaitOptions {
  readonly path: string;
  readonly stale?: number;
  /** Without us. */
  readonly plain?: boolean;
  /** How it is taken. Default: without blocking. */
  readonly how?: 'sync' | 'try';
}

/** What a tier does with a `LeasedFile`: one queue, whose guards know of a loss. */
export class FileQueue {
  readonly file: LeasedFile;
  readonly queue: Queue<SyncGuard, LeasedFile> = new Queue('the lock file', ALL, SyncGuard);
  /** What its holders were told. */
  readonly losses: LockLostError[] = [];
  #holder: SyncGuard | undefined = undefined;

  constructor({ path, stale }: Request) {
    this.file = new LeasedFile(path, stale === undefined ? {} : { stale });
    this.file.onLost = (loss) => {
      this.losses.push(loss);
      if (this.#holder !== undefined) control.lose(this.#holder, loss);
    };
    this.queue.open(this.file);
  }

  tryTake(): Holding | null {
    return this.#hold(this.queue.tryAcquire(ALL));
  }

  takeSync(options?: WaitOptions): Holding {
    return this.#hold(this.queue.acquireSync(ALL, options)) as Holding;
  }

  async take(options?: WaitOptions): Promise<Holding> {
    return this.#hold(await this.queue.acquire(ALL, options)) as Holding;
  }

  #hold(guard: SyncGuard | null): Holding | null {
    if (guard === null) return null;
    this.#holder = guard;
    return new Holding(guard, this.file);
  }
}

/** A guard that looks before it speaks. */
export class Holding {
  readonly #guard: SyncGuard;
  readonly #file: LeasedFile;

  constructor(guard: SyncGuard, file: LeasedFile) {
    this.#guard = guard;
    this.#file = file;
  }

  get held(): boolean {
    return !this.#file.lost && this.#guard.held;
  }

  get recovered(): boolean {
    return this.#guard.recovered;
  }

  get signal(): AbortSignal {
    return this.#guard.signal;
  }

  release(): boolean {
    this.#file.confirm();
    return this.#guard.release();
  }
}

const queues = new Map<string, FileQueue>();
let latest: Holding | undefined;

function queueFor(request: Request): FileQueue {
  const key = `${request.path}:${request.stale}`;
  let queue = queues.get(key);
  if (queue === undefined) queues.set(key, (queue = new FileQueue(request)));
  return queue;
}

interface Held {
  release(): boolean | Promise<boolean>;
}

export async function take(request: Request): Promise<Held | null> {
  if (request.plain === true) return takePlain(request);
  const { how, timeout = Infinity } = request;
  const queue = queueFor(request);
  if (how === 'try') return keep(queue.tryTake());
  return keep(how === 'sync' ? queue.takeSync({ timeout }) : await queue.take({ timeout }));
}

function keep(holding: Holding | null): Holding | null {
  if (holding !== null) latest = holding;
  return holding;
}

const retries = {
  retries: 10,
  forever: true,
  factor: 1,
  minTimeout: 5,
  maxTimeout: 20,
  randomize: true,
};

async function takePlain({ path, stale = STALE, how }: Request): Promise<Held | null> {
  // What it does if not told otherwise would end the process.
  const options = { realpath: false, stale, onCompromised: () => undefined };
  if (how !== 'try') return settle(await plainLock(path, { ...options, retries }));
  try {
    return settle(plainLockSync(path, options));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return null;
    throw error;
  }
}

function settle(release: () => void | Promise<void>): Held {
  return {
    async release() {
      try {
        await release();
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** What can be told of the latest that was taken here. */
export interface State {
  readonly held: boolean;
  readonly recovered: boolean;
  readonly aborted: boolean;
  readonly losses: readonly string[];
}

export function state(request: Request): State {
  const holding = latest as Holding;
  // The first look.
  const { held } = holding;
  const losses = queueFor(request).losses.map(({ message }) => message);
  return { held, recovered: holding.recovered, aborted: holding.signal.aborted, losses };
}

/** Takes it, and blocks the thread until there is that file; then looks, and releases it in the same turn. */
export async function standStill(
  request: Request,
  file: string,
): Promise<{ state: State | undefined; released: boolean }> {
  const held = await take(request);
  writeFileSync(`${file}.began`, '');
  spinUntil(() => existsSync(file), { what: `there is ${file}`, timeoutMs: 20_000 });
  const seen = request.plain === true ? undefined : state(request);
  return { state: seen, released: (await held?.release()) === true };
}

export interface Count extends Request {
  /** A file with a number in it, which the lock protects. */
  readonly counter: string;
  readonly rounds: number;
}

/** Adds to the number under the lock, so often. */
export async function count(request: Count): Promise<void> {
  for (let i = 0; i < request.rounds; i++) {
    const held = await take(request);
    const number = Number(readFileSync(request.counter, 'utf8'));
    writeFileSync(request.counter, String(number + 1));
    await held?.release();
  }
}

/** Tries from that time on (Date.now) without a pause, as long as nobody has it. Keeps it; whether it was had. */
export async function rush(request: Request, from: number): Promise<boolean> {
  const folder = `${request.path}.lock`;
  while (Date.now() < from);
  let held: Held | null = null;
  do held = await take({ ...request, how: 'try' });
  while (held === null && (lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0) < from - STALE);
  rushed = held;
  return held !== null;
}

let rushed: Held | null = null;

export async function endRush(): Promise<void> {
  await rushed?.release();
  rushed = null;
}

/** For a worker: blocks, waiting for what is held. */
export function waitSync(_: number, { path, words }: Request & { readonly words: Int32Array }): void {
  Atomics.store(words, 0, 1);
  new FileQueue({ path }).takeSync();
  Atomics.store(words, 1, 1);
}
