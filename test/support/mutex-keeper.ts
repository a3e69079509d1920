/** A worker that holds a mutex until it gets a message, and a little longer. */
import { parentPort, workerData } from 'node:worker_threads';
import { Mutex } from '../../src/index.js';

const guard = Mutex.from(workerData).lockSync();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage('held');
parentPort?.once('message', () => setTimeout(() => guard.release(), 100));
