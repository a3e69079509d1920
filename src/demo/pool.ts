/**
 * The pool of worker threads that handlers run in: piscina's where it is installed, else one of a few lines that does
 * the same: a task at a time in each thread. Neither is told anything of locks: a name means the same in all threads.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Answer } from './service.js';
import type { Reply, Task } from './pool-task.js';

export interface Pool {
  readonly kind: string;
  run(task: Task): Promise<Answer>;
}

const filename = fileURLToPath(new URL('./pool-task.js', import.meta.url));

export async function openPool(threads: number): Promise<Pool> {
  const library = await import('piscina').catch(unlessMissing);
  if (library === undefined) return ThreadPool.open(threads);
  const pool = new library.Piscina({ filename, minThreads: threads, maxThreads: threads });
  return { kind: 'piscina', run: (task) => pool.run(task) as Promise<Answer> };
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
}

export class ThreadPool implements Pool {
  readonly kind = 'worker_threads';
  readonly #idle: Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  private constructor(workers: Worker[]) {
    this.#idle = workers;
  }

  static async open(threads: number): Promise<ThreadPool> {
    const start = (): Worker => new Worker(filename, { workerData: { answers: true } });
    const workers = Array.from({ length: threads }, start);
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    return new ThreadPool(workers);
  }

  async run(task: Task): Promise<Answer> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((next) => this.#waiting.push(next)));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(task);
    const [reply] = (await once(worker, 'message')) as [Reply];
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
    if ('error' in reply) throw reply.error;
    return reply.answer;
  }
}
