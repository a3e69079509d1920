/**
 * A server that this process runs on private ports with a private folder. It can be stopped and go on, be killed and
 * come back with its data; it ends with the thread that started it at the latest (keeper.ts).
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasStopped } from '../../../src/testing/process-state.js';
import { waitUntil } from '../../../src/testing/wait.js';
import { newFolder, spawnKept } from './keeper.js';
import { HOST, type Port } from './ports.js';

export interface Recipe {
  /** For messages. */
  readonly name: string;
  /** The first is the one that clients call. */
  readonly ports: readonly Port[];
  /** The program and its arguments, when the folder is there; called once. */
  readonly command: (folder: string) => readonly string[];
  /** Of a client, as in `redis://127.0.0.1:20017`. */
  readonly url: string;
  /** Whether it serves. To fail means: not yet. */
  readonly answers: () => Promise<boolean>;
}

export class Server implements AsyncDisposable {
  readonly host: string = HOST;
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly #recipe: Recipe;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;

  constructor(recipe: Recipe) {
    const [port] = recipe.ports;
    assert.ok(port);
    this.port = port.number;
    this.url = recipe.url;
    this.folder = newFolder(recipe.name);
    this.#recipe = recipe;
    this.#command = recipe.command(this.folder);
  }

  /** Whether its process is there, be it stopped. */
  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    assert.ok(this.running && pid !== undefined, `${this.#recipe.name} is not running`);
    return pid;
  }

  /** What it has printed. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    assert.ok(!this.running, `${this.#recipe.name} is running`);
    const { name, answers } = this.#recipe;
    const child = spawnKept(this.folder, this.#command);
    this.#child = child;
    // Somebody else who has its port may keep a question for ever.
    const gone = new Promise<false>((resolve) => child.once('exit', () => resolve(false)));
    const ready = async (): Promise<boolean> => {
      if (!this.running) throw new Error(`${name} has ended:\n${this.log}`);
      return Promise.race([answers().catch(() => false), gone]);
    };
    try {
      await waitUntil(ready, { what: `${name} answers`, timeoutMs: 30_000 });
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** SIGSTOP: connections stay, new ones are taken by the system, and nobody answers. */
  async stop(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGSTOP');
    await waitUntil(() => hasStopped(pid), { what: `${this.#recipe.name} is stopped` });
  }

  /** SIGCONT. Resolves when it runs again; it may take a moment to answer. */
  async resume(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGCONT');
    await waitUntil(() => !hasStopped(pid), { what: `${this.#recipe.name} goes on` });
  }

  /** SIGKILL, also when it is stopped. Port and folder stay. */
  async kill(): Promise<void> {
    if (!this.#child || !this.running) return;
    const gone = once(this.#child, 'exit');
    // Until then this process has something to wait for.
    this.#child.ref();
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** Kills it, if it still runs, and starts it on the same port with the same folder. Resolves when it answers. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** For good. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    for (const port of this.#recipe.ports) port.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** `--name value` for each; what is undefined is left out. */
export function flags(all: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** Starts all of them at once; if one cannot start, none is left. */
export async function startAll(recipes: readonly Recipe[]): Promise<Server[]> {
  const servers = recipes.map((recipe) => new Server(recipe));
  const results = await Promise.allSettled(servers.map((server) => server.start()));
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return servers;
  await Promise.all(servers.map((server) => server.close()));
  throw failed.reason;
}
