/**
 * Runs a function in several real threads at once. The threads load their module, go to their core, and meet at a
 * gate; when the last has come it is opened, so that even a short function meets its rivals.
 *
 *     const team = runWorkers({ count: 2, module: new URL('./hammer.js', import.meta.url), data: { word } });
 *     const results = await team.results;
 *
 * The function gets `(index, data)`. One error ends the whole team: the others may wait for the failed one for ever.
 */
import { Worker } from 'node:worker_threads';

export interface TeamOptions {
  readonly count: number;
  /** The compiled module and the name of the function in it, `run` unless told. */
  readonly module: URL;
  readonly name?: string;
  readonly data?: unknown;
  /** Keep worker i on the i-th core that this process may use; see `started` for whether it could be done. */
  readonly pin?: boolean;
  readonly timeoutMs?: number;
}

/** What a worker is started with; see workers-main.ts. */
export interface Start {
  readonly index: number;
  readonly module: string;
  readonly name: string;
  readonly data: unknown;
  readonly pin: boolean;
  /** 1 when open. */
  readonly gate: Int32Array;
}

export type Report<R = unknown> =
  | { readonly at: 'gate'; readonly pinned: boolean }
  | { readonly at: 'end'; readonly value: R };

export interface Team<R> extends AsyncDisposable {
  /** All are at the gate; `pinned` says whether every one is on its core. */
  readonly started: Promise<{ pinned: boolean }>;
  /** All have ended; `undefined` for who was terminated. Rejects with the first error. */
  readonly results: Promise<(R | undefined)[]>;
  /** Ends one worker wherever it is, and resolves when its thread is gone. */
  terminate(index: number): Promise<void>;
}

export function runWorkers<R = unknown>(options: TeamOptions): Team<R> {
  const { count, module, name = 'run', data, pin = false, timeoutMs = 20_000 } = options;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const members = Array.from({ length: count }, (_, index) => {
    const workerData: Start = { index, module: module.href, name, data, pin, gate };
    return new Member<R>(new Worker(new URL('./workers-main.js', import.meta.url), { workerData }), index);
  });
  const endAll = async (): Promise<void> =>
    void (await Promise.all(members.map((member) => member.terminate())));

  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => {
      const open = members.filter((member) => !member.ended).map((member) => member.index);
      reject(new Error(`workers ${open.join(', ')} did not end within ${timeoutMs} ms`));
    }, timeoutMs);
    void Promise.allSettled(members.map((member) => member.gone)).then(() => clearTimeout(timer));
  });
  const started = Promise.all(members.map((member) => member.atGate)).then((pinned) => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    return { pinned: pin && pinned.every(Boolean) };
  });
  const values = Promise.all(members.map((member) => member.gone));
  // A thread inside a system call cannot be ended, so a failure is told without waiting for the rest.
  const results = Promise.race([values, late]).catch((error: unknown) => {
    void endAll();
    throw error;
  });
  // Whoever looks at one of the two has seen the error.
  started.catch(() => undefined);
  results.catch(() => undefined);

  return {
    started,
    results,
    // Not before the gate: the others would wait there for somebody who never comes.
    async terminate(index) {
      await Promise.allSettled([started]);
      await members[index]?.terminate();
    },
    async [Symbol.asyncDispose]() {
      await endAll();
    },
  };
}

/** One worker as seen from outside. */
class Member<R> {
  readonly index: number;
  readonly atGate: Promise<boolean>;
  readonly gone: Promise<R | undefined>;
  ended = false;
  #ending = false;
  readonly #worker: Worker;

  constructor(worker: Worker, index: number) {
    this.#worker = worker;
    this.index = index;
    let value: R | undefined;
    let failure: unknown;
    let reported = false;
    this.atGate = new Promise((resolve, reject) => {
      worker.on('message', (report: Report<R>) => {
        if (report.at === 'gate') return resolve(report.pinned);
        reported = true;
        value = report.value;
      });
      worker.once('error', (error) => (failure = error));
      worker.once('exit', () => reject(failure ?? new Error(`worker ${index} ended before the gate`)));
    });
    this.gone = new Promise((resolve, reject) => {
      worker.once('exit', (code) => {
        this.ended = true;
        if (failure !== undefined) reject(failure);
        else if (reported || this.#ending) resolve(value);
        else reject(new Error(`worker ${index} exited with code ${code} and no result`));
      });
    });
    this.gone.catch(() => undefined);
    this.atGate.catch(() => undefined);
  }

  async terminate(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
  }
}
