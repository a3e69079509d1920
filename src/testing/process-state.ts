/** What the operating system says about a process. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** As `ps` tells it: R runs, S sleeps, T is stopped, Z is dead and not yet buried; '' is not there. */
export function stateOf(pid: number): string {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return letterIn(`/proc/${pid}/stat`);
}

function letterIn(stat: string): string {
  try {
    // The name in brackets may contain anything, brackets too.
    return readFileSync(stat, 'utf8').split(') ').at(-1)?.[0] ?? '';
  } catch {
    return '';
  }
}

/**
 * Whether a process has stopped with all of its threads: each stops when it gets a core next, and one that waits
 * for a lock in the kernel may still be given it until then, while the process as a whole is told to be stopped.
 */
export function hasStopped(pid: number): boolean {
  if (!stateOf(pid).startsWith('T')) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync(`/proc/${pid}/task`).every((id) =>
    /[TZX]|^$/.test(letterIn(`/proc/${pid}/task/${id}/stat`)),
  );
}
