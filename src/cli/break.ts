/** `tierlock break`: takes a lock away from its holder, in a store; of a file it says whom one would have to end. */
import { breakLock } from '../break-lock.js';
import { LockUnsupportedError } from '../errors.js';
import { agreed } from './ask.js';
import { command } from './command.js';
import type { Command, Main } from './command.js';
import { Exit } from './exits.js';
import { cellsOf, headings, look } from './looking.js';
import { complain, print, printTable, visible } from './print.js';
import { close, whereOf, whereOptions } from './where.js';

const spec: Command = {
  name: 'break',
  usage: '[options] NAME',
  about: `Takes the lock NAME away from whoever holds it in the store. The holder learns of it at its next renewal, a third
of its ttl later at most, and may go on until then: end it before, if you can. The kernel takes the lock of a file
from no process that lives; of such a one it is said which process to end.`,
  operands: { least: 1, most: 1 },
  wants: 'the NAME of the lock',
  options: [...whereOptions, { long: 'yes', short: 'y', text: 'do not ask' }],
  more: `Exit codes: 0 it was taken away, 1 it was not: nobody held it, the answer was no, or it cannot be taken;
64 wrong usage, 74 the folder or the store cannot be used, 78 not possible here.`,
};

export const main: Main = command(spec, async (args) => {
  const [name = ''] = args.operands;
  const shown = visible(name);
  const where = whereOf(args);
  try {
    const inStore = 'distributed' in where;
    const found = await look(args, name);
    const holders = found
      .filter(({ kind }) => kind === 'lock')
      .flatMap((each) => each.holders)
      .filter(({ tier }) => tier === (inStore ? 'distributed' : 'process'));
    if (holders.length === 0) {
      print(`nobody holds the lock '${shown}': nothing was done`);
      return Exit.No;
    }
    printTable([headings, ...holders.map(cellsOf)]);
    // Where the kernel has it, the answer is no in any case.
    if (inStore && !args.has('yes') && !(await agreed(`Take the lock '${shown}' away?`))) {
      print('nothing was done');
      return Exit.No;
    }
    const broken = await breakLock(name, where);
    print(broken ? `the lock '${shown}' was taken away` : `nobody held the lock '${shown}' any more`);
    return broken ? Exit.Ok : Exit.No;
  } catch (error) {
    if (!(error instanceof LockUnsupportedError)) throw error;
    complain('break', error.message);
    return Exit.No;
  } finally {
    await close(where);
  }
});
