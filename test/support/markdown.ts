/** The pages that users read, cut into what a test can check: blocks of code, links, headings and lists. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the package. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url));

/** All of them, as paths from the root. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  ...readdirSync(join(root, '.github'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `.github/${file}`),
];

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** A block of code between two fences. */
export interface Block {
  readonly kind: string;
  readonly code: string;
  /** What stands in the lines right before it, up to an empty line and over one. */
  readonly lead: string;
}

const FENCE = /^```(.*)\n([^]*?)^```$/gm;

export function blocksOf(text: string): Block[] {
  return [...text.matchAll(FENCE)].map(({ 1: kind = '', 2: code = '', index }) => {
    const lead = text.slice(0, index).trimEnd().split('\n\n').at(-1) ?? '';
    return { kind, code, lead };
  });
}

/** Whether it is copied from a program of examples/: then the lines before it link there. */
export function isCopy({ lead }: Block): boolean {
  return linksOf(lead).some((link) => /(?:^|\/)examples\/.+\.[a-z]+$/.test(link));
}

/** All that is no block of code. */
export function proseOf(text: string): string {
  return text.replaceAll(FENCE, '');
}

/** Where the links of a page lead, those inside of code left out. */
export function linksOf(text: string): string[] {
  const prose = proseOf(text).replaceAll(/`[^`\n]+`/g, '');
  return [...prose.matchAll(/\[[^\]]*\]\(([^()\s]+)\)/g)].map(([, to = '']) => to);
}

/** What a link can name behind its `#`: the headings, written as the usual viewers write them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of proseOf(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
    const anchor = plain.trim().replaceAll(/\s/g, '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** The items of all lists, each in one line. */
export function itemsOf(text: string): string[] {
  const items = proseOf(text).match(/^- .*\n(?: {2}.*\n)*/gm) ?? [];
  return items.map((item) => item.replaceAll(/\s+/g, ' ').trim());
}
