/**
 * Where the figures stay: bench/RESULTS.md has a section for each group, and README.md a table. A run writes those of its
 * own groups anew, each with its date and load, and leaves the others as they are.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const method = `Written by \`npm run bench\`. Each round runs every contestant once, in a process of its own; a figure is the
median over the rounds, each of which gave the median of its inner rounds. A ratio is the median of the ratios inside
each round, then in parentheses the ratio of the medians.`;

export interface Section {
  readonly group: string;
  /** The tables of the group, and on what and when they were measured. */
  readonly text: string;
  /** The table for the README. */
  readonly highlights: string;
}

/** `order`: the names of all groups. */
export function publish(sections: readonly Section[], order: readonly string[]): void {
  const results = new URL('../../bench/RESULTS.md', import.meta.url);
  const texts = new Map<string, string>();
  for (const part of readFileSync(results, 'utf8')
    .split(/^(?=## )/m)
    .slice(1)) {
    const [, group = '', text = ''] = /^## (\S+)\n\n([^]*)$/.exec(part) ?? [];
    texts.set(group, text.trimEnd());
  }
  for (const { group, text } of sections) texts.set(group, text);
  const parts = order.flatMap((group) => (texts.has(group) ? [`## ${group}`, texts.get(group) ?? ''] : []));
  writeFileSync(results, `${['# Benchmark results', method, ...parts].join('\n\n')}\n`);

  const readme = new URL('../../README.md', import.meta.url);
  const marked = /<!-- bench -->([^]*)<!-- \/bench -->/;
  const before = readFileSync(readme, 'utf8');
  const tables = new Map<string, string>();
  for (const table of (marked.exec(before)?.[1] ?? '').trim().split('\n\n')) {
    tables.set(/^\| (\S+)/.exec(table)?.[1] ?? '', table);
  }
  for (const { group, highlights } of sections) tables.set(group, highlights);
  const shown = order.flatMap((group) => tables.get(group) ?? []).join('\n\n');
  writeFileSync(
    readme,
    before.replace(marked, () => `<!-- bench -->\n\n${shown}\n\n<!-- /bench -->`),
  );
}
