/**
 * Other versions of Node, for what must be tried on them. Each is fetched once, as the package that carries the
 * binary, into a folder outside the repository: $TIERLOCK_NODES, or `tierlock-nodes` in the temporary folder.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const own = Number.parseInt(process.versions.node, 10);

const platform = process.platform === 'win32' ? 'win' : process.platform;
const name = `node-${platform}-${process.arch}`;
const file = join('node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** Whether it starts here and is what it should be. */
async function works(binary: string, major: number): Promise<boolean> {
  try {
    const { stdout } = await run(binary, ['--version']);
    return stdout.startsWith(`v${major}.`);
  } catch {
    return false;
  }
}

/** Installs beside the place and renames, so that two test files at once never see half a binary. */
async function fetch(major: number, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(join(cache, 'making-'));
  try {
    await run('npm', ['install', '--prefix', making, '--no-audit', '--no-fund', `${name}@${major}`], {
      cwd: making,
      timeout: 300_000,
      shell: process.platform === 'win32',
    });
    await rename(making, join(cache, String(major)));
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** The path of a Node of that major version; undefined, and a line on stderr, if it cannot be had. */
export async function nodeBinary(major: number): Promise<string | undefined> {
  if (major === own) return process.execPath;
  const cache = process.env['TIERLOCK_NODES'] ?? join(tmpdir(), 'tierlock-nodes');
  const binary = join(cache, String(major), file);
  if (await works(binary, major)) return binary;
  let why: unknown = 'what came does not run';
  try {
    await fetch(major, cache);
  } catch (error) {
    // Somebody else may have put it there meanwhile, which is as good.
    why = error;
  }
  if (await works(binary, major)) return binary;
  process.stderr.write(`!!! no Node ${major} for ${process.platform}-${process.arch}: ${String(why)}\n`);
  return undefined;
}
