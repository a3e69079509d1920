// Finds the addon's binary. Plain JavaScript, because it runs at install time too, before anything is compiled.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What addon.cc has, too: a binary of another release may be left behind. */
const version = 6;

/** The systems for which binding.gyp has something to compile. */
export const supported = ['linux', 'darwin'].includes(process.platform);

/** Where the prebuild for this platform lies, relative to the package: one N-API binary for every Node. */
export function prebuildPath() {
  return join('prebuilds', `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`, 'tierlock.node');
}

// A look at what this process has mapped. process.report knows as well, but it waits for every worker and asks
// the network for the name of every peer: that blocks a busy server for seconds.
function isMusl() {
  try {
    return /\/(ld-musl-.*|libc\.so)$/m.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

/** What was compiled here comes first: whoever compiles it wants to run it. */
export const candidates = [join('build', 'Release', 'tierlock.node'), prebuildPath()];

/** The exports of the first of `paths` that fits; an Error that says what happened to each if none does. */
export function load(paths = candidates) {
  const require = createRequire(import.meta.url);
  const failures = [];
  for (const path of paths) {
    try {
      const addon = require(join(root, path));
      if (addon.version === version) return addon;
      failures.push(`${path}: has version ${addon.version}, but version ${version} is needed`);
    } catch (error) {
      failures.push(`${path}: ${error.code === 'MODULE_NOT_FOUND' ? 'not there' : error.message}`);
    }
  }
  throw new Error(failures.join('; '));
}
