/** The public surface as a text: whoever changes it sees the difference in a review. TIERLOCK_UPDATE=1 writes it anew. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

// The declarations that users see, without comments and without what is marked as internal.
function surface(face: string): string {
  const seen = new Set<string>();
  const text: string[] = [];
  const index = readFileSync(`${root}dist/src/${face}.d.ts`, 'utf8');
  for (const [, names, path] of index.matchAll(/^export (?:type )?\{ ([^}]+) \} from '\.\/(.+)\.js';/gm)) {
    const declarations = readFileSync(`${root}dist/src/${path}.d.ts`, 'utf8')
      .replaceAll(/ *\/\*\*(?:(?!\*\/)[^])*@internal(?:(?!\*\/)[^])*\*\/\n.*\n/g, '')
      .replaceAll(/ *\/\*\*(?:(?!\*\/)[^])*\*\/\n/g, '');
    for (const name of names?.match(/\w+/g) ?? []) {
      const start = declarations.search(new RegExp(`^export (?:declare )?\\w+ ${name}\\b`, 'm'));
      assert.notEqual(start, -1, `${name} is declared in ${path}`);
      assert.ok(!seen.has(name));
      seen.add(name);
      text.push(declarationAt(declarations, start, name));
    }
  }
  return `${text.join('\n\n')}\n`;
}

// Up to the brace that ends it; of a function all its overloads, a line each.
function declarationAt(declarations: string, start: number, name: string): string {
  const rest = declarations.slice(start);
  if (!rest.startsWith('export declare function')) return rest.slice(0, rest.indexOf('\n}') + 2);
  return rest.match(new RegExp(`^export declare function ${name}\\b.*;$`, 'gm'))?.join('\n') ?? '';
}

const faces = {
  index: 'surface.txt',
  oslo: 'surface-oslo.txt',
  conformance: 'surface-conformance.txt',
  testing: 'surface-testing.txt',
};

for (const [face, text] of Object.entries(faces)) {
  test(`the public surface of ${face} is what test/${text} says`, () => {
    const file = `${root}test/${text}`;
    if (process.env['TIERLOCK_UPDATE'] === '1') writeFileSync(file, surface(face));
    assert.equal(surface(face), readFileSync(file, 'utf8'), 'TIERLOCK_UPDATE=1 npm test writes the new one');
  });
}

test('the package says where things are, for import, require and types', async () => {
  const pkg = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  assert.deepEqual(Object.keys(pkg.exports['.']), ['types', 'default']);
  const imported = await import('tierlock');
  assert.equal(imported.Mutex, (await import('../src/index.js')).Mutex);
  assert.equal((await import('tierlock/oslo')).lock, (await import('../src/oslo.js')).lock);
  assert.equal(
    (await import('tierlock/conformance')).conformance,
    (await import('../src/conformance.js')).conformance,
  );
  assert.equal((await import('tierlock/testing')).explore, (await import('../src/testing.js')).explore);
  for (const face of ['.', './oslo', './conformance', './testing'])
    for (const file of [pkg.exports[face].types, pkg.exports[face].default]) readFileSync(`${root}${file}`);
});
