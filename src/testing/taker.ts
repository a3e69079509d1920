/**
 * A process of its own that takes a lock, reports, and dies on command: by its name, or by a module of the test's own.
 *
 * The module exports `take(request)`, which resolves to `{ release(), token? }` or to null. A child's error comes back
 * as a rejection with the child's stack. Children end with their parent, however it ends: see taker-main.ts. Only one
 * that is stopped (SIGSTOP) while the parent is killed stays, as a stopped process can do nothing at all.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Socket } from 'node:net';
import { hasStopped } from './process-state.js';
import { fromWire, openCall, START, type Call, type Command, type ToParent } from './taker-protocol.js';
import { waitUntil, within } from './wait.js';

/**
 * What a taker has got.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 * import type { Acquired } from 'tierlock/testing';
 *
 * await using taker = await spawnTaker();
 * const acquired: Acquired | null = await taker.take({ name: 'orders' }).acquired;
 * console.log(typeof acquired?.token, (acquired?.at ?? 0n) <= process.hrtime.bigint()); // bigint true
 */
export interface Acquired {
  /** When the take had returned in the child: process.hrtime.bigint(), one clock for the whole host. */
  readonly at: bigint;
  readonly token?: bigint;
}

/**
 * A lock that a taker was told to take.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 * import type { Take } from 'tierlock/testing';
 *
 * await using taker = await spawnTaker();
 * await taker.take({ name: 'orders' }).acquired;
 * const second: Take = taker.take({ name: 'orders' });
 * await second.mustBlock();
 * console.log('it blocks'); // it blocks
 */
export interface Take {
  /** Null if the strategy gave up. Rejects if it failed, or the child ended before. */
  readonly acquired: Promise<Acquired | null>;
  /**
   * Fails unless the take still blocks. The child has called `take` and got its promise; then, `rounds` times, it
   * answers from its event loop, after all ready tasks and a job of its thread pool. One channel brings both kinds of
   * report in order, so an acquisition that the child knew of before its last answer is known here too.
   *
   * This proves: up to that answer the child was not granted the lock, although it had asked and its loop ran freely.
   * It does not prove that the request has already arrived where the queue is, if it still travels through another
   * process, a server or a native thread: where that matters, wait first (waitUntil) for a trace of it there. Nor that
   * the grant will not come in the next moment: only the reason why it cannot (somebody holds it) proves that.
   */
  mustBlock(options?: { rounds?: number; timeoutMs?: number }): Promise<void>;
  release(): Promise<boolean>;
}

/**
 * How a process ended.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 * import type { End } from 'tierlock/testing';
 *
 * const taker = await spawnTaker();
 * const end: End = await taker.kill();
 * console.log(end.signal); // SIGKILL
 */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * How a taker is started.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 * import type { TakerOptions } from 'tierlock/testing';
 *
 * const options: TakerOptions = { env: { TZ: 'UTC' }, timeoutMs: 5000 };
 * await using taker = await spawnTaker(undefined, options);
 * console.log(taker.pid !== process.pid); // true
 */
export interface TakerOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly execArgv?: readonly string[];
  /** A program that becomes the process: ['setpriv', '--reuid=1'] for example. */
  readonly by?: readonly [program: string, ...args: string[]];
  /** No answer to a command takes longer; a test that would hang fails instead. */
  readonly timeoutMs?: number;
}

const byName = new URL('./take-by-name.js', import.meta.url);

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * A process that takes locks, and is killed or stopped as it is told.
 *
 * @example
 * import { lock } from 'tierlock';
 * import { spawnTaker } from 'tierlock/testing';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const where = { external: true, lockPath: join(tmpdir(), 'tierlock-example') };
 * await using taker = await spawnTaker();
 * await taker.take({ name: 'orders', ...where }).acquired;
 *
 * await taker.stop(); // it stands still, as in a long pause of the garbage collector
 * const late = await lock('orders', { ...where, timeout: 10 }).catch((error: Error) => error.name);
 * await taker.continue();
 * console.log(late); // LockTimeoutError
 *
 * await taker.kill(); // and the system has buried it
 * await using guard = await lock('orders', where);
 * console.log(guard.held); // true
 */
