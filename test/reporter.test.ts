/** What `npm test` prints: few lines, and last what failed, with its error, so that a log's end is enough. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporary } from './support/temporary.js';

const reporter = fileURLToPath(new URL('support/reporter.js', import.meta.url));

test('what failed comes last, with its titles and its error, before the numbers', () => {
  const folder = temporary().top;
  const files = {
    'a.test.mjs': `import test from 'node:test';
      for (let i = 0; i < 500; i++) test('good ' + i, () => {});
      test('outer', async (t) => {
        await t.test('inner', () => { throw new Error('too late'); });
        await t.test('fine', () => {});
      });
      test('left out', { skip: 'no server' }, () => {});
      test('some day', { todo: true }, () => { throw new Error('not yet'); });`,
    'b.test.mjs': `process.exit(3);`,
    'c.test.mjs': `import test from 'node:test'; test('good', () => {});`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--test', `--test-reporter=${reporter}`, ...Object.keys(files)];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' });
  assert.equal(status, 1, stdout);
  const [during = '', end = ''] = stdout.split('What failed:');
  assert.match(during, /^not ok - outer > inner$/m);
  assert.match(during, /^not ok - a\.test\.mjs: 501 passed, 1 skipped, 1 FAILED /m);
  assert.match(during, /^not ok - b\.test\.mjs: 0 passed, 1 FAILED /m);
  assert.match(during, /^ok - c\.test\.mjs: 1 passed \(/m);
  assert.ok(during.split('\n').length < 10, during);
  assert.match(end, /not ok - outer > inner\n.*a\.test\.mjs:4 after .*\n.*Error: too late\n/);
  assert.match(end, /not ok - .*b\.test\.mjs\n/);
  assert.doesNotMatch(end, /not yet/);
  assert.match(end, /# pass 502\n# fail 3\n(?:# .*\n)*$/);
});
