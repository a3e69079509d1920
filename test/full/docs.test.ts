/**
 * The API reference is made of the doc comments without a warning, and has every public name. TypeDoc brings a TypeScript
 * of its own (tools/docs), because it cannot work with ours.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('npm run docs has no warnings, and a page for every public name', { timeout: 300_000 }, () => {
  const ran = spawnSync('npm', ['run', 'docs'], { cwd: root, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.doesNotMatch(ran.stdout, /\[(?:warning|error)\]/);
  const pages = new Set(
    readdirSync(join(root, 'api'), { recursive: true, encoding: 'utf8' }).map((file) => basename(file)),
  );
  const missing: string[] = [];
  for (const face of ['index', 'oslo', 'conformance', 'testing']) {
    const source = readFileSync(join(root, 'src', `${face}.ts`), 'utf8');
    for (const [, names] of source.matchAll(/^export (?:type )?\{([^}]+)\}/gm))
      for (const name of names?.match(/\w+/g) ?? [])
        if (!pages.has(`${face}.${name}.html`)) missing.push(`${face}.${name}`);
  }
  assert.deepEqual(missing, []);
});

test('what makes the reference names no registry, and is not shipped', () => {
  const lock = readFileSync(join(root, 'tools', 'docs', 'package-lock.json'), 'utf8');
  assert.doesNotMatch(lock, /"resolved"|https?:\/\/[^"]*registry/);
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  assert.deepEqual(
    files.filter((file) => /^(?:tools|api)/.test(file)),
    [],
  );
});
