/**
 * The signals that this process is sent. As long as it waits they end the wait; while a program runs that it has started
 * they are that program's, as if it had been started directly.
 *
 *   nobody runs   HUP, INT, QUIT, TERM, USR1, USR2 -> `over` aborts, and this process is to end by the same signal
 *   one runs      these, CONT, TSTP and WINCH      -> to it, unless it has got them from the terminal by itself
 *                 INT, QUIT, TERM                  -> `over` aborts as well: nothing is to be waited for behind it. So it
 *                                                     does not matter if the program has just ended and nobody knows
 *
 * Invariant: who has stopped the program with ^Z (TSTP) has stopped this process as well, or nobody would see it.
 */
import { reachesAll } from './foreground.js';
import type { Program } from './program.js';

const ending: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'];
const asking: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGTERM']);
const others: readonly NodeJS.Signals[] = ['SIGCONT', 'SIGWINCH'];

export class Signals {
  readonly #over: AbortController = new AbortController();
  readonly #heard: Set<NodeJS.Signals> = new Set();
  #program: Program | undefined = undefined;

  constructor() {
    for (const signal of ending) process.on(signal, this.#onEnding);
  }

  /** Aborts when this process is to end; the reason is the signal. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** By which signal it is to end, if by any. */
  get end(): NodeJS.Signals | undefined {
    return this.#over.signal.reason as NodeJS.Signals | undefined;
  }

  /** Whether this process was sent that one. */
  heard(signal: NodeJS.Signals): boolean {
    return this.#heard.has(signal);
  }

  /** They are for that program from now on; undefined: it has ended. */
  passTo(program: Program | undefined): void {
    this.#program = program;
    const change = program === undefined ? 'off' : 'on';
    for (const signal of others) process[change](signal, this.#pass);
    process[change]('SIGTSTP', this.#stop);
  }

  readonly #onEnding = (signal: NodeJS.Signals): void => {
    this.#heard.add(signal);
    if (this.#program === undefined || asking.has(signal)) this.#over.abort(signal);
    this.#pass(signal);
  };

  readonly #pass = (signal: NodeJS.Signals): void => {
    if (this.#program !== undefined && !reachesAll(signal)) this.#program.tell(signal);
  };

  readonly #stop = (signal: NodeJS.Signals): void => {
    this.#pass(signal);
    // Stops here, in the way that the system has for it, until somebody says SIGCONT.
    process.off(signal, this.#stop);
    process.kill(process.pid, signal);
    if (this.#program !== undefined) process.on(signal, this.#stop);
  };
}
