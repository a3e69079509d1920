/**
 * What the operating system says about processes and threads, without native code: the cores of a
 * thread, open files and locks. To stay on one core, a thread learns its id from /proc/thread-self and has `taskset` (util-linux) set
 * its mask; that is possible on Linux alone.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The cores of the calling thread, such as [0, 1]; empty where the system does not tell. */
export function allowedCores(): number[] {
  let status: string;
  try {
    status = readFileSync('/proc/thread-self/status', 'utf8');
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Keeps the calling thread on the i-th of its cores, counted round; false where that cannot be done. */
export function pinThread(i: number): boolean {
  const cores = allowedCores();
  const core = cores[i % cores.length];
  if (core === undefined) return false;
  try {
    const thread = basename(readlinkSync('/proc/thread-self'));
    execFileSync('taskset', ['-pc', String(core), thread], { stdio: 'ignore' });
  } catch {
    return false;
  }
  return allowedCores().join() === String(core);
}

/** The files that a process has open, those that it may not show left out. Linux alone tells. */
export function openFiles(pid: number | 'self'): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(join(folder, fd))];
    } catch {
      return [];
    }
  });
}

/** A lock on a file, as the kernel lists it. */
export interface KernelLock {
  /** The kind: OFDLCK, FLOCK or POSIX. */
  readonly kind: string;
  /** It is not held but waited for, by a thread that is blocked. */
  readonly waits: boolean;
}

/**
 * All locks on the file, whoever has them. A list that changes while it is read may lack some, or have some twice, so wait for
 * what should be in it. Linux alone tells.
 */
export function kernelLocks(path: string): KernelLock[] {
  const { dev, ino } = statSync(path);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const hex = (number: number): string => number.toString(16).padStart(2, '0');
  const file = ` ${hex(major)}:${hex(minor)}:${ino} `;
  const lines = readFileSync('/proc/locks', 'latin1').split('\n');
  return lines
    .filter((line) => line.includes(file))
    .map((line) => ({ kind: /\b[A-Z]+/.exec(line)?.[0] ?? '', waits: line.includes('->') }));
}
