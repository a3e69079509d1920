/** `tierlock show`: all that is known of one name. */
import { join } from 'node:path';
import { hostname } from 'node:os';
import { fileOf } from '../files/file-names.js';
import { whichPlace } from '../files/place.js';
import type { Args } from './args.js';
import { command, json } from './command.js';
import type { Command, Main } from './command.js';
import { Exit } from './exits.js';
import { cellsOf, commandOfPid, headings, look } from './looking.js';
import type { Found } from './looking.js';
import { print, printJson, printTable, visible } from './print.js';
import { waitersAt } from './waiters.js';
import { folderOf, whereOptions } from './where.js';

const spec: Command = {
  name: 'show',
  usage: '[options] NAME',
  about: `Shows who holds NAME, and who waits for its lock file on this host: host, process, command,
thread, since when, with which token. With --url, who holds it in the store as well.
Takes nothing and changes nothing. A store does not say since when, nor who waits.`,
  operands: { least: 1, most: 1 },
  wants: 'the NAME',
  options: [...whereOptions, json],
  more: `Exit codes: 0 somebody holds it, 1 nobody does, 64 wrong usage,
74 the folder or the store cannot be used, 78 not possible here.`,
};

export const main: Main = command(spec, async (args) => {
  const [name = ''] = args.operands;
  const found = await look(args, name);
  const waiters = waitersOf(args, name, found);
  if (args.has('json')) printJson({ name, found, waiters });
  else printFound(name, found, waiters);
  return found.length > 0 ? Exit.Ok : Exit.No;
});

interface Waiting {
  /** How many threads are blocked, in all processes. */
  readonly threads: number;
  readonly processes: readonly { readonly pid: number; readonly command: string | undefined }[];
}

function waitersOf(args: Args, name: string, found: readonly Found[]): Waiting {
  const { path } = whichPlace(folderOf(args));
  const holders = found.flatMap(({ holders: each }) => each.map(({ pid }) => pid));
  const { threads, pids } = waitersAt(join(path, fileOf('lock', name)), holders);
  return { threads, processes: pids.map((pid) => ({ pid, command: commandOfPid(pid) })) };
}

function printFound(name: string, found: readonly Found[], waiting: Waiting): void {
  if (found.length === 0) print(`nobody holds '${visible(name)}'`);
  for (const { kind, holders } of found) {
    print(`the ${kind} '${visible(name)}' is held by`);
    printTable([headings, ...holders.map(cellsOf)]);
  }
  const { threads, processes } = waiting;
  if (threads === 0) return;
  print(`${threads === 1 ? 'one waits' : `${threads} wait`} for its file on ${hostname()}`);
  printTable([['PID', 'COMMAND'], ...processes.map(({ pid, command: line }) => [String(pid), line ?? ''])]);
}
