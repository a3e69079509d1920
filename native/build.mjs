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
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, prebuildPath, supported } from './load.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = process.argv[2];
const strict = process.env.TIERLOCK_WERROR === '1';

if (command !== 'install' || !prebuildLoads()) {
  const failure = supported ? build() : `there is no native addon for ${process.platform} yet`;
  if (failure !== undefined) {
    console.error(
      `tierlock: ${failure}.\n` +
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

// Whoever runs with the old prebuild keeps its file: writing into that one would end it.
function pack() {
  const to = join(root, prebuildPath());
  const made = `${to}.new`;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(join(root, 'build', 'Release', 'tierlock.node'), made);
  spawnSync('strip', [process.platform === 'darwin' ? '-x' : '--strip-unneeded', made]);
  renameSync(made, to);
  console.log(`tierlock: wrote ${prebuildPath()}`);
}

// Returns what went wrong, if anything did. Configures each time: a Makefile that is there may come from another
// Node, or have been made with other flags. (With flags it is a rebuild: `build` would give them to make as well.)
// npm names its own copy of node-gyp in npm_config_node_gyp; without npm one must be on the PATH.
function build() {
  const sanitize = process.env.TIERLOCK_SANITIZE ?? '';
  const flags = [...(strict ? ['-Dwerror=1'] : []), ...(sanitize ? [`-Dsanitize=${sanitize}`] : [])];
  const steps = command === 'install' || flags.length > 0 ? ['rebuild'] : ['configure', 'build'];
  const args = [...steps, '--loglevel=error', ...headers(), ...(flags.length > 0 ? ['--', ...flags] : [])];
  const own = process.env.npm_config_node_gyp;
  const [file, ...rest] = own ? [process.execPath, own, ...args] : ['node-gyp', ...args];
  const { status, error } = spawnSync(file, rest, { cwd: root, stdio: 'inherit' });
  if (status === 0) return undefined;
  if (error)
    return `the native addon was not built, because ${file} did not start (${error.code}): use npm's scripts`;
  return (
    'the native addon was not built (see above). ' +
    "It needs a C++17 compiler, make, Python 3, and Node's headers: beside Node, or from the network"
  );
}

// The headers that came with this Node, if any did: node-gyp by itself would fetch them from the network.
function headers() {
  const nodedir = dirname(dirname(process.execPath));
  const there = existsSync(join(nodedir, 'include', 'node', 'common.gypi'));
  return there && !process.env.npm_config_nodedir ? [`--nodedir=${nodedir}`] : [];
}
