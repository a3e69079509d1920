/** `tierlock clean`: removes the lock files that nobody uses, as src/files/removal.ts does it: no taker is split by it. */
import { openFolder } from '../files/folder.js';
import { UsageError } from './args.js';
import { command, json } from './command.js';
import type { Command, Main } from './command.js';
import { Exit } from './exits.js';
import { print, printJson, visible } from './print.js';
import { folderThere, pathOption, urlOption } from './where.js';

const spec: Command = {
  name: 'clean',
  usage: '[options]',
  about: `Removes the lock files of a folder that nobody holds or waits for, and forgets holders who are dead. It may be
done at any time: it locks each file before, and whoever comes for it meanwhile notices and makes it anew. Left alone
are the page of the folder (.tierlock), other names, and files with anything in them. Do not use it in a folder where
Python services with oslo.concurrency have their files: they do not notice.
What is held in a store lapses by itself: there is nothing to clean.`,
  operands: { least: 0, most: 0 },
  options: [
    pathOption,
    { ...urlOption, text: 'refused: see above' },
    { long: 'dry-run', text: 'remove nothing, say what would be' },
    json,
  ],
  more: 'Exit codes: 0, 64 wrong usage, 74 the folder cannot be used, 78 not possible here.',
};

export const main: Main = command(spec, async (args) => {
  if (args.has('url'))
    throw new UsageError('what is held in a store lapses by itself: there is nothing to clean');
  const dryRun = args.has('dry-run');
  const where = folderThere(args);
  const folder = where && openFolder(where.lockPath === undefined ? {} : { lockPath: where.lockPath });
  const { removed, inUse } = folder?.clean({ dryRun }) ?? { removed: [], inUse: [] };
  if (args.has('json')) {
    printJson({ folder: folder?.path, dryRun, removed, inUse });
    return Exit.Ok;
  }
  for (const file of removed) print(`${dryRun ? 'would remove' : 'removed'} ${visible(file)}`);
  print(`${removed.length} ${dryRun ? 'can be removed' : 'removed'}, ${inUse.length} in use`);
  return Exit.Ok;
});
