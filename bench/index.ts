/**
 * `npm run bench -- [GROUP] [--case TEXT] [--quick] [--strict] [--json FILE]`
 *
 * Without a group, all of them run. What they have shown is printed, and written into bench/RESULTS.md and README.md in the
 * place of what was there of these groups.
 * `--case` takes the cases whose name contains the text; then, and with `--quick`, it is only printed.
 * A missed bar is news, not a failure: the exit code tells of it only with `--strict`.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { groups } from './groups.js';
import { type Measured, type Row, type RunOptions, measure, rows } from './harness.js';
import { publish } from './publish.js';
import type { Section } from './publish.js';
import { bars, circumstances, highlights, loads, table } from './report.js';

const usage = `groups: ${groups.map((group) => group.name).join(', ')}
options: --case TEXT, --quick, --strict, --json FILE`;

function args(): { chosen: typeof groups; flags: Flags } {
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
  return { chosen, flags: values };
}

interface Flags {
  readonly case: string;
  readonly quick: boolean;
  readonly strict: boolean;
  readonly json?: string;
}

async function main({ chosen, flags }: ReturnType<typeof args>): Promise<void> {
  const root = new URL('../../bench/', import.meta.url);
  const raw = new URL(`raw/${new Date().toISOString().replaceAll(':', '-')}.jsonl`, root);
  if (!flags.quick) mkdirSync(new URL('.', raw), { recursive: true });

  let notes: string[] = [];
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
  const sections: Section[] = [];
  let short = 0;
  for (const group of chosen) {
    const before = loads();
    notes = [];
    const measured: Measured[] = [];
    const report: string[] = [];
    const print = (text: string): void => {
      report.push(text);
      process.stdout.write(`${text}\n\n`);
    };
    process.stdout.write(`## ${group.name}\n\n`);
    for (const what of group.cases) {
      const result = await measure(group, what, options);
      if (result === undefined) continue;
      measured.push(result);
      found.push(...rows(group.name, result));
      print(table(result));
    }
    const held = bars(group, measured);
    short += held.short;
    const caveat = flags.quick ? ', too short a run to judge by' : '';
    print(`### Bars of ${group.name}${caveat}\n\n${held.text}`);
    print([circumstances(before), ...notes].join('\n'));
    sections.push({
      group: group.name,
      text: report.join('\n\n'),
      highlights: highlights(group, measured),
    });
  }
  if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(found, null, 2) + '\n');
  if (!flags.quick && flags.case === '') {
    publish(
      sections,
      groups.map(({ name }) => name),
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
