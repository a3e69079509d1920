/** How `ls`, `show` and `break` look: at the folder of this host, and at a store if one is named. */
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import type { Backend } from '../backend.js';
import { inspect } from '../inspect.js';
import type { Inspection, Participant } from '../inspect.js';
import type { Args } from './args.js';
import { folderThere, storeOf } from './where.js';

/** A holder, as it is printed. */
export interface Person extends Participant {
  /** What it runs, as far as this host can tell. */
  readonly command: string | undefined;
}

export interface Found extends Pick<Inspection, 'name' | 'kind'> {
  readonly holders: readonly Person[];
}

/** Who holds that name, or all that are held. */
export async function look(args: Args, name?: string): Promise<Found[]> {
  const store = storeOf(args);
  try {
    return await lookAt(args, store, name);
  } finally {
    await store?.close();
  }
}

async function lookAt(args: Args, store: Backend | undefined, name: string | undefined): Promise<Found[]> {
  const folder = folderThere(args);
  const options = { ...folder, ...(store !== undefined && { distributed: store }) };
  const found = await inspect(name, options);
  return found.map((each) => ({
    name: each.name,
    kind: each.kind,
    holders: each.holders.map((holder) => ({ ...holder, command: commandOf(holder) })),
  }));
}

/** Numbers of processes mean something on their own host only. */
function commandOf({ host, pid }: Participant): string | undefined {
  return pid === undefined || (host !== undefined && host !== hostname()) ? undefined : commandOfPid(pid);
}

/** The command line of a process of this host, without the passwords in its URLs; undefined if there is none. */
export function commandOfPid(pid: number): string | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    if (process.platform === 'linux') return undefined;
    line = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  }
  return line.trim().replaceAll(/(?<=:\/\/[^\s/@]*):[^\s/]*@/g, ':***@') || undefined;
}

/** The cells of a holder: how, where, who. */
export function cellsOf({ mode, tier, host, pid, thread, since, token, command }: Person): string[] {
  const units = typeof mode === 'number' ? `${mode} of its permits` : mode;
  const who =
    pid === undefined ? 'unknown' : thread === pid || thread === undefined ? `${pid}` : `${pid}/${thread}`;
  return [
    units ?? 'unknown',
    tier,
    host ?? hostname(),
    who,
    since?.toISOString() ?? '',
    token === undefined ? '' : String(token),
    command ?? '',
  ];
}

export const headings: readonly string[] = ['MODE', 'TIER', 'HOST', 'PID', 'SINCE', 'TOKEN', 'COMMAND'];
