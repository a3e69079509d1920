/** `tierlock ls`: the names that are held now, and by whom. */
import { command, json } from './command.js';
import type { Command, Main } from './command.js';
import { Exit } from './exits.js';
import { cellsOf, headings, look } from './looking.js';
import { printJson, printTable } from './print.js';
import { whereOptions } from './where.js';

const spec: Command = {
  name: 'ls',
  usage: '[options]',
  about: `Lists the names that are held in the lock folder of this host; with --url, those in the store as well.
Takes nothing and changes nothing. A name of more than 200 characters is not listed: use show.`,
  operands: { least: 0, most: 0 },
  options: [...whereOptions, json],
  more: 'Exit codes: 0, 64 wrong usage, 74 the folder or the store cannot be used, 78 not possible here.',
};

export const main: Main = command(spec, async (args) => {
  const found = await look(args);
  if (args.has('json')) {
    printJson(found);
    return Exit.Ok;
  }
  const rows = found.flatMap(({ name, kind, holders }) =>
    holders.map((holder) => [name, kind, ...cellsOf(holder)]),
  );
  if (rows.length > 0) printTable([['NAME', 'KIND', ...headings], ...rows]);
  return Exit.Ok;
});
