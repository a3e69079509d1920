/**
 * Tables and bars as Markdown, which reads well in a terminal too. Ratios come twice: the median of the ratios
 * within each round, and after it in parentheses the ratio of the two medians. Where they differ the machine was
 * busy, and the first is the one to trust.
 */
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { packages } from './contestants/index.js';
import { type Bar, type Group, type Measured, measuredBar, median, passes, ratio } from './harness.js';

/** Three digits, and no more precision than that. */
export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function times(measured: Measured, name: string, reference: string | undefined): string {
  if (reference === undefined) return '';
  const values = measured.samples.get(name) ?? [];
  const others = measured.samples.get(reference) ?? [];
  const inRounds = ratio(measured, name, reference);
  // Where somebody has nothing, nobody can be so many times as much.
  return inRounds === undefined || !Number.isFinite(inRounds)
    ? ''
    : `${figure(inRounds)}x (${figure(median(values) / median(others))}x)`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** One case: everybody, beside its floor and beside us. */
export function table(measured: Measured): string {
  const { name, unit } = measured.case;
  const names = [...measured.samples.keys()];
  const floor = names.find((each) => each.startsWith('floor:'));
  const ours = names.find((each) => each.startsWith('tierlock'));
  const rounds = measured.samples.get(names[0] ?? '')?.length ?? 0;
  const head = ['contestant', unit, 'min', 'max', `per ${floor ?? 'floor'}`, `per ${ours ?? 'tierlock'}`];
  return [
    `### ${name}`,
    '',
    `Node ${measured.node}, ${rounds} round${rounds === 1 ? '' : 's'}.`,
    '',
    line(head),
    line(['---', ...head.slice(1).map(() => '---:')]),
    ...names.map((each) => {
      const values = measured.samples.get(each) ?? [];
      const numbers = [median(values), Math.min(...values), Math.max(...values)].map(figure);
      return line([each, ...numbers, times(measured, each, floor), times(measured, each, ours)]);
    }),
  ].join('\n');
}

/** What the case's first floor shows, to read our figure beside it where the bar itself is not a ratio to it. */
function beside(bar: Bar, measured: Measured): string {
  const floor = measured.case.contestants.find((each) => each.startsWith('floor:'));
  const values = floor === undefined || bar.per !== undefined ? undefined : measured.samples.get(floor);
  return values === undefined ? '' : ` (${floor}: ${figure(median(values))})`;
}

/** Every bar whose case ran: pass, or FALLS SHORT. */
export function bars(group: Group, all: readonly Measured[]): { text: string; short: number } {
  const head = ['case', 'bar', 'measured', 'limit', ''];
  const out = [line(head), line(['---', '---', '---:', '---:', '---'])];
  let short = 0;
  for (const bar of group.bars) {
    const measured = all.find((each) => each.case.name === bar.case);
    if (measured === undefined) continue;
    const value = measuredBar(bar, measured);
    const unit = bar.per === undefined ? ` ${measured.case.unit}` : 'x';
    const formula = bar.per === undefined ? bar.of : `${bar.of} / ${bar.per}`;
    const limit = `${bar.is} ${bar.limit}${unit}`;
    if (value === undefined) {
      out.push(line([bar.case, formula, 'not measured', limit, '']));
      continue;
    }
    const ok = passes(bar, value);
    if (!ok) short++;
    const shown = `${figure(value)}${unit}${beside(bar, measured)}`;
    out.push(line([bar.case, formula, shown, limit, ok ? 'pass' : '**FALLS SHORT**']));
  }
  return { text: out.join('\n'), short };
}

/** What the README shows: the medians of some cases, everybody who took part in the first one by speed. */
export function highlights(group: Group, all: readonly Measured[]): string {
  const columns = Object.entries(group.highlights).map(([name, title]) => {
    const samples = all.find((each) => each.case.name === name)?.samples;
    return {
      title,
      of: (who: string): number | undefined => samples?.get(who) && median(samples.get(who) ?? []),
    };
  });
  const names = [...new Set(all.flatMap((each) => [...each.samples.keys()]))];
  // By the first column; who is not in it, by the next one.
  const rank = (who: string): number => columns.findIndex(({ of }) => of(who) !== undefined);
  const speed = (who: string): number => columns[rank(who)]?.of(who) ?? Infinity;
  const shown = names
    .filter((who) => rank(who) >= 0)
    .toSorted((a, b) => rank(a) - rank(b) || speed(a) - speed(b));
  return [
    line([group.name, ...columns.map(({ title }) => title)]),
    line(['---', ...columns.map(() => '---:')]),
    ...shown.map((who) => {
      const values = columns.map(({ of }) => of(who));
      return line([who, ...values.map((value) => (value === undefined ? '' : figure(value)))]);
    }),
  ].join('\n');
}

export function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');
}

/** Only the manifest has the version, and not every package exports it: read it where npm puts it. */
function version(peer: string): string {
  const manifest = new URL(`../../node_modules/${peer}/package.json`, import.meta.url);
  if (!existsSync(manifest)) return 'absent';
  const { version: installed }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'));
  return installed;
}

/** On what, when and beside what all of it was measured. */
export function circumstances(before: string): string {
  const processors = cpus();
  return [
    `- date: ${new Date().toISOString().slice(0, 10)}`,
    `- Node: ${process.version}, ${process.platform} ${process.arch}`,
    `- CPU: ${processors[0]?.model ?? 'unknown'}, ${processors.length} cores`,
    `- load average before: ${before}; after: ${loads()}`,
    `- peers: ${packages.map((peer) => `${peer} ${version(peer)}`).join(', ')}`,
  ].join('\n');
}