export class Taker implements AsyncDisposable {
  /** What the child has printed. */
  output = '';
  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  readonly #end: Promise<End>;
  readonly #open: Map<number, Call<unknown>> = new Map();
  #next: number = START;
  #latest: Take | undefined;
  #crash: Error | undefined;

  /** @internal For spawnTaker alone. */
  constructor(child: ChildProcess, timeoutMs: number) {
    this.#child = child;
    this.#timeoutMs = timeoutMs;
    children.add(child);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    child.on('message', (message: ToParent) => this.#hear(message));
    child.on('error', (error) => (this.#crash ??= error));
    this.#line().on('error', () => undefined);
    this.#end = this.#watch();
    // A taker that nobody asks for anything lets the test end, and then ends with it; `#expect` holds the test.
    child.unref();
    child.channel?.unref();
    for (const stream of child.stdio) if (stream instanceof Socket) stream.unref();
  }

  /** Resolves when the process is gone: reaped, and all that it said heard. */
  get gone(): Promise<End> {
    this.#child.ref();
    // It may end before the last that it said is heard, and then nothing else would keep the test alive.
    this.#child.channel?.ref();
    return this.#end;
  }

  /** @internal For spawnTaker alone. */
  start(): Promise<void> {
    return this.#expect<void>('start', 30_000)[1].done;
  }

  /** The number of the process. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Tells it to take one. What the request may be says the module; without one it is a `TakeByName`. */
  take(request?: unknown): Take {
    const [id, call] = this.#send<Acquired | null>({ name: 'take', request });
    const take: Take = {
      acquired: call.done,
      mustBlock: ({ rounds = 3, timeoutMs = 10_000 } = {}) => {
        const silent = `it should have blocked, but the taker did not answer for ${timeoutMs} ms: is its loop blocked?`;
        return within(timeoutMs, silent, async () => {
          await call.began;
          for (let i = 0; i < rounds && !call.answered; i++) await this.#ask({ name: 'ping' });
          if (!call.answered) return;
          await call.done;
          assert.fail('it should have blocked, but the take had its result');
        });
      },
      release: () => this.#ask<boolean>({ name: 'release', take: id }),
    };
    return (this.#latest = take);
  }

  /** Of the latest take, as is `release`. */
  mustBlock(...options: Parameters<Take['mustBlock']>): Promise<void> {
    return this.#last().mustBlock(...options);
  }

  release(): Promise<boolean> {
    return this.#last().release();
  }

  /** Runs another function of the module in the child. */
  run(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#ask({ name: 'run', function: name, args });
  }

  /** Blocks the child's event loop, for so long or until the returned function is called. Resolves when it does. */
  async busy(ms: number = Infinity): Promise<() => Promise<void>> {
    const [, call] = this.#send({ name: 'busy', ms });
    await call.began;
    return async () => {
      this.#line().write('!');
      await call.done;
    };
  }

  /** process.exit in the child. */
  exit(code = 0): Promise<End> {
    this.#send({ name: 'exit', code });
    return this.gone;
  }

  /** An error that nobody catches. */
  throw(message = 'thrown on command'): Promise<End> {
    this.#send({ name: 'throw', message });
    return this.gone;
  }

  /** Ends it, and resolves when the system has. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<End> {
    this.#child.kill(signal);
    return this.gone;
  }

  /** Stops the process; resolves when the system says that it has stopped. */
  async stop(): Promise<void> {
    this.#child.kill('SIGSTOP');
    await waitUntil(() => hasStopped(this.pid), { what: `process ${this.pid} is stopped` });
  }

  /** Lets it go on; resolves when its event loop has answered. */
  async continue(): Promise<void> {
    this.#child.kill('SIGCONT');
    await this.#ask({ name: 'ping' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #watch(): Promise<End> {
    const child = this.#child;
    const printed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const silent = new Promise<void>((resolve) => child.once('disconnect', resolve));
    const end = await new Promise<End>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      // A process that could not even be made will say nothing, and not exit.
      child.once('error', () => child.pid === undefined && resolve({ code: null, signal: null }));
    });
    if (child.pid !== undefined) await silent;
    children.delete(child);
    // Later on a process of the strategy's own may hold the pipes; before the start all of the output can be told.
    if (this.#open.has(START)) await printed;
    const how = end.signal ? `was ended by ${end.signal}` : `exited with code ${end.code}`;
    const error = this.#crash ?? new Error(`the taker ${how}\n${this.output}`);
    for (const call of this.#open.values()) call.reject(error);
    this.#open.clear();
    return end;
  }

  #line(): NodeJS.WritableStream {
    const line = this.#child.stdio[4];
    assert.ok(line && 'write' in line);
    return line;
  }

  #last(): Take {
    assert.ok(this.#latest, 'this taker was never told to take');
    return this.#latest;
  }

  /** An answer to come, for which the test stays alive so long and no longer. */
  #expect<T>(what: string, timeoutMs: number): [id: number, call: Call<T>] {
    const id = this.#next++;
    const call = openCall<T>();
    this.#open.set(id, call);
    const late = new Error(`the taker did not answer within ${timeoutMs} ms: ${what}`);
    const timer = setTimeout(() => {
      // Nobody waits for it any more; what has not started in time need not be heard out when it is killed.
      this.#open.delete(id);
      call.reject(late);
    }, timeoutMs);
    void Promise.allSettled([call.done]).then(() => clearTimeout(timer));
    return [id, call];
  }

  #send<T>(command: Command): [id: number, call: Call<T>] {
    const [id, call] = this.#expect<T>(command.name, this.#timeoutMs);
    if (this.#child.connected) this.#child.send({ ...command, id }, () => undefined);
    else call.reject(this.#crash ?? new Error('the taker is gone'));
    return [id, call];
  }

  #ask<T>(command: Command): Promise<T> {
    return this.#send<T>(command)[1].done;
  }

  #hear(message: ToParent): void {
    if (message.kind === 'crash') {
      this.#crash = fromWire(message.error);
      return;
    }
    const call = this.#open.get(message.id);
    if (message.kind === 'began') return call?.begin();
    this.#open.delete(message.id);
    if (!call) return;
    call.answered = true;
    if (message.kind === 'done') call.resolve(message.value);
    else call.reject(fromWire(message.error));
  }
}

/**
 * Starts a taker: one that takes locks by their names, or one with a module of your own, which exports `take(request)`. Rejects
 * with the child's error if that cannot be loaded.
 *
 * @example
 * import { spawnTaker } from 'tierlock/testing';
 *
 * await using holder = await spawnTaker();
 * await using waiter = await spawnTaker();
 * const orders = { name: 'orders', external: true };
 * await holder.take(orders).acquired;
 * const wait = waiter.take(orders);
 * await wait.mustBlock();
 * await holder.kill();
 * console.log((await wait.acquired) !== null); // true
 */
export async function spawnTaker(module: URL = byName, options: TakerOptions = {}): Promise<Taker> {
  const { env, execArgv = [], by, timeoutMs = 20_000 } = options;
  const [execPath, ...before] = by === undefined ? [process.execPath] : [...by, process.execPath];
  const child = fork(fileURLToPath(new URL('./taker-main.js', import.meta.url)), [module.href], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    execPath,
    execArgv: [...before, ...execArgv],
    serialization: 'advanced',
    // Its output is kept to itself; 4 is the control line.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
  });
  const taker = new Taker(child, timeoutMs);
  try {
    await taker.start();
    return taker;
  } catch (error) {
    await taker.kill();
    throw error;
  }
}
