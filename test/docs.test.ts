/**
 * The pages can be followed: every link leads somewhere, and every block of code is of a kind that is run or compared.
 * (examples.test.ts runs those in TypeScript and JavaScript that are not copied from a program.)
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { anchorsOf, blocksOf, isCopy, linksOf, pages, proseOf, read, root } from './support/markdown.js';
import type { Block } from './support/markdown.js';

const pkg = JSON.parse(read('package.json')) as {
  readonly name: string;
  readonly scripts: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
};

/** Why a link of that page leads nowhere; undefined if it does lead somewhere. */
function wrongWith(link: string, page: string): string | undefined {
  if (/^https?:/.test(link)) return URL.canParse(link) ? undefined : 'no URL';
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (file.startsWith('..') || !existsSync(join(root, file))) return 'no such file';
  if (anchor === undefined) return undefined;
  return file.endsWith('.md') && anchorsOf(read(file)).has(anchor) ? undefined : 'no such heading';
}

for (const page of pages) {
  test(`the links of ${page} lead somewhere`, () => {
    const wrong = linksOf(read(page)).flatMap((link) => {
      const why = wrongWith(link, page);
      return why === undefined ? [] : [`${link}: ${why}`];
    });
    assert.deepEqual(wrong, []);
  });
}

test('every page of docs can be reached from the README', () => {
  const linked = new Set<string>();
  const todo = ['README.md'];
  for (const page of todo) {
    for (const link of linksOf(read(page))) {
      const file = normalize(join(dirname(page), link.split('#')[0] ?? ''));
      if (!file.endsWith('.md') || linked.has(file) || !existsSync(join(root, file))) continue;
      linked.add(file);
      todo.push(file);
    }
  }
  assert.deepEqual(
    pages.filter((page) => page.startsWith('docs/') && !linked.has(page)),
    [],
  );
});

/** What a line of a shell may be: something that exists here. */
function unknownCommand(line: string): boolean {
  const [, command = '', rest = ''] = /^(?:[A-Z_]+=\S+ )*(\S+) ?(.*)$/.exec(line) ?? [];
  const words = rest.split(' ');
  if (command === 'node')
    return !words.some((word) => existsSync(join(root, word.replace(/^dist\/(.*)\.js$/, '$1.ts'))));
  if (command !== 'npm') return true;
  if (words[0] === 'install')
    return !words.slice(1).every((name) => [pkg.name, ...Object.keys(pkg.peerDependencies)].includes(name));
  if (words[0] === 'ci') return words.length > 1;
  const script = words[0] === 'run' ? words[1] : words[0];
  return script === undefined || pkg.scripts[script] === undefined;
}

const tests = readdirSync(join(root, 'test')).filter(
  (file) => file.endsWith('.test.ts') && file !== 'docs.test.ts',
);

/** Whether a test of its own runs what is on a page: then it names the page. */
const hasTest = (page: string): boolean =>
  page.startsWith('docs/') && tests.some((file) => read(`test/${file}`).includes(`${basename(page)}'`));

/** Copied from a file, to which the last link before it leads. */
function wrongCopy({ code, lead }: Block, page: string): string | undefined {
  const from = linksOf(lead).at(-1);
  if (from === undefined) return 'the lines before it do not link to the file that it is from';
  const source = read(normalize(join(dirname(page), from))).replaceAll(/^ \* ?/gm, '');
  return source.includes(code) ? undefined : `${from} does not say so, or no more`;
}

const wrongProgram = (block: Block, page: string): string | undefined =>
  isCopy(block) ? wrongCopy(block, page) : undefined;

/** What is wrong with a block, by its kind. */
const checks: Readonly<Record<string, (block: Block, page: string) => string | undefined>> = {
  ts: wrongProgram,
  js: wrongProgram,
  text: wrongCopy,
  sh: ({ code }) => {
    const lines = code.split('\n').map((line) => line.replace(/ *#.*$/, ''));
    const wrong = lines
      .flatMap((line) => line.split(' && '))
      .find((line) => line !== '' && unknownCommand(line));
    return wrong && `not a command that is known to work: ${wrong}`;
  },
};

for (const page of pages) {
  test(`the blocks of code of ${page} are of kinds that are checked, and right`, () => {
    assert.doesNotMatch(
      proseOf(read(page)),
      /^\s*(?:```|~~~)/m,
      'a fence that is not at the beginning of a line',
    );
    const own = hasTest(page);
    for (const block of blocksOf(read(page))) {
      const check = checks[block.kind];
      if (own && block.kind !== 'ts' && block.kind !== 'js') continue;
      assert.ok(check !== undefined, `nobody checks blocks of the kind '${block.kind}'`);
      assert.equal(check(block, page), undefined);
    }
  });
}

test('what is wrong with a page is found', () => {
  assert.equal(wrongWith('no-such-page.md', 'docs/names.md'), 'no such file');
  assert.equal(wrongWith('../../main', 'README.md'), 'no such file');
  assert.equal(wrongWith('docs/names.md#no-such-heading', 'README.md'), 'no such heading');
  assert.equal(wrongWith('hosts.md#fencing', 'docs/names.md'), undefined);
  assert.equal(unknownCommand('npm install tierlok'), true);
  assert.equal(unknownCommand('npm run nothing'), true);
  assert.equal(unknownCommand('npx something'), true);
  assert.equal(unknownCommand('TIERLOCK_TEST=full npm test'), false);
  const lead = 'From [lease.ts](../src/lease.ts):';
  const copy = (code: string, before = lead): Block => ({ kind: 'text', code, lead: before });
  assert.equal(
    wrongCopy(
      copy('  state     held   what is known of the record            leaves by\n'),
      'docs/internals.md',
    ),
    undefined,
  );
  assert.notEqual(wrongCopy(copy('no such table\n'), 'docs/internals.md'), undefined);
  assert.notEqual(wrongCopy(copy('', 'No link.'), 'docs/internals.md'), undefined);
});
