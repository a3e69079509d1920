/** What the operating system says about a process. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** As `ps` tells it: R runs, S sleeps, T is stopped, Z is dead and not yet buried; '' is not there. */
export function stateOf(pid: number): string {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  try {
    // The name in brackets may contain anything, brackets too.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] ?? '';
  } catch {
    return '';
  }
}
