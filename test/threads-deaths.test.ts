/** Threads that die at any moment while they take a mutex in all ways: the others go on, and one of them is told. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Mutex } from '../src/index.js';
import { deathsIn } from './support/deaths.js';
import { mustBeCorrect } from './support/history.js';
import { stamp, TASKS } from './support/mutex-hammer.js';
import type { Hammer } from './support/mutex-hammer.js';
import { random } from '../src/testing/random.js';
import { readThreadLog, threadLog, threadRecorder } from './support/record.js';
import { waitUntil } from '../src/testing/wait.js';
import { Witness } from './support/witness.js';

const deaths = process.env['TIERLOCK_TEST'] === 'full' ? 500 : 50;
const seed = Date.now() % 2 ** 20;
const THREADS = 4;
// A thread dies long before it has done so much.
const ROUNDS = 1500;
const endings = ['exits', 'throws', 'runs out of memory'] as const;

/** One thread of the hammer after the other in one place. */
class Place {
  readonly #hammer: Hammer;
  readonly #ends: Map<number, number>;
  #worker: Worker | undefined;
  thread = -1;
  gone = true;

  constructor(hammer: Hammer, ends: Map<number, number>) {
    this.#hammer = hammer;
    this.#ends = ends;
  }

  /** Starts a thread that ends itself, or has to be terminated. */
  begin(thread: number, ending: Hammer['ending']): void {
    const rounds = ending === undefined ? ROUNDS : 100;
    const data = { ...this.#hammer, first: thread, rounds, ...(ending !== undefined && { ending }) };
    const url = new URL('./support/mutex-hammer-main.js', import.meta.url);
    const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
    const worker = new Worker(url, { workerData: data, resourceLimits, stderr: true });
    this.thread = thread;
    this.gone = false;
    this.#worker = worker;
    worker.on('error', () => {});
    worker.once('exit', () => {
      this.#ends.set(thread, Number(stamp() / 2n) / 1e6);
      this.gone = true;
    });
  }

  async terminate(): Promise<void> {
    await this.#worker?.terminate();
  }
}

for (const fair of [false, true]) {
  const name = `${deaths} threads die, ${fair ? 'fair' : 'open'}, seed ${seed}`;
  test(name, { timeout: 1000 * deaths + 20_000 }, async (t) => {
    const mutex = new Mutex({ fair });
    const witness = new Witness();
    const pick = random(seed);
    const ends = new Map<number, number>();
    const log = threadLog(deaths + THREADS + 1, 3 * ROUNDS * 2, ['m']);
    const count = new Int32Array(new SharedArrayBuffer(4));
    const hammer: Hammer = { handle: mutex.handle, log, rounds: ROUNDS, tasks: 2, seed, count, lazy: 4 };
    const places = Array.from({ length: THREADS }, () => new Place(hammer, ends));
    const events = threadRecorder(log, deaths + THREADS);
    const logDeath = (thread: number): void => {
      for (let task = 0; task < 2; task++)
        events.record('died', thread * TASKS + task, undefined, undefined, stamp());
    };
    let begun = 0;
    while (begun < deaths) {
      for (const place of places) {
        if (!place.gone) continue;
        const ending = pick(4) === 0 ? endings[pick(endings.length)] : undefined;
        place.begin(begun++, ending);
      }
      await sleep(pick(30));
      const place = places[pick(THREADS)];
      if (place === undefined || place.gone) continue;
      const seen = Atomics.load(log.words, 0);
      await waitUntil(() => place.gone || Atomics.load(log.words, 0) > seen + pick(100), {
        what: 'they go on',
      });
      logDeath(place.thread);
      await place.terminate();
    }
    for (const place of places) {
      if (!place.gone) logDeath(place.thread);
      await place.terminate();
    }
    mutex.lockSync({ timeout: 1000 }).release();
    const history = readThreadLog(log);
    mustBeCorrect(history);
    await witness.end();
    const seen = deathsIn(history, ends, (from, to) => witness.passed(from, to));
    const { told, inside, wrong, stall, around } = seen;
    assert.deepEqual(wrong, []);
    t.diagnostic(
      `${told} told, ${inside} died inside; ${stall.toFixed(1)} ms without a holder at ${around.join()}`,
    );
    assert.ok(inside > 0, 'some must die inside');
    // Of the time that the machine had for us: on a crowded one the threads sleep whether the lock is free or not.
    assert.ok(stall < 200, `nobody held it for ${stall} ms at ${around.join()}`);
  });
}
