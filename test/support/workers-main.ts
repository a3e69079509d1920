/** The inside of a worker thread of workers.ts: load, pin, meet at the gate, run, report. */
import { parentPort, workerData } from 'node:worker_threads';
import { pinThread } from './system.js';
import type { Report, Start } from './workers.js';

const { index, module, name, data, pin, gate }: Start = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
const tell = (report: Report): void => parentPort?.postMessage(report);

const run: unknown = (await import(module))[name];
if (typeof run !== 'function') throw new TypeError(`${module} exports no function '${name}'`);
const pinned = pin && pinThread(index);
tell({ at: 'gate', pinned });
Atomics.wait(gate, 0, 0);
tell({ at: 'end', value: await run(index, data) });
