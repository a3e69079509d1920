/** The driver of examples/, which CONTRIBUTING.md walks through, passes the suite as the drivers of the package do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFolder, startExample } from './support/examples.js';

test('the example passes the suite', async (t) => {
  const { output, ended } = startExample(
    'driver/http-store.test.mjs',
    newFolder(t),
    {},
    process.execPath,
    240_000,
  );
  assert.equal(await ended, 0, output.stdout + output.stderr);
  const [, passed = '0'] = /^(?:#|ℹ) pass (\d+)$/m.exec(output.stdout) ?? [];
  assert.ok(Number(passed) >= 70, `${passed} cases`);
});
