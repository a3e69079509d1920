/** Runs the demo as its users do: the real program, in a folder of its own, by whose processes it can be told apart. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const program: string = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface DemoRun {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  /** Its processes that live now, itself among them. Linux alone tells. */
  pids(): number[];
}

/** `folder` is for what it writes, the temporary files included. */
export function startDemo(args: readonly string[], folder: string, file: string = program): DemoRun {
  const mark = `TIERLOCK_DEMO_RUN=${randomUUID()}`;
  const [name = '', value] = mark.split('=');
  const child = spawn(process.execPath, [file, 'demo', ...args], {
    cwd: folder,
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      // Node complains about both.
      FORCE_COLOR: undefined,
      NO_COLOR: '1',
      TMPDIR: folder,
      [name]: value,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a shell gives one to a job: ^C goes to all of it.
    detached: true,
    // One that hangs fails its test instead of holding it up for ever.
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string | null);
  return { child, output, ended, pids: () => pidsWith(mark) };
}

export async function runDemo(
  args: readonly string[],
  folder: string,
  file?: string,
): Promise<{ end: unknown; stdout: string; stderr: string }> {
  const { output, ended } = startDemo(args, folder, file);
  return { end: await ended, ...output };
}

/** Those that have it in their environment, which children inherit. */
function pidsWith(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
      } catch {
        // It has ended meanwhile, or is somebody else's.
        return false;
      }
    });
}
