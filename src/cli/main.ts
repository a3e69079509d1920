#!/usr/bin/env node
/**
 * The program `tierlock`: a command in a file each, loaded when it is asked for. What a command returns is how this process
 * ends (exits.ts); what it throws is told in one line, unless nobody has foreseen it.
 */
import { readFileSync } from 'node:fs';
import { LockError } from '../errors.js';
import { UsageError } from './args.js';
import type { Main } from './command.js';
import { end, Exit, exitOf } from './exits.js';
import type { Ended } from './exits.js';
import { complain, print } from './print.js';

interface Row {
  readonly about: string;
  load(): Promise<{ readonly main: Main }>;
}

const commands: Readonly<Record<string, Row>> = {
  run: { about: 'run a program while a lock is held', load: () => import('./run.js') },
  hold: { about: 'hold a lock until standard input ends', load: () => import('./hold.js') },
  ls: { about: 'list the names that are held', load: () => import('./ls.js') },
  show: { about: 'show who holds a name, and who waits for it', load: () => import('./show.js') },
  break: { about: 'take a lock away from its holder', load: () => import('./break.js') },
  clean: { about: 'remove the lock files that nobody uses', load: () => import('./clean.js') },
  doctor: {
    about: 'see whether the locks of this host, or a store, hold',
    load: () => import('./doctor.js'),
  },
  demo: { about: 'see what happens with and without locks', load: () => import('./demo.js') },
};

function usage(): string {
  const names = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`);
  return `Usage: tierlock COMMAND [options]

Locks by name, between the processes of a host and between hosts.

${names.join('\n')}

tierlock COMMAND --help tells more, tierlock --version which release this is.`;
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function main([name, ...line]: readonly string[]): Promise<Ended> {
  switch (name) {
    case '--version':
    case '-V':
      print(version());
      return Exit.Ok;
    case '--help':
    case '-h':
      print(usage());
      return Exit.Ok;
    case 'help': {
      const [of] = line;
      if (of !== undefined) return perform(of, ['--help']);
      print(usage());
      return Exit.Ok;
    }
    case undefined:
      process.stderr.write(`${usage()}\n`);
      return Exit.Usage;
    default:
      return perform(name, line);
  }
}

async function perform(name: string, line: readonly string[]): Promise<Ended> {
  const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (row === undefined) return refuse(`: unknown command '${name}'`, 'tierlock --help');
  try {
    return await (await row.load()).main(line);
  } catch (error) {
    if (error instanceof UsageError) return refuse(` ${name}: ${error.message}`, `tierlock ${name} --help`);
    if (!(error instanceof LockError)) throw error;
    complain(name, error.message);
    return exitOf(error) ?? Exit.Bug;
  }
}

function refuse(message: string, help: string): number {
  process.stderr.write(`tierlock${message} (see ${help})\n`);
  return Exit.Usage;
}

// Whoever has read enough of what we print has not done anything wrong.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  end(await main(process.argv.slice(2)));
} catch (error) {
  console.error(error);
  end(Exit.Bug);
}
