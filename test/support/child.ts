/** Runs a small program in a Node process of its own, and tells how it ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `source` is an ES module; `tierlock` stands in it for the package as it was compiled here. */
export async function runProgram(
  source: string,
  flags: string[] = [],
  node: string = process.execPath,
): Promise<Ended> {
  const index = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const code = source.replaceAll(/(?<=from\s+)'tierlock'/g, index);
  const child = spawn(node, [...flags, '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A program that hangs fails its test instead of holding it up for ever.
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  }
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code: exitCode, signal, ...output };
}
