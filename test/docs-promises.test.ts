/**
 * What the pages say of the code is true of it: a promise names tests that are there, an error's code and message are those
 * that the code has.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { itemsOf, linksOf, pages, read, root } from './support/markdown.js';

/** A proof, as pages write it: a link to a file of tests, and titles of tests there; `...` is whatever a title computes. */
const PROOF = /\[`([^`]+)`\]\(([^)]+\.ts)\):((?: _"[^"]+"_,?)+)/g;

/** The titles in a file of tests, and what the conformance suite promises. */
function titlesIn(file: string): string[] {
  const source = read(file).replaceAll(/\$\{[^}]*\}/g, '...');
  const titles = source.matchAll(/(?:\b(?:test|always)\(|\bpromise:)\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g);
  return Array.from(titles, ([, , title = '']) => title.replaceAll('\\', ''));
}

function missingTitles(text: string, page: string): string[] {
  return [...text.replaceAll(/\s+/g, ' ').matchAll(PROOF)].flatMap(([, name = '', link = '', cited = '']) => {
    const file = normalize(join(dirname(page), link));
    if (!file.endsWith(`${name}.ts`) || !existsSync(join(root, file))) return [`${name} is not ${file}`];
    const titles = titlesIn(file);
    const all = [...cited.matchAll(/_"([^"]+)"_/g)].map(([, title = '']) => title);
    const missing = all.filter((part) => !titles.some((title) => title.includes(part)));
    return missing.map((title) => `${file} has no test '${title}'`);
  });
}

for (const page of pages) {
  test(`the tests that ${page} names are there`, () => {
    assert.deepEqual(missingTitles(read(page), page), []);
  });
}

test('every promise of docs/guarantees.md names tests', () => {
  const [promised = ''] = read('docs/guarantees.md').split('## Not promised');
  const promises = itemsOf(promised);
  assert.ok(promises.length > 50, `${promises.length} promises`);
  const wrong = promises.flatMap((promise) => {
    const proofs = promise.match(PROOF)?.length ?? 0;
    const links = linksOf(promise).filter((link) => link.endsWith('.ts')).length;
    return proofs === 0 || proofs < links ? [`no title: ${promise}`] : [];
  });
  assert.deepEqual(wrong, []);
});

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => read(`src/${file}`))
  .join('\n');

test('docs/troubleshooting.md explains every code that an error can have, and no other', () => {
  const codes = (text: string): string[] => [...new Set(text.match(/ERR_LOCK_[A-Z_]+\b/g))].toSorted();
  assert.deepEqual(codes(read('docs/troubleshooting.md')), codes(sources));
});

test('the messages in docs/troubleshooting.md are those of the errors', () => {
  const [, section = ''] = read('docs/troubleshooting.md').split('## The folder is refused');
  const messages = [...section.matchAll(/^\| ([a-z].*?) +\|/gm)].map(([, message = '']) => message).slice(1);
  assert.ok(messages.length >= 5);
  assert.deepEqual(
    messages.filter((message) => !sources.includes(message)),
    [],
  );
});

test('a title that no test has is found, also if a comment says the same', () => {
  const cite = (title: string): string[] =>
    missingTitles(`[\`fence.test\`](../test/fence.test.ts): _"${title}"_`, 'docs/guarantees.md');
  assert.deepEqual(cite('the largest token is saved before anybody acts, and loaded once'), []);
  assert.deepEqual(cite('who comes too late is refused'), [
    "test/fence.test.ts has no test 'who comes too late is refused'",
  ]);
  assert.deepEqual(missingTitles('[`lease.test`](../test/fence.test.ts): _"x"_', 'docs/guarantees.md'), [
    'lease.test is not test/fence.test.ts',
  ]);
});
