/**
 * The contestants that are written in C, in bench/native: what the machine itself allows. They are compiled once,
 * beside the compiled benchmarks, and print their figures as JSON.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const sources = new URL('../../../bench/native/', import.meta.url);
const built = new URL('../native/', import.meta.url);

const programs: Readonly<Record<string, string>> = {
  'floor: C pthread_mutex': 'contend',
  'floor: futex in C': 'hand-off',
  'floor: C, ofd': 'file-lock',
  'floor: C, flock': 'file-lock',
};

export function isNative(name: string): boolean {
  return programs[name] !== undefined;
}

function changed(url: URL): number {
  return statSync(url, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Compiles what has changed. The answer is why it could not be done, undefined if all is well. */
export function buildNative(
  compiler: string = process.env['CC'] ?? 'cc',
  into: URL = built,
): string | undefined {
  if (process.platform !== 'linux') return `it pins its threads as Linux does, this is ${process.platform}`;
  mkdirSync(into, { recursive: true });
  for (const program of new Set(Object.values(programs))) {
    const source = new URL(`${program}.c`, sources);
    const binary = new URL(program, into);
    if (changed(binary) > Math.max(changed(source), changed(new URL('bench.h', sources)))) continue;
    // Another run may want it at the same time: it sees all of it or nothing.
    const making = new URL(`${program}-${process.pid}`, into);
    const args = ['-O2', '-Wall', '-pthread', '-o', fileURLToPath(making), fileURLToPath(source)];
    try {
      execFileSync(compiler, args, { stdio: 'pipe' });
    } catch (error) {
      return `it needs a C compiler: ${error instanceof Error ? error.message.trim() : String(error)}`;
    }
    renameSync(making, binary);
  }
  return undefined;
}

/** What the program of that contestant says. It fails by itself if its lock let two in at once. */
export async function runNative<T>(name: string, args: readonly (number | string)[]): Promise<T> {
  const binary = fileURLToPath(new URL(programs[name] ?? name, built));
  const { stdout } = await run(binary, args.map(String), { timeout: 60_000 });
  const result: T = JSON.parse(stdout);
  return result;
}
