/** How `run` and `hold` take a name: flock(1)'s options where it has them, and what there is to say of a lease. */
import { lock } from '../lock.js';
import type { Guard } from '../lock-guard.js';
import { checkName, readPlan } from '../lock-options.js';
import type { LockCallOptions } from '../lock-options.js';
import { UsageError } from './args.js';
import type { Args, Option } from './args.js';
import { close, whereOf, whereOptions } from './where.js';
import type { Where } from './where.js';

export const takingOptions: readonly Option[] = [
  { long: 'shared', short: 's', text: 'beside others who share it' },
  { long: 'exclusive', short: 'xe', text: 'alone (default)' },
  {
    long: 'timeout',
    short: 'w',
    value: 'S',
    text: 'wait for so many seconds at most; 0: do not wait (default: for ever)',
  },
  { long: 'nonblock', short: 'n', text: 'do not wait' },
  ...whereOptions,
  {
    long: 'ttl',
    value: 'S',
    text: 'in a store: it lapses so long after this host has vanished (default: 30)',
  },
  { long: 'min-hold', value: 'S', text: 'keep it for so long at least, however short the work is' },
];

/** A name that is to be taken, with all that can be wrong about it looked at before. */
export class Wish {
  readonly name: string;
  readonly #where: Where;
  readonly #options: LockCallOptions;

  constructor(name: string, args: Args) {
    const nonblock = args.has('nonblock');
    const timeout = args.ms('timeout');
    const ttl = args.ms('ttl');
    const minHold = args.ms('min-hold');
    this.name = name;
    this.#where = whereOf(args);
    if (ttl !== undefined && !('distributed' in this.#where))
      throw new UsageError('--ttl is for locks in a store: say which one by --url');
    this.#options = {
      ...this.#where,
      shared: args.last('shared', 'exclusive') === 'shared',
      ...(nonblock ? { timeout: 0 } : timeout !== undefined && { timeout }),
      ...(ttl !== undefined && { ttl }),
      ...(minHold !== undefined && { minHold }),
    };
    try {
      checkName(name);
      readPlan(this.#options);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) throw new UsageError(error.message);
      throw error;
    }
  }

  /** Rejects as `lock` does. */
  async take(signal: AbortSignal): Promise<Taken> {
    const guard = await lock(this.name, { ...this.#options, signal });
    return new Taken(guard, performance.now() + (this.#options.minHold ?? 0));
  }

  /** Ends what was opened for it. */
  close(): Promise<void> {
    return close(this.#where);
  }
}

/** What a timer takes. */
const LONGEST = 2 ** 31 - 1;

export class Taken {
  readonly guard: Guard;
  readonly #until: number;

  constructor(guard: Guard, until: number) {
    this.guard = guard;
    this.#until = until;
  }

  /** Waits until it has been held for as long as it has to be; or is lost, or `signal` aborts. */
  async untilMayEnd(signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, this.guard.signal]);
    for (let left; (left = this.#until - performance.now()) > 0 && !over.aborted;) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, Math.min(left + 1, LONGEST));
        over.addEventListener('abort', done, { once: true });
        function done(): void {
          clearTimeout(timer);
          over.removeEventListener('abort', done);
          resolve();
        }
      });
    }
  }
}
