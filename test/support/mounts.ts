/** A small file system in memory, which can be full or read-only. To mount one needs rights that a test may lack. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be mounted here, or false. */
export function noMount(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'tierlock-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'none', path], { encoding: 'utf8' });
  if (status === 0) spawnSync('umount', [path]);
  rmdirSync(path);
  return status === 0 ? false : `NOT TESTED: nothing can be mounted here: ${stderr.trim()}`;
}

/** Mounts one at that folder for as long as the body runs, with the options of tmpfs. */
export async function mounted(
  path: string,
  options: string,
  body: (remount: (options: string) => void) => Promise<void> | void,
): Promise<void> {
  const mount = (...args: string[]): void => assert.equal(spawnSync('mount', args).status, 0);
  mount('-t', 'tmpfs', '-o', options, 'none', path);
  try {
    await body((changed) => mount('-o', `remount,${changed}`, path));
  } finally {
    // What is mapped or open stays until this process ends.
    spawnSync('umount', ['-l', path]);
  }
}
