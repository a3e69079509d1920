/**
 * Every example in a doc comment of src and every `ts` block of the README and of docs/ is compiled with the strict
 * flags and run; what it prints must be what its comments behind `console.log(...)` say. Every public name has one.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Inside of the package, so that 'tierlock' is this package itself.
const folder = join(root, 'dist', 'examples');

interface Example {
  readonly name: string;
  readonly code: string;
}

function inDocComments(file: string): Example[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  return [...source.matchAll(/@example\n((?: *\*(?!\/| @).*\n)+)/g)].map(([, block], i) => ({
    name: `${file.replaceAll('/', '-').replace('.ts', '')}-${i + 1}`,
    code: (block ?? '').replaceAll(/^ *\* ?/gm, ''),
  }));
}

function inMarkdown(file: string): Example[] {
  const blocks = readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n([^]*?)^```$/gm);
  return [...blocks].map(([, code], i) => ({ name: `${basename(file, '.md')}-${i + 1}`, code: code ?? '' }));
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => join('docs', file))];
const examples = [...sources.flatMap(inDocComments), ...pages.flatMap(inMarkdown)];

before(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of examples) writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {};\n`);
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: '.',
      outDir: '.',
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      noUnusedLocals: false,
      isolatedDeclarations: false,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiled = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stdout);
});

for (const { name, code } of examples) {
  test(`the example ${name} prints what it says`, () => {
    const expected = [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)].map(([, text]) => text);
    const ran = spawnSync(process.execPath, [join(folder, `${name}.js`)], { encoding: 'utf8' });
    assert.deepEqual([ran.status, ran.stderr], [0, '']);
    const printed = ran.stdout.split('\n').slice(0, -1);
    assert.deepEqual(printed, expected);
  });
}

test('every public name has a doc comment with an example', () => {
  const index = readFileSync(join(root, 'src', 'index.ts'), 'utf8');
  const lists = [...index.matchAll(/export (?:type )?\{([^}]+)\}/g)];
  const names = lists.flatMap(([, list]) => list?.match(/\w+/g) ?? []);
  const all = sources.map((file) => readFileSync(join(root, 'src', file), 'utf8')).join('\n');
  for (const name of names) {
    const comment = new RegExp(
      `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport (?:(?:abstract|async) )?\\w+ ${name}\\b`,
    ).exec(all)?.[1];
    assert.match(comment ?? '', /@example/, `${name} has an example`);
  }
});
