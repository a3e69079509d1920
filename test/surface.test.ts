/** The public surface as a text: whoever changes it sees the difference in a review. TIERLOCK_UPDATE=1 writes it anew. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

// The declarations that users see, without comments and without what is marked as internal.
function surface(): string {
  const seen = new Set<string>();
  const text: string[] = [];
  const index = readFileSync(`${root}dist/src/index.d.ts`, 'utf8');
  for (const [, names, path] of index.matchAll(/^export (?:type )?\{ ([^}]+) \} from '\.\/(.+)\.js';/gm)) {
    const declarations = readFileSync(`${root}dist/src/${path}.d.ts`, 'utf8')
      .replaceAll(/ *\/\*\*(?:(?!\*\/)[^])*@internal(?:(?!\*\/)[^])*\*\/\n.*\n/g, '')
      .replaceAll(/ *\/\*\*(?:(?!\*\/)[^])*\*\/\n/g, '');
    for (const name of names?.match(/\w+/g) ?? []) {
      const start = declarations.search(new RegExp(`^export (?:declare )?\\w+ ${name}\\b`, 'm'));
      assert.notEqual(start, -1, `${name} is declared in ${path}`);
      assert.ok(!seen.has(name));
      seen.add(name);
      const end = declarations.indexOf('\n}', start);
      text.push(declarations.slice(start, end + 2));
    }
  }
  return `${text.join('\n\n')}\n`;
}

test('the public surface is what test/surface.txt says', () => {
  const file = `${root}test/surface.txt`;
  if (process.env['TIERLOCK_UPDATE'] === '1') writeFileSync(file, surface());
  assert.equal(surface(), readFileSync(file, 'utf8'), 'TIERLOCK_UPDATE=1 npm test writes the new one');
});

test('the package says where things are, for import, require and types', async () => {
  const pkg = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  assert.deepEqual(Object.keys(pkg.exports['.']), ['types', 'default']);
  const imported = await import('tierlock');
  assert.equal(imported.Mutex, (await import('../src/index.js')).Mutex);
  for (const file of [pkg.exports['.'].types, pkg.exports['.'].default]) readFileSync(`${root}${file}`);
});
