/**
 * Every example in a doc comment of src and every `ts` block of the pages is compiled with the strict flags and run, and
 * every `js` block is run as it is; what they print must be what their comments behind `console.log(...)` say. Every public
 * name has one. (Blocks that are copied from examples/ are compared with these: see docs.test.ts.)
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { blocksOf, isCopy, pages, read, root } from './support/markdown.js';

// Inside of the package, so that 'tierlock' and 'tierlock/oslo' are this package itself.
const folder = join(root, 'dist', 'examples');

interface Example {
  readonly name: string;
  readonly code: string;
  /** Of the file in which it lies, and of the one that is run. */
  readonly suffix: 'ts' | 'mjs' | 'cjs';
}

function inDocComments(file: string): Example[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  return [...source.matchAll(/@example\n((?: *\*(?!\/| @).*\n)+)/g)].map(([, block], i) => ({
    name: `${file.replaceAll('/', '-').replace('.ts', '')}-${i + 1}`,
    code: (block ?? '').replaceAll(/^ *\* ?/gm, ''),
    suffix: 'ts',
  }));
}

function inMarkdown(page: string): Example[] {
  const blocks = blocksOf(read(page)).filter((block) => /^(?:ts|js)$/.test(block.kind) && !isCopy(block));
  return blocks.map(({ kind, code }, i) => {
    const suffix = kind === 'ts' ? 'ts' : /\brequire\(/.test(code) ? 'cjs' : 'mjs';
    return { name: `${basename(page, '.md')}-${i + 1}`, code, suffix };
  });
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const examples = [...sources.flatMap(inDocComments), ...pages.flatMap(inMarkdown)];

before(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, code, suffix } of examples)
    writeFileSync(join(folder, `${name}.${suffix}`), suffix === 'ts' ? `${code}\nexport {};\n` : code);
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

for (const { name, code, suffix } of examples) {
  test(`the example ${name} prints what it says`, () => {
    const expected = [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)].map(([, text]) => text);
    const ran = spawnSync(process.execPath, [join(folder, `${name}.${suffix === 'ts' ? 'js' : suffix}`)], {
      encoding: 'utf8',
    });
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
