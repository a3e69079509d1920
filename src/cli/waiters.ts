/**
 * Who waits for a lock file, as far as the kernel of Linux tells: /proc/locks has a row for each thread that is blocked, but
 * no number of its process; and /proc/PID/fd has the files that a process has open, if it is ours. Elsewhere nobody is seen.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

export interface Waiters {
  /** How many threads are blocked. */
  readonly threads: number;
  /** The processes that have the file open, and do not hold it. */
  readonly pids: readonly number[];
}

const nobody: Waiters = { threads: 0, pids: [] };

export function waitersAt(path: string, holders: readonly (number | undefined)[]): Waiters {
  let threads: number;
  try {
    threads = blockedAt(path);
  } catch {
    return nobody;
  }
  // Files stay open for a while after they were needed.
  if (threads === 0) return nobody;
  return { threads, pids: openersOf(path).filter((pid) => !holders.includes(pid)) };
}

function blockedAt(path: string): number {
  const { dev, ino } = statSync(path);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const hex = (number: number): string => number.toString(16).padStart(2, '0');
  const file = ` ${hex(major)}:${hex(minor)}:${ino} `;
  const lines = readFileSync('/proc/locks', 'latin1').split('\n');
  return lines.filter((line) => line.includes(file) && line.includes('->')).length;
}

function openersOf(path: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && hasOpen(name, path));
  return pids.map(Number).toSorted((a, b) => a - b);
}

function hasOpen(pid: string, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
      } catch {
        return false; // it was closed just now
      }
    });
  } catch {
    return false; // another user's, or it has ended
  }
}
