/**
 * A thread that only sleeps and wakes up, every ten milliseconds: where it was not woken in time, the machine had no time
 * for anybody. So a test can say how long something took of the time that there was.
 */
import { Worker } from 'node:worker_threads';

const TICK_MS = 10;
const ROOM = 1 << 16;

const program = `
const { workerData: { count, times } } = require('node:worker_threads');
const pause = new Int32Array(new SharedArrayBuffer(4));
for (let n = 0; n < times.length; n++) {
  Atomics.wait(pause, 0, 0, ${TICK_MS});
  times[n] = Number(process.hrtime.bigint()) / 1e6;
  Atomics.store(count, 0, n + 1);
}`;

export class Witness {
  readonly #count: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  readonly #times: Float64Array = new Float64Array(new SharedArrayBuffer(8 * ROOM));
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(program, {
      eval: true,
      workerData: { count: this.#count, times: this.#times },
    });
  }

  /** How much of the time between these two moments, in ms by process.hrtime, the machine had for us. */
  passed(from: number, to: number): number {
    const ticks = this.#times.subarray(0, Atomics.load(this.#count, 0));
    const seen = ticks.filter((time) => time > from && time <= to).length;
    return Math.min(to - from, (seen + 1) * TICK_MS);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
