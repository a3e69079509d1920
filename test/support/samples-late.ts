/** A module that loads slowly in worker 0: if the gate did not hold the others, they would run before it is there. */
import { workerData } from 'node:worker_threads';
import type { Start } from './workers.js';

const { index, data }: Start = workerData;
if (!(data instanceof Int32Array)) throw new TypeError('data must be a word');
if (index === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
Atomics.add(data, 0, 1);

export const run = (_: number, loaded: Int32Array): number => Atomics.load(loaded, 0);
