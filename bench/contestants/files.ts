/**
 * What a lock on a file must be able to do to take part in the group `files`. All keep the file open that can: to open
 * it costs more than to lock it. As in contestant.ts each adapter writes its loops out, in the peer's own fastest form.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildNative, isNative } from './native.js';
import type { Origin } from './shared.js';

/** What gives a lock back. */
export type Release = () => void | Promise<void>;

/** The use of the lock on one file. What waits asynchronously returns promises. */
export interface FileUse {
  /** Takes the lock for one section after another, until a section returns false. */
  readonly turns: (section: () => boolean) => void | Promise<void>;
  readonly hold: () => Release | Promise<Release>;
}

export interface FileContestant {
  /** The file is there, and empty. */
  open(path: string): FileUse;
}

/** What each adapter module exports. */
export interface FileModule {
  readonly contestants: Readonly<Record<string, FileContestant>>;
}

/** By the contestant's name up to its colon. */
const modules: Readonly<Record<string, string>> = {
  tierlock: './tierlock-files.js',
  floor: './floors-files.js',
  'fs-ext': './fs-ext.js',
  'fs-native-extensions': './fs-native-extensions.js',
  'os-lock': './os-lock.js',
  'proper-lockfile': './proper-lockfile.js',
};

export function fileOrigin(name: string): Origin {
  const module = modules[name.split(':')[0] ?? name];
  if (module === undefined) throw new Error(`there is no contestant '${name}'`);
  return { module: new URL(module, import.meta.url).href, name };
}

export async function openFileOf({ module, name }: Origin, path: string): Promise<FileUse> {
  const { contestants }: FileModule = await import(module);
  const found = contestants[name];
  if (found === undefined) throw new Error(`there is no contestant '${name}'`);
  return found.open(path);
}

const run = promisify(execFile);
const answers = new Map<string, Promise<string | undefined>>();

/** Asked in a process of its own, which takes a lock: a peer that cannot be loaded may do worse than throw. */
async function probe(name: string): Promise<string | undefined> {
  const program = fileURLToPath(new URL('../files/probe.js', import.meta.url));
  try {
    await run(process.execPath, [program, name], { timeout: 20_000 });
    return undefined;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const said = /^\w*Error.*$/m.exec(stderr)?.[0] ?? String(error);
    return `it does not work here: ${said}`;
  }
}

/** Why a contestant cannot take part on this machine; undefined if it can. */
export function absentFile(name: string): Promise<string | undefined> {
  if (isNative(name)) return Promise.resolve(buildNative());
  const { module } = fileOrigin(name);
  const known = answers.get(module) ?? probe(name);
  answers.set(module, known);
  return known;
}
