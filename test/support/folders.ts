/** What other processes do with a folder of lock files (for takers: taker.ts). */
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openFolder } from '../../src/files/folder.js';
import type { Entry, Folder } from '../../src/files/folder.js';
import type { HolderRecord } from '../../src/files/records.js';
import { FileLock } from '../../src/index.js';

const folderAt = (lockPath: string): Folder => openFolder({ lockPath });

export interface Request {
  readonly lockPath: string;
  readonly name: string;
}

/** Holds the file of that name, and says so in its record. */
export async function take({ lockPath, name }: Request): Promise<{ release(): boolean; token: bigint }> {
  const folder = folderAt(lockPath);
  const entry = folder.entry('lock', name);
  const guard = await new FileLock(entry.path).lock();
  const token = folder.nextToken();
  const record = entry.record('exclusive', token);
  return {
    token,
    release: () => {
      record.clear();
      return guard.release();
    },
  };
}

/** Draws so many tokens. */
export function draw(lockPath: string, count: number): bigint[] {
  const folder = folderAt(lockPath);
  return Array.from({ length: count }, () => folder.nextToken());
}

const kept: HolderRecord[] = [];

/** Records so many holds, of names that nobody else has, and keeps them. */
export function fill(lockPath: string, count: number): void {
  const folder = folderAt(lockPath);
  for (let i = 0; i < count; i++) {
    kept.push(folder.entry('lock', `of ${process.pid}, ${i}`).record('shared', folder.nextToken()));
  }
}

/** The token that says which process has drawn it. */
export const tokenOf = (pid: number, round: number): bigint => BigInt(pid) * 1_000_000n + BigInt(round);

/** Writes and clears its record all the time, until there is a file `stop`. */
export async function scribble({ lockPath, name }: Request, stop: string): Promise<void> {
  const entry = folderAt(lockPath).entry('lock', name);
  for (let round = 0; !existsSync(stop); round = (round + 1) % 1000) {
    for (let i = 0; i < 100; i++) entry.record('shared', tokenOf(process.pid, round)).clear();
    await setImmediate();
  }
}

/** Cleans all the time, until there is a file `stop`, and says how often it has removed something. */
export async function clean(lockPath: string, stop: string): Promise<number> {
  const folder = folderAt(lockPath);
  let removed = 0;
  while (!existsSync(stop)) {
    removed += folder.clean().removed.length;
    await setImmediate();
  }
  return removed;
}

/** What a test sees of a holder. */
export function holderOf(entry: Entry): { pid: number; token: bigint } | 'unknown' | undefined {
  const holder = entry.holder();
  return typeof holder === 'object' ? { pid: holder.pid, token: holder.token } : holder;
}
