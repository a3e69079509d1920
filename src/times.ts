/**
 * How long names are waited for and held: histograms, fed by the channels (trace.ts), and by nothing while nobody wants them.
 *
 * Invariant: there are histograms for so many names at most; all others are counted together.
 */
import { createHistogram } from 'node:perf_hooks';
import type { Histogram, RecordableHistogram } from 'node:perf_hooks';
import { checkKeys } from './options.js';
import { acquiring, releasing } from './trace.js';
import type { Acquisition, Release, Told } from './trace.js';

/**
 * The times of one name, in nanoseconds, as Node's other histograms have them.
 *
 * @example
 * import { lock, watchTimes } from 'tierlock';
 * import type { NameTimes } from 'tierlock';
 *
 * using times = watchTimes();
 * await lock('orders', async () => undefined);
 * const orders: NameTimes | undefined = times.of('orders');
 * console.log(orders?.wait.count, orders?.hold.count); // 1 1
 */
export interface NameTimes {
  /** From each call to its grant. */
  readonly wait: Histogram;
  /** From each grant until others could have it. */
  readonly hold: Histogram;
}

/**
 * What is watched.
 *
 * @example
 * import { watchTimes } from 'tierlock';
 * import type { WatchTimesOptions } from 'tierlock';
 *
 * const options: WatchTimesOptions = { names: 10 };
 * watchTimes(options).stop();
 */
export interface WatchTimesOptions {
  /** How many names have histograms of their own, each some 75 kB: the first ones that come. Default: 100. */
  readonly names?: number;
}

const NAMES = 100;
const MOST = 100_000;
/** An hour; what is longer counts as that. Two digits are exact. */
const RANGE = { lowest: 1, highest: 3600e9, figures: 2 } as const;

class Recorded implements NameTimes {
  readonly wait: RecordableHistogram = createHistogram(RANGE);
  readonly hold: RecordableHistogram = createHistogram(RANGE);
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.min(RANGE.highest, Math.max(RANGE.lowest, Math.round(ms * 1e6))));
}

/**
 * The times of all names that this thread takes, until `stop()`.
 *
 * @example
 * import { lock, watchTimes } from 'tierlock';
 *
 * using times = watchTimes();
 * await Promise.all([lock('orders', async () => 1), lock('orders', async () => 2)]);
 * const { wait, hold } = times.of('orders') ?? times.others;
 * console.log(wait.count, hold.count, wait.max >= wait.percentile(50)); // 2 2 true
 */
export class Times {
  /** Of all names for which there was no room. */
  readonly others: NameTimes = new Recorded();
  readonly #names: number;
  readonly #known: Map<string, Recorded> = new Map();

  /** @internal */
  constructor(names: number) {
    this.#names = names;
    acquiring.end.subscribe(this.#granted);
    acquiring.asyncEnd.subscribe(this.#granted);
    releasing.subscribe(this.#released);
  }

  /** Of that name (with its prefix); undefined if it has not been taken since, or there was no room for it. */
  of(name: string, kind: 'lock' | 'semaphore' = 'lock'): NameTimes | undefined {
    return this.#known.get(`${kind}:${name}`);
  }

  /** The names that have histograms of their own. */
  *[Symbol.iterator](): Generator<NameTimes & Pick<Told, 'name' | 'kind'>> {
    for (const [key, { wait, hold }] of this.#known) {
      const at = key.indexOf(':');
      yield { kind: key.slice(0, at) as Told['kind'], name: key.slice(at + 1), wait, hold };
    }
  }

  /** Ends it. What was recorded can still be read. */
  stop(): void {
    acquiring.end.unsubscribe(this.#granted);
    acquiring.asyncEnd.unsubscribe(this.#granted);
    releasing.unsubscribe(this.#released);
  }

  /** `using times = ...`: the same. */
  [Symbol.dispose](): void {
    this.stop();
  }

  #timesOf({ kind, name }: Told): Recorded {
    const key = `${kind}:${name}`;
    let times = this.#known.get(key);
    if (times === undefined) {
      if (this.#known.size >= this.#names) return this.others as Recorded;
      this.#known.set(key, (times = new Recorded()));
    }
    return times;
  }

  // At the end of a call that has not been granted yet there is no `waited`, and a nested one takes nothing.
  readonly #granted = (message: unknown): void => {
    const told = message as Acquisition;
    if (told.waited !== undefined && !told.nested) record(this.#timesOf(told).wait, told.waited);
  };

  readonly #released = (message: unknown): void => {
    const told = message as Release;
    record(this.#timesOf(told).hold, told.held);
  };
}

/**
 * Measures from now on how long this thread waits for names, and how long it holds them. It costs a few microseconds for
 * each lock, and nothing once it is stopped.
 *
 * @example
 * import { semaphore, watchTimes } from 'tierlock';
 *
 * const times = watchTimes();
 * await (await semaphore('downloads', 3).acquire()).release();
 * times.stop();
 * for (const { kind, name, hold } of times) console.log(kind, name, hold.count); // semaphore downloads 1
 */
export function watchTimes(options: WatchTimesOptions = {}): Times {
  checkKeys(options, ['names']);
  const { names = NAMES } = options;
  if (!Number.isInteger(names) || names < 0 || names > MOST)
    throw new RangeError(`'names' must be a whole number from 0 to ${MOST}, got ${String(names)}`);
  return new Times(names);
}
