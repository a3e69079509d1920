/**
 * `npm run bench -- [GROUP] [--case TEXT] [--quick] [--strict] [--json FILE]`
 *
 * Without a group, all of them run, and bench/RESULTS.md and the table in README.md are written anew; with one, the
 * tables are only printed.
 * `--case` takes the cases whose name contains the text; like `--quick`, it leaves RESULTS.md alone.
 * A missed bar is news, not a failure: the exit code tells of it only with `--strict`.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { groups } from './groups.js';
import { type Measured, type Row, type RunOptions, measure, rows } from './harness.js';
import { bars, circumstances, highlights, loads, table } from './report.js';

const method = `Written by \`npm run bench\`. Each round runs every contestant once, in a process of its own; a figure is the
median over the rounds, each of which gave the median of its inner rounds. A ratio is the median of the ratios inside
each round, then in parentheses the ratio of the medians.`;

const usage = `groups: ${groups.map((group) => group.name).join(', ')}
options: --case TEXT, --quick, --strict, --json FILE`;

function args(): { chosen: typeof groups; all: boolean; flags: Flags } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      case: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const unknown = positionals.find((name) => !groups.some((group) => group.name === name));
  if (unknown !== undefined) throw new Error(`there is no group '${unknown}'`);
  const all = positionals.length === 0;
  const named = groups.filter((group) => all || positionals.includes(group.name));
  const chosen = named.map((group) => ({
    ...group,
    cases: group.cases.filter((each) => each.name.includes(values.case)),
  }));
  if (chosen.every((group) => group.cases.length === 0)) {
    const names = named.flatMap((group) => group.cases.map((each) => each.name));
    throw new Error(`there is no case with '${values.case}' in its name, only: ${names.join('; ')}`);
  }
  // Minutes of measuring must not end at a file that cannot be written.
  if (values.json !== undefined) writeFileSync(values.json, '[]\n');
  return { chosen, all, flags: values };
}

interface Flags {
  readonly case: string;
  readonly quick: boolean;
  readonly strict: boolean;
  readonly json?: string;
}

async function main({ chosen, all, flags }: ReturnType<typeof args>): Promise<void> {
  const before = loads();
  const root = new URL('../../bench/', import.meta.url);
  const raw = new URL(`raw/${new Date().toISOString().replaceAll(':', '-')}.jsonl`, root);
  if (!flags.quick) mkdirSync(new URL('.', raw), { recursive: true });

  const notes: string[] = [];
  const options: RunOptions = {
    quick: flags.quick,
    rounds: flags.quick ? 1 : 7,
    say(line) {
      notes.push(`- ${line}`);
      process.stderr.write(`${line}\n`);
    },
    record: (trial) => {
      if (!flags.quick) appendFileSync(raw, JSON.stringify(trial) + '\n');
    },
  };

  const found: Row[] = [];
  const report: string[] = [];
  const shown: string[] = [];
  let short = 0;
  const print = (text: string): void => {
    report.push(text);
    process.stdout.write(`${text}\n\n`);
  };
  for (const group of chosen) {
    const measured: Measured[] = [];
    print(`## ${group.name}`);
    for (const what of group.cases) {
      const result = await measure(group, what, options);
      if (result === undefined) continue;
      measured.push(result);
      found.push(...rows(group.name, result));
      print(table(result));
    }
    shown.push(highlights(group, measured));
    const held = bars(group, measured);
    short += held.short;
    const caveat = flags.quick ? ', too short a run to judge by' : '';
    print(`### Bars of ${group.name}${caveat}\n\n${held.text}`);
  }

  const around = [circumstances(before), ...notes].join('\n');
  process.stdout.write(`${around}\n`);
  if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(found, null, 2) + '\n');
  if (all && !flags.quick && flags.case === '') {
    const text = ['# Benchmark results', method, around, ...report].join('\n\n');
    writeFileSync(new URL('RESULTS.md', root), text + '\n');
    const readme = new URL('../README.md', root);
    const summary = `<!-- bench -->\n\n${shown.join('\n\n')}\n\n<!-- /bench -->`;
    const marked = /<!-- bench -->[^]*<!-- \/bench -->/;
    writeFileSync(
      readme,
      readFileSync(readme, 'utf8').replace(marked, () => summary),
    );
  }
  if (flags.strict && short > 0) process.exitCode = 1;
}

let asked: ReturnType<typeof args> | undefined;
try {
  asked = args();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
  process.exitCode = 2;
}
if (asked !== undefined) await main(asked);
