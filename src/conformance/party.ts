/** A process of its own that uses the store, as another host would, and can be killed and stopped: the parent's side. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Deeds } from './child.js';
import { hasStopped } from '../testing/process-state.js';
import { waitUntil } from '../testing/wait.js';
import { within } from './proof.js';
import type { World } from './world.js';

/** What goes to the child: which of its deeds. */
export interface Order {
  readonly id: number;
  readonly deed: keyof Deeds;
  readonly args: readonly unknown[];
}

/** What comes back. `name` is that of an error. */
export interface Report {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string };
}

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Party {
  readonly #child: ChildProcess;
  readonly #calls: Map<number, Call> = new Map();
  readonly #gone: Promise<void>;
  #count = 0;

  private constructor(module: URL) {
    this.#child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [module.href], {
      // A runner's own variable would make it one of its tests.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      // Bigints and errors arrive as what they are.
      serialization: 'advanced',
    });
    this.#child.on('message', ({ id, value, error }: Report) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(Object.assign(new Error(error.message), error));
    });
    this.#gone = new Promise((resolve) => {
      const end = (why: unknown): void => {
        const error = new Error(`the process has ended (${String(why)})`);
        for (const call of this.#calls.values()) call.reject(error);
        this.#calls.clear();
        resolve();
      };
      this.#child.once('exit', (code, signal) => end(signal ?? code));
      this.#child.once('error', end);
    });
  }

  /** Starts one, which ends behind the case at the latest. */
  static async start(t: World): Promise<Party> {
    assert.ok(t.options.module);
    const party = new Party(t.options.module);
    t.afterwards(() => party.kill());
    await within(30_000, 'the start of a process', party.do('begin'));
    return party;
  }

  /** Has it do something, and resolves to what came of it. */
  do<D extends keyof Deeds>(deed: D, ...args: Parameters<Deeds[D]>): ReturnType<Deeds[D]> {
    const id = this.#count++;
    const report = new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#child.send({ id, deed, args } satisfies Order, (error) => {
        if (error !== null) reject(error);
      });
    });
    return report as ReturnType<Deeds[D]>;
  }

  /** Without a last word. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  /** It does nothing any more, as in a long pause. Resolves when that is so. */
  async stop(): Promise<void> {
    const { pid = 0 } = this.#child;
    this.#child.kill('SIGSTOP');
    await waitUntil(() => hasStopped(pid), { what: `process ${pid} is stopped` });
  }

  async continue(): Promise<void> {
    this.#child.kill('SIGCONT');
    await this.do('begin');
  }
}
