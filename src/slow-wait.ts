/** The warning that somebody waits for long: once for each wait, if `configure({ slowWait })` asks for it. */
import { configuration } from './config.js';
import { Alarm, removeDeadline } from './deadlines.js';

const SELF_WAIT =
  '. This is a suspected self-wait: if whoever holds the guard waits here, it never ends. Release it before, or ask with ' +
  '{ within: guard }; in lock(name, fn) that is an error at once';

/** The name that is waited for, as far as it is told. */
interface Told {
  /** What errors call it. */
  readonly kind: string;
  /** Who holds it in this process, in a message's words. */
  readonly holders?: string | undefined;
  /** Of the grant to a task of this thread, if that is known; and whether it runs inside of `lock(name, fn)`. */
  readonly note?: object | undefined;
  readonly marks?: object | undefined;
  readonly length: number;
}

/** What lies above. */
interface Above {
  describeHolder(error?: unknown): string | undefined | Promise<string | undefined>;
}

/** One wait, in however many tiers. */
export class SlowWait {
  readonly #after: number;
  readonly #since = performance.now();
  #warned = false;

  private constructor(after: number) {
    this.#after = after;
  }

  /** Undefined if nobody wants to know. */
  static begin(): SlowWait | undefined {
    const { slowWait } = configuration();
    return slowWait === undefined ? undefined : new SlowWait(slowWait);
  }

  /** The same promise, of a wait for tasks and threads of this process. */
  inside<T>(wait: Promise<T>, queue: Told): Promise<T> {
    return this.#during(wait, queue, () => {
      const { holders = 'another thread', note, marks, length } = queue;
      // A wait from inside of lock(name, fn) for itself would have been refused.
      const own = note !== undefined && marks === undefined;
      return `held by ${holders}; waiting here: ${length}${own ? SELF_WAIT : ''}`;
    });
  }

  /** The same promise, of a wait for other processes or hosts. */
  above<T>(wait: Promise<T>, queue: Told, tier: Above): Promise<T> {
    return this.#during(wait, queue, async () => {
      const holder = (await tier.describeHolder()) ?? 'nobody knows whom';
      return `held by ${holder}; waiting here behind it: ${queue.length}`;
    });
  }

  // The alarm keeps no program alive.
  async #during<T>(wait: Promise<T>, queue: Told, who: () => string | Promise<string>): Promise<T> {
    if (this.#warned) return wait;
    const alarm = new Alarm(this.#after - this.#waited, false, () => void this.#warn(queue, who));
    try {
      return await wait;
    } finally {
      removeDeadline(alarm);
    }
  }

  get #waited(): number {
    return performance.now() - this.#since;
  }

  async #warn({ kind }: Told, who: () => string | Promise<string>): Promise<void> {
    this.#warned = true;
    const ms = Math.round(this.#waited);
    // Who cannot be asked is not known.
    const holder = await Promise.resolve()
      .then(who)
      .catch(() => 'held by nobody knows whom');
    tell(`${kind} has been waited for since ${ms} ms: ${holder}`);
  }

  /** A wait that has blocked the thread is over: nothing could be told before. */
  blocked({ kind }: Told): void {
    const ms = Math.round(this.#waited);
    if (ms >= this.#after) tell(`${kind} was waited for by a call that has blocked the thread for ${ms} ms`);
  }
}

function tell(message: string): void {
  process.emitWarning(message, { type: 'LockWarning', code: 'TIERLOCK_SLOW_WAIT' });
}
