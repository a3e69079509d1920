/** What a thread of a pool does: the service's one call. Piscina calls it; our own pool sends messages (pool.ts). */
import { parentPort, workerData } from 'node:worker_threads';
import { put } from './service.js';
import type { Answer, Column } from './service.js';

export interface Task {
  readonly column: Column;
  readonly file: string;
  readonly todo: string;
}

/** What a thread of our own pool answers. */
export type Reply = { readonly answer: Answer } | { readonly error: unknown };

export default function task({ column, file, todo }: Task): Promise<Answer> {
  return put(column, file, todo);
}

if ((workerData as { answers?: boolean } | null)?.answers === true) {
  parentPort?.on('message', (asked: Task) => {
    const reply = async (): Promise<Reply> => ({ answer: await task(asked) });
    void reply()
      .catch((error: unknown): Reply => ({ error }))
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
      .then((message) => parentPort?.postMessage(message));
  });
}
