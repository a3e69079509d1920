/**
 * A command line in parts. Options may stand before and behind the operands, short ones together (`-sn`, `-w5`), long ones
 * with `=`; `--` ends them. Of a command that runs another one, all behind the name belongs to that one, unless it is an
 * option that stands directly behind the name.
 */

/** The command line makes no sense. */
export class UsageError extends Error {
  static {
    this.prototype.name = 'UsageError';
  }
}

export interface Option {
  readonly long: string;
  readonly short?: string;
  /** What stands for its value in the help; without it, it takes none. */
  readonly value?: string;
  readonly text: string;
}

export interface Syntax {
  readonly options: readonly Option[];
  /** How many operands there may be. */
  readonly operands: { readonly least: number; readonly most: number };
  /** Whatever follows the last operand is the command line of another program. */
  readonly program?: boolean;
  /** What is missing if there are too few operands. */
  readonly wants?: string;
}

export class Args {
  readonly operands: readonly string[];
  /** The other program with its arguments. */
  readonly program: readonly string[];
  readonly #given: readonly (readonly [long: string, value: string])[];

  constructor(operands: readonly string[], program: readonly string[], given: readonly [string, string][]) {
    this.operands = operands;
    this.program = program;
    this.#given = given;
  }

  has(long: string): boolean {
    return this.#given.some(([each]) => each === long);
  }

  /** Of options that contradict each other, the one that was given last. */
  last(...longs: string[]): string | undefined {
    return this.#given.findLast(([each]) => longs.includes(each))?.[0];
  }

  /** Its value; the last one, if it was given more than once. */
  text(long: string): string | undefined {
    return this.all(long).at(-1);
  }

  all(long: string): string[] {
    return this.#given.filter(([each]) => each === long).map(([, value]) => value);
  }

  /** Seconds, as ms. */
  ms(long: string): number | undefined {
    const text = this.text(long);
    if (text === undefined) return undefined;
    if (/^(?:\d+\.?\d*|\.\d+)$/.test(text)) return Number(text) * 1000;
    throw new UsageError(`--${long} takes a number of seconds, like 1.5, not '${text}'`);
  }

  whole(long: string, most: number): number | undefined {
    const text = this.text(long);
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text) && Number(text) <= most) return Number(text);
    throw new UsageError(`--${long} takes a whole number from 0 to ${most}, not '${text}'`);
  }
}

export function parse(line: readonly string[], syntax: Syntax): Args {
  const { options, operands: count, program: runs = false } = syntax;
  const operands: string[] = [];
  const given: [string, string][] = [];
  const left = [...line];
  let ended = false;
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (!ended && arg === '--') ended = true;
    else if (!ended && arg.startsWith('--')) readLong(arg);
    else if (!ended && arg.startsWith('-') && arg !== '-') readShorts(arg);
    else if (runs && operands.length === count.most) {
      return finish([arg, ...left]);
    } else operands.push(arg);
  }
  return finish([]);

  function readLong(arg: string): void {
    const [, long = '', value] = /^--([^=]*)(?:=([^]*))?$/.exec(arg) ?? [];
    const option = options.find((each) => each.long === long);
    if (option === undefined) throw new UsageError(`unknown option '--${long}'`);
    if (option.value === undefined) {
      if (value !== undefined) throw new UsageError(`--${long} takes no value`);
      given.push([long, '']);
    } else given.push([long, value ?? valueOf(`--${long}`, option)]);
  }

  function readShorts(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const short = arg[at] ?? '';
      const option = options.find((each) => each.short?.includes(short));
      if (option === undefined) throw new UsageError(`unknown option '-${short}'`);
      if (option.value === undefined) given.push([option.long, '']);
      else {
        const rest = arg.slice(at + 1);
        given.push([option.long, rest === '' ? valueOf(`-${short}`, option) : rest]);
        return;
      }
    }
  }

  function valueOf(name: string, option: Option): string {
    const value = left.shift();
    if (value === undefined) throw new UsageError(`${name} needs a value: ${name} ${option.value}`);
    return value;
  }

  function finish(rest: string[]): Args {
    const program = rest[0] === '--' ? rest.slice(1) : rest;
    const args = new Args(operands, program, given);
    if (args.has('help')) return args;
    if (operands.length < count.least) throw new UsageError(`${syntax.wants ?? 'an operand'} is missing`);
    const [extra] = operands.slice(count.most);
    if (extra !== undefined) throw new UsageError(`'${extra}' is too much: see the usage`);
    return args;
  }
}
