/**
 * The addon's tests, and those of file locks, with a binary that watches itself: AddressSanitizer with LeakSanitizer
 * and UBSan for its memory, ThreadSanitizer for its threads. Node itself is not watched: its own threads do what they
 * like.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Sanitizer {
  readonly flags: string;
  readonly runtime: string;
  readonly env: NodeJS.ProcessEnv;
}

const sanitizers: Record<string, Sanitizer> = {
  'AddressSanitizer, LeakSanitizer and UBSan': {
    flags: 'address,undefined',
    runtime: 'libasan.so',
    env: { ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'halt_on_error=1' },
  },
  ThreadSanitizer: {
    flags: 'thread',
    runtime: 'libtsan.so',
    // The threads that wait for files are not joined when the process ends: they have nothing to lose.
    env: { TSAN_OPTIONS: 'ignore_noninstrumented_modules=1 report_signal_unsafe=0 report_thread_leaks=0' },
  },
};

for (const [name, { flags, runtime, env }] of Object.entries(sanitizers)) {
  test(`the addon is clean under ${name}`, { timeout: 300_000 }, () => {
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
      const built = run(process.execPath, ['native/build.mjs'], { TIERLOCK_SANITIZE: flags });
      assert.equal(built.status, 0, built.stderr);
      const files = readdirSync(join(folder, 'dist', 'test')).filter((file) =>
        /^(addon.*|files-lock|files-workers)\.test\.js$/.test(file),
      );
      assert.ok(files.length > 6);
      const tests = ['--test', '--test-reporter=tap', ...files.map((file) => join('dist', 'test', file))];

      const withoutRuntime = run(process.execPath, tests);
      assert.notEqual(withoutRuntime.status, 0, 'an instrumented binary needs its runtime to load');

      const library = run('g++', [`-print-file-name=${runtime}`]).stdout.trim();
      const watched = run(process.execPath, tests, { LD_PRELOAD: library, ...env });
      assert.equal(watched.status, 0, `${watched.stdout}\n${watched.stderr}`);
      assert.match(watched.stdout, /^# fail 0$/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
