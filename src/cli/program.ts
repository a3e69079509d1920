/** The program that runs under a lock: our input, output and errors are its own, and nothing else of ours. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { complain } from './print.js';

/** How it ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Program {
  readonly #child: ChildProcess;
  /** Rejects if it could not be started. */
  readonly ended: Promise<End>;

  /** Throws if it cannot be started, unless that turns out later. */
  constructor([file = '', ...rest]: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(file, rest, { stdio: 'inherit', env });
    this.ended = once(this.#child, 'exit').then(([code, signal]) => ({ code, signal }));
  }

  /** Sends it a signal, if it is still there. */
  tell(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      // Not by its own `kill`, whose errors could not be told from those of its start.
      process.kill(pid, signal);
    } catch (error) {
      complain('run', `${signal} could not be passed to process ${pid}: ${(error as Error).message}`);
    }
  }
}
