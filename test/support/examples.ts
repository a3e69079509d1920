/** Runs the programs of examples/ as users do, each with a folder of lock files of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A folder that goes when the test is over. */
export function newFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tierlock-users-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly output: { stdout: string; stderr: string };
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

export function startExample(
  name: string,
  lockPath: string,
  env: NodeJS.ProcessEnv = {},
  node: string = process.execPath,
  timeout = 60_000,
): Running {
  const file = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
  const child = spawn(node, [file], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TIERLOCK_PATH: lockPath, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that hangs fails its test instead of holding it up for ever.
    timeout,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string | null);
  return { child, output, ended };
}

/** Runs one to its end. */
export async function runExample(name: string, lockPath: string): Promise<unknown> {
  const { output, ended } = startExample(name, lockPath);
  return { end: await ended, ...output };
}
