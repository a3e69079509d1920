/**
 * The inside of a worker that hammers a mutex until it dies. Without an `await` at the top level: a thread that is
 * terminated while such a module starts takes the process with it (V8: "Check failed: (location_) != nullptr" in
 * SourceTextModule::ExecuteAsyncModule).
 */
import { workerData } from 'node:worker_threads';
import { run } from './mutex-hammer.js';

void run(0, workerData);
