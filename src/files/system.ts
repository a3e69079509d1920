/**
 * What the system says of processes and of itself, and what does not change while a thread lives. Linux's /proc tells
 * it; where there is none, nobody is known to be dead, and one boot is like another.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** A thread, in a way that no other is ever the same while the system is up. */
export interface Who {
  readonly pid: number;
  /** The kernel's number; the main thread has that of its process. */
  readonly thread: number;
  /** When the thread began, in the kernel's ticks since the boot; 0 if not known. */
  readonly start: number;
  /** Where the numbers are valid: they mean others in another container. 0 if not known. */
  readonly space: number;
}

/** This thread, or what can be told of it. `thread` is its number. */
export function myself(thread: number): Who {
  const space = pidSpace();
  return { pid: process.pid, thread, start: space === 0 ? 0 : stateOf('thread-self').start, space };
}

/** This boot of the system: another one has another number, never 0. 0 is where nobody tells. */
export function bootId(): bigint {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id');
    return createHash('sha256').update(id).digest().readBigInt64LE() | 1n;
  } catch {
    return 0n;
  }
}

/** Whether that thread lives; undefined if nobody here can tell. */
export function lives({ pid, thread, start, space }: Who): boolean | undefined {
  if (space === 0 || space !== pidSpace()) return undefined;
  let found: State;
  try {
    found = stateOf(`${pid}/task/${thread}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? seemsHidden(pid) : undefined;
  }
  return found.start === start && !found.dead;
}

/** A process that is not in /proc: false if there is none, undefined if it may only be hidden from us. */
function seemsHidden(pid: number): false | undefined {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? undefined : false;
  }
}

let space: number | undefined;

function pidSpace(): number {
  if (space !== undefined) return space;
  try {
    space = Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0) | 0;
  } catch {
    space = 0;
  }
  return space;
}

interface State {
  readonly start: number;
  readonly dead: boolean;
}

function stateOf(task: string): State {
  // The name of the program stands in brackets, and may have anything in it.
  const fields = readFileSync(`/proc/${task}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return { start: Number(fields[19] ?? 0), dead: fields[0] === 'Z' || fields[0] === 'X' };
}
