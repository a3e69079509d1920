/**
 * Which thread this is, and whether another lives: from the addon, or without it from /proc. Where there is neither,
 * a thread gets a number that nobody can ask about and counts as alive for as long as the process runs.
 */
import { existsSync, readlinkSync } from 'node:fs';
import { threadId as workerId } from 'node:worker_threads';
import { tryAddon } from '../addon.js';

const addon = tryAddon();

// No system has threads with higher numbers.
const NOBODY_KNOWS = 2 ** 29;

/** This thread's number: not 0, below 2 ** 30, and nobody else's while it lives. */
export const threadId: number = addon?.threadId() ?? idFromProc() ?? NOBODY_KNOWS + workerId;

/** Asks the system. */
export function threadIsAlive(id: number): boolean {
  if (id >= NOBODY_KNOWS) return true;
  return addon?.threadAlive(id) ?? existsSync(`/proc/self/task/${id}`);
}

function idFromProc(): number | undefined {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').pop());
  } catch {
    return undefined;
  }
}
