/**
 * One binary, every Node: the package is packed as it would be published, with its prebuild, and installed where
 * nothing can compile. Then it must work on each version, and each version must pass the tests.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeBinary } from '../support/nodes.js';
import { prebuildPath } from '#native';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tierlock-packed-'));
const own = join(folder, 'node_modules', 'tierlock');

// What npm sets for its scripts would send the inner runs to the wrong package, and hide the inner test runner.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^npm_(?!config_node_gyp)|^NODE_TEST_CONTEXT$/.test(key)),
);
const options = { encoding: 'utf8', env: environment } as const;

before(() => {
  const there = existsSync(join(root, 'prebuilds'));
  try {
    execFileSync(process.execPath, ['native/build.mjs', 'prebuild'], { ...options, cwd: root });
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      ...options,
      cwd: root,
    });
  } finally {
    if (!there) rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
  }
  const packed = readdirSync(folder).find((file) => file.endsWith('.tgz')) ?? '';
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  // No compiler can be found: what works afterwards came with the package.
  const env = { ...environment, CXX: '/nowhere', CC: '/nowhere', npm_config_node_gyp: '/nowhere' };
  execFileSync('npm', ['install', '--no-audit', '--no-fund', packed], { ...options, cwd: folder, env });
  assert.ok(existsSync(join(own, prebuildPath())), 'the package brings the binary');
  assert.ok(!existsSync(join(own, 'build')), 'nothing was compiled');
  assert.ok(!existsSync(join(own, 'dist', 'test')), 'tests are not packed');
  writeFileSync(
    join(folder, 'try.mjs'),
    `import { Mutex } from 'tierlock';
     import { createRequire } from 'node:module';
     import { loadAddon } from './node_modules/tierlock/dist/src/addon.js';
     const addon = loadAddon();
     const required = createRequire(import.meta.url)('tierlock');
     const guard = await new Mutex().lock();
     console.log(addon.threadAlive(addon.threadId()), guard.release(), required.Mutex === Mutex);`,
  );
});

/** The newest of each runtime's interfaces that Node 20's own binary asks for. */
const oldest = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' };

test(
  'the packed binary asks for no newer system than Node itself',
  {
    skip: process.platform !== 'linux' && 'versioned symbols',
  },
  () => {
    const newer = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true });
    const binary = readFileSync(join(own, prebuildPath()), 'latin1');
    for (const [runtime, atMost] of Object.entries(oldest)) {
      const found = Array.from(
        binary.matchAll(new RegExp(`\\b${runtime}_([\\d.]+)`, 'g')),
        ([, is]) => is ?? '',
      );
      const newest = found.toSorted(newer).at(-1) ?? '0';
      assert.ok(
        newer(newest, atMost) <= 0,
        `${runtime}_${newest}, but Node 20 runs with ${runtime}_${atMost}`,
      );
    }
  },
);

after(() => rmSync(folder, { recursive: true, force: true }));

for (const major of [20, 22, 24, 26]) {
  test(`the packed binary loads in Node ${major}, and import and require give one copy`, async () => {
    const node = await nodeBinary(major);
    assert.ok(node !== undefined, `Node ${major} could not be had`);
    const ran = spawnSync(node, ['try.mjs'], { ...options, cwd: folder });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, 'true true true\n', '']);
  });

  test(`the tests pass on Node ${major}`, async () => {
    const node = await nodeBinary(major);
    assert.ok(node !== undefined, `Node ${major} could not be had`);
    const tests = readdirSync(join(root, 'dist', 'test')).filter((file) => file.endsWith('.test.js'));
    const files = tests.map((file) => join('dist', 'test', file));
    const env = { ...environment, TIERLOCK_TEST: 'daily' };
    const ran = spawnSync(node, ['--test', '--test-reporter=tap', ...files], { ...options, cwd: root, env });
    assert.equal(
      ran.status,
      0,
      ran.stdout
        .split('\n')
        .filter((line) => /not ok|error:/.test(line))
        .join('\n'),
    );
    assert.match(ran.stdout, /^# pass [1-9]\d+$/m);
  });
}
