/** The inside of a worker that hammers a mutex until it dies. */
import { workerData } from 'node:worker_threads';
import { run } from './mutex-hammer.js';

await run(0, workerData);
