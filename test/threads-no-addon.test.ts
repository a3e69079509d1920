/** All that threads are promised holds without the addon too: the same tests once more, in a process that has none. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const stories = [
  'async',
  'condition',
  'deaths',
  'hammer',
  'handover',
  'life',
  'memory',
  'recovered',
  'rwlock',
  'semaphore',
];
const skip = process.env['TIERLOCK_ADDON'] === 'off' && 'it is off already';

for (const story of stories) {
  test(`threads: ${story}, without the addon`, { skip }, async () => {
    const file = fileURLToPath(new URL(`./threads-${story}.test.js`, import.meta.url));
    // Without the inner runner's mark it would report to the outer one.
    const env: NodeJS.ProcessEnv = { ...process.env, TIERLOCK_ADDON: 'off' };
    delete env['NODE_TEST_CONTEXT'];
    const args = ['--test', '--test-reporter=tap', file];
    const ran = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 24 }).catch(
      (error: { stdout: string }) => error,
    );
    assert.doesNotMatch(ran.stdout, /^not ok/m);
    assert.match(ran.stdout, /^# pass [1-9]/m);
    assert.match(ran.stdout, /^# fail 0/m);
  });
}
