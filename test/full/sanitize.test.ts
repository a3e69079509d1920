/** All tests of the addon with a binary that watches its own memory: AddressSanitizer, LeakSanitizer, UBSan. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the addon is clean under AddressSanitizer, LeakSanitizer and UBSan', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tierlock-sanitize-'));
  try {
    for (const part of ['native', 'dist', 'test', 'binding.gyp', 'package.json']) {
      cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    // NODE_TEST_CONTEXT would hide the inner test runner.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const run = (file: string, args: string[], more: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> =>
      spawnSync(file, args, { cwd: folder, encoding: 'utf8', env: { ...environment, ...more } });
    const built = run(process.execPath, ['native/build.mjs'], { TIERLOCK_SANITIZE: 'address,undefined' });
    assert.equal(built.status, 0, built.stderr);
    const files = readdirSync(join(folder, 'dist', 'test')).filter((file) =>
      /^addon.*\.test\.js$/.test(file),
    );
    assert.ok(files.length > 4);
    const tests = ['--test', '--test-reporter=tap', ...files.map((file) => join('dist', 'test', file))];

    assert.notEqual(
      run(process.execPath, tests).status,
      0,
      'an instrumented binary needs its runtime to load',
    );

    const runtime = run('g++', ['-print-file-name=libasan.so']).stdout.trim();
    const watched = run(process.execPath, tests, {
      LD_PRELOAD: runtime,
      ASAN_OPTIONS: 'detect_leaks=1',
      UBSAN_OPTIONS: 'halt_on_error=1',
    });
    assert.equal(watched.status, 0, `${watched.stdout}\n${watched.stderr}`);
    assert.match(watched.stdout, /^# fail 0$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
