/** A worker, or a process, that joins the mutex whose handle comes by message, and answers. */
import { parentPort } from 'node:worker_threads';
import { Mutex } from '../../src/index.js';
import type { LockHandle } from '../../src/index.js';

const answer = ({ handle }: { handle: LockHandle }): unknown => {
  try {
    return Mutex.from(handle).runSync((guard) => guard.held);
  } catch (error) {
    return String(error);
  }
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.once('message', (message) => parentPort?.postMessage(answer(message)));
if (parentPort === null)
  process.once('message', (message: { handle: LockHandle }) => process.send?.(answer(message)));
