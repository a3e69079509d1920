/** What all commands have in common: a table of options, of which their help is made, and `--help` itself. */
import { parse } from './args.js';
import type { Args, Option, Syntax } from './args.js';
import { Exit } from './exits.js';
import type { Ended } from './exits.js';

export interface Command extends Syntax {
  readonly name: string;
  /** Behind the name. */
  readonly usage: string;
  /** What it does, in a paragraph or two. */
  readonly about: string;
  /** Its exit codes, and what else there is to know, behind the options. */
  readonly more?: string;
}

/** What the file of a command exports. */
export type Main = (line: readonly string[]) => Promise<Ended>;

const help: Option = { long: 'help', short: 'h', text: 'this text' };

/** For those that print data. */
export const json: Option = { long: 'json', text: 'print JSON; tokens are strings, because they are large' };

/** The `main` of a command. */
export function command(spec: Command, run: (args: Args) => Promise<Ended>): Main {
  const syntax = { ...spec, options: [...spec.options, help] };
  return async (line) => {
    const args = parse(line, syntax);
    if (!args.has('help')) return run(args);
    process.stdout.write(helpOf({ ...spec, ...syntax }));
    return Exit.Ok;
  };
}

function helpOf({ name, usage, about, options, more }: Command): string {
  const left = options.map(({ long, short, value }) => {
    const shorts = Array.from(short ?? '', (letter) => `-${letter}, `).join('');
    const names = `${shorts.padStart(4)}--${long}`;
    return value === undefined ? names : `${names} ${value}`;
  });
  const width = Math.max(...left.map(({ length }) => length));
  const lines = options.map(({ text }, i) => {
    const wrapped = text.replaceAll('\n', `\n${' '.repeat(width + 4)}`);
    return `  ${(left[i] ?? '').padEnd(width)}  ${wrapped}`;
  });
  const parts = [`Usage: tierlock ${name} ${usage}`, about, lines.join('\n'), more];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}
