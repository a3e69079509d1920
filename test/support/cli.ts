/** Runs the program `tierlock` as it was compiled here, in a process of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stateOf } from '../../src/testing/process-state.js';
import { waitUntil } from '../../src/testing/wait.js';

/** Its file. */
export const program: string = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** The command line of it. */
export const lineOf = (args: readonly string[]): string[] => [process.execPath, program, ...args];

export interface CliOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What goes before it: `['setsid', '-w']` for example. */
  readonly by?: readonly string[];
}

/** How it ended: its exit code, or the signal. */
export type End = number | NodeJS.Signals | null;

export interface Result {
  readonly end: End;
  readonly stdout: string;
  readonly stderr: string;
}

export class Cli implements AsyncDisposable {
  readonly output: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  readonly ended: Promise<Result>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  /** Without `args`, it is `by` alone that runs. */
  constructor(args: readonly string[] | undefined, { env, by = [] }: CliOptions = {}) {
    const [file = '', ...line] = args === undefined ? by : [...by, ...lineOf(args)];
    const surroundings = {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      TIERLOCK_URL: undefined,
      // Whatever that of the user is.
      SHELL: '/bin/sh',
      ...env,
    };
    this.#child = spawn(file, line, {
      env: surroundings,
      stdio: ['pipe', 'pipe', 'pipe'],
      // Without the terminal of whoever runs the tests: a signal is taken for one of its keys there.
      detached: true,
      // One that hangs fails its test instead of holding it up for ever.
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    for (const stream of ['stdout', 'stderr'] as const)
      this.#child[stream].setEncoding('utf8').on('data', (text: string) => (this.output[stream] += text));
    // It may have ended without reading any.
    this.#child.stdin.on('error', () => undefined);
    // A program that it has left behind may keep the streams open.
    const end = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    this.ended = end.then(([code, signal]) => ({ end: signal ?? code, ...this.output }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it has printed that, and gives what the pattern has found. */
  async printed(what: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<string[]> {
    const find = (): RegExpExecArray | null => what.exec(this.output[stream]);
    const found = await waitUntil(find, { what: String(what), timeoutMs: 30_000 }).catch((error: Error) => {
      throw new Error(`${error.message} in ${JSON.stringify(this.output)}`, { cause: error });
    });
    return [...(found ?? [])];
  }

  /** Ends its input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** To itself alone. */
  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when its process has ended, whoever still has its streams. */
  async gone(): Promise<End> {
    const { pid } = this;
    const dead = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null;
    await waitUntil(dead, { what: `process ${pid} has ended`, timeoutMs: 30_000 });
    return this.#child.signalCode ?? this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endInput();
    this.send('SIGKILL');
    await this.ended;
  }
}

const quote = (arg: string): string => `'${arg.replaceAll("'", String.raw`'\''`)}'`;

/** Runs that at a terminal, where what is written to it is typed. */
export function atTerminal(line: readonly string[], env: NodeJS.ProcessEnv = {}): Cli {
  // script(1) has it run by $SHELL. Were that to stay, it would hear ^C, too.
  const typed = `exec ${line.map(quote).join(' ')}`;
  return new Cli(undefined, { env, by: ['script', '-qec', typed, '/dev/null'] });
}

/** Runs one to its end, without any input. */
export async function cli(args: readonly string[], options?: CliOptions): Promise<Result> {
  await using running = new Cli(args, options);
  running.endInput();
  return await running.ended;
}

/** Whether that process is there and not yet dead. */
export const lives = (pid: number): boolean => !['', 'Z'].includes(stateOf(pid).slice(0, 1));
