/**
 * Whether a terminal's keys reach this process and those it has started. ^C is a signal to a whole group of processes: to
 * pass it on would make two of one. The system does not tell a program of Node who has sent a signal; but only who is in
 * the foreground of a terminal is sent any by its keys.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the keys, and the size, of a terminal send. */
const fromTerminal: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGWINCH']);

/** Whether who is in our group of processes has got such a signal by himself. */
export function reachesAll(signal: NodeJS.Signals): boolean {
  return fromTerminal.has(signal) && inForeground();
}

function inForeground(): boolean {
  const [group, foreground] = groups();
  return group !== undefined && group > 0 && group === foreground;
}

/** Our group, and the one that is in the foreground of our terminal; that is -1 where there is none. */
function groups(): number[] {
  try {
    // The name of the program stands in brackets, and may have anything in it.
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return [Number(fields[2]), Number(fields[5])];
  } catch {
    const asked = ['-o', 'pgid=,tpgid=', '-p', String(process.pid)];
    const { stdout } = spawnSync('ps', asked, { encoding: 'utf8' });
    return stdout.trim().split(/\s+/).map(Number);
  }
}
