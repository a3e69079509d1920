/**
 * A process and the four that it forks count in one file. A lock by its name keeps out other processes as soon as
 * `external` is asked for; its file lies in a folder that all processes of this user find.
 *
 *     npm install tierlock
 *     node fork.mjs
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lock, lockSync } from 'tierlock';

/** @param {string} file */
function addOne(file) {
  writeFileSync(file, String(Number(readFileSync(file, 'utf8')) + 1));
}

const given = process.argv[2];
if (given === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'counter-'));
  const file = join(folder, 'counter');
  writeFileSync(file, '0');

  // The lock is held while the children are started: they have to wait, and none of them holds it by being a child.
  const children = await lock('counter', { external: true }, async () => {
    const started = [1, 2, 3, 4].map(() => fork(fileURLToPath(import.meta.url), [file]));
    addOne(file);
    return started;
  });
  for (let i = 1; i < 100; i++) await lock('counter', { external: true }, () => addOne(file));
  await Promise.all(children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')));
  console.log(`500 times counted: ${readFileSync(file, 'utf8')}`);
  rmSync(folder, { recursive: true });
} else {
  // A child may as well block.
  for (let i = 0; i < 100; i++) {
    const hold = lockSync('counter', { external: true });
    try {
      addOne(given);
    } finally {
      hold.release();
    }
  }
}
