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
// Inside of the package, so that 'tierlock' and 'tierlock/oslo' are this package itself.
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

for (const face of ['index', 'oslo', 'conformance', 'testing']) {
  test(`every public name of ${face} has a doc comment with an example`, () => {
    const names = readFileSync(join(root, 'src', `${face}.ts`), 'utf8');
    for (const [, list, path] of names.matchAll(/export (?:type )?\{([^}]+)\} from '\.\/(.+)\.js'/g)) {
      const source = readFileSync(join(root, 'src', `${path}.ts`), 'utf8');
      for (const name of list?.match(/\w+/g) ?? []) {
        const declared = `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport (?:abstract |async )?\\w+ ${name}\\b`;
        const comment = new RegExp(declared).exec(source)?.[1];
        assert.match(comment ?? '', /@example/, `${name} has an example`);
      }
    }
  });
}
