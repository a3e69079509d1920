// Finds the addon's binary. Plain JavaScript, because it runs at install time too, before anything is compiled.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the prebuild for this platform lies, relative to the package: one N-API binary for every Node. */
export function prebuildPath() {
  const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  return join('prebuilds', `${process.platform}-${process.arch}${musl ? '-musl' : ''}`, 'tierlock.node');
}

/** What was compiled here comes first: whoever compiles it wants to run it. */
export const candidates = [join('build', 'Release', 'tierlock.node'), prebuildPath()];

/** The exports of the first of `paths` that loads; an Error that says what happened to each if none does. */
export function load(paths = candidates) {
  const require = createRequire(import.meta.url);
  const failures = [];
  for (const path of paths) {
    try {
      return require(join(root, path));
    } catch (error) {
      failures.push(`${path}: ${error.code === 'MODULE_NOT_FOUND' ? 'not there' : error.message}`);
    }
  }
  throw new Error(failures.join('; '));
}
