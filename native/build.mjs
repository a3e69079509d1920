// Makes the addon: `node native/build.mjs [install | prebuild]`, called by npm's scripts.
//
//   (nothing)  build what has changed
//   install    use the prebuild that came with the package, else build; without a compiler say so and go on,
//              because the locks that need no addon work all the same
//   prebuild   build, and put the binary into prebuilds/, where the package takes it along (npm runs this before
//              its script `build`, too, by its rule for names with `pre`)
//
// TIERLOCK_WERROR=1 makes warnings errors and a failed build a failed install: for CI.
// TIERLOCK_SANITIZE=address builds with a sanitizer: for test:full.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, prebuildPath } from './load.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = process.argv[2];
const strict = process.env.TIERLOCK_WERROR === '1';

if (command !== 'install' || !prebuildLoads()) {
  const built = build();
  if (!built) {
    console.error(
      'tierlock: the native addon was not built (see above). It needs a C++17 compiler, make and Python 3.\n' +
        'tierlock: locks that stay in one process work without it; the others will say that it is missing.',
    );
    process.exit(command === 'install' && !strict ? 0 : 1);
  }
  if (command === 'prebuild') pack();
}

function prebuildLoads() {
  try {
    load([prebuildPath()]);
    return true;
  } catch {
    return false;
  }
}

function pack() {
  const to = join(root, prebuildPath());
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(join(root, 'build', 'Release', 'tierlock.node'), to);
  spawnSync('strip', [process.platform === 'darwin' ? '-x' : '--strip-unneeded', to]);
  console.log(`tierlock: wrote ${prebuildPath()}`);
}

// npm names its own copy of node-gyp in npm_config_node_gyp; without npm one must be on the PATH.
function build() {
  const sanitize = process.env.TIERLOCK_SANITIZE ?? '';
  const flags = [...(strict ? ['-Dwerror=1'] : []), ...(sanitize ? [`-Dsanitize=${sanitize}`] : [])];
  // Flags take effect when the Makefile is made: only a plain build may keep the one that is there.
  const plain = flags.length === 0 && command !== 'install' && existsSync(join(root, 'build', 'Makefile'));
  const args = [
    plain ? 'build' : 'rebuild',
    '--loglevel=error',
    ...(flags.length > 0 ? ['--', ...flags] : []),
  ];
  const own = process.env.npm_config_node_gyp;
  const [file, ...rest] = own ? [process.execPath, own, ...args] : ['node-gyp', ...args];
  return spawnSync(file, rest, { cwd: root, stdio: 'inherit' }).status === 0;
}
