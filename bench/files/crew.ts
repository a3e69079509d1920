/**
 * The processes of a trial: each stays with all its threads on one core, loads one module, and calls the functions in
 * it that it is told to. They end with the trial.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { allowedCores } from '../../test/support/system.js';

export interface Order {
  readonly id: number;
  readonly name: string;
  readonly data: unknown;
}

/** `began` comes first, from before the call. */
export type Answer =
  | { readonly id: number; readonly began: true }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

export interface Call<T> {
  readonly began: Promise<void>;
  readonly done: Promise<T>;
}

interface Open {
  began(): void;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Why processes cannot be kept on their cores; undefined if they can. */
export function unpinnable(): string | undefined {
  const can = allowedCores().length > 0 && spawnSync('taskset', ['--version']).status === 0;
  return can ? undefined : 'processes cannot be kept on their cores here, which takes Linux and taskset';
}

export class Mate {
  readonly #child: ChildProcess;
  readonly #open: Map<number, Open> = new Map();
  #next = 0;

  constructor(module: URL, index: number) {
    const cores = allowedCores();
    this.#child = fork(fileURLToPath(new URL('./crew-main.js', import.meta.url)), [module.href], {
      execPath: 'taskset',
      execArgv: ['-c', String(cores[index % cores.length]), process.execPath],
    });
    living.add(this.#child);
    this.#child.on('message', (answer: Answer) => this.#hear(answer));
    this.#child.on('error', (error) => this.#lose(error));
    this.#child.on('exit', (code, signal) => {
      living.delete(this.#child);
      this.#lose(new Error(`a process of the trial ended with ${signal ?? code}`));
    });
  }

  /** Calls the function of that name in the process. One that fails there fails here. */
  call<T>(name: string, data: unknown): Call<T> {
    const id = this.#next++;
    let began: () => void = () => undefined;
    const call = {
      began: new Promise<void>((resolve) => (began = resolve)),
      done: new Promise<T>((resolve, reject) => {
        this.#open.set(id, { began, resolve: (value) => resolve(value as T), reject });
      }),
    };
    // Who waits for the beginning only is told of a failure by the end of it.
    call.done.catch(() => began());
    const order: Order = { id, name, data };
    this.#child.send(order, (error) => error && this.#lose(error));
    return call;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** `taskset` has become the process itself. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  #hear(answer: Answer): void {
    const open = this.#open.get(answer.id);
    if ('began' in answer) return open?.began();
    this.#open.delete(answer.id);
    if ('error' in answer) open?.reject(new Error(answer.error));
    else open?.resolve(answer.value);
  }

  #lose(error: Error): void {
    for (const open of this.#open.values()) open.reject(error);
    this.#open.clear();
  }
}

/** So many of them, while `use` runs. */
export async function withCrew<T>(
  module: URL,
  count: number,
  use: (mates: readonly Mate[]) => Promise<T>,
): Promise<T> {
  const mates = Array.from({ length: count }, (_, index) => new Mate(module, index));
  try {
    return await use(mates);
  } finally {
    for (const mate of mates) mate.kill();
  }
}
