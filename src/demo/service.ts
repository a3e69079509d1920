/**
 * The service of the demo: `PUT /todos?index=N` overwrites one file, reads it back and answers what it has read. It is the
 * same code in every deployment; a column of the matrix is what goes around it.
 *
 * Nothing is slowed down to make it fail: one write, one read. What comes between them is whoever else is there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { threadId } from 'node:worker_threads';
import { lock, lockSync } from '../index.js';
import type { LockCallOptions } from '../index.js';

export const columns = ['none', 'thread', 'process', 'distributed'] as const;
export type Column = (typeof columns)[number];

/** What is read, and who was inside from when to when, in microseconds by the clock that all processes of a host share. */
export interface Answer {
  readonly text: string;
  readonly thread: number;
  readonly entered: number;
  readonly left: number;
}

/** Enough for any wait here: who waits longer shall fail, not hang. */
const timeout = 30_000;

/** Nothing else tells the columns apart. Folder and store are set by `configure` (host.ts). */
const options: Record<Exclude<Column, 'none'>, LockCallOptions> = {
  thread: { timeout },
  process: { external: true, timeout },
  distributed: { distributed: true, timeout },
};

export function put(column: Column, file: string, todo: string): Promise<Answer> {
  if (column === 'none') return overwrite(file, todo);
  return lock('todos', options[column], () => overwrite(file, todo));
}

async function overwrite(file: string, todo: string): Promise<Answer> {
  const entered = now();
  await writeFile(file, todo);
  const text = await readFile(file, 'utf8');
  return { text, thread: threadId, entered, left: now() };
}

/** The same by a handler that does all of it at once. It cannot be `distributed`. */
export function putSync(column: Column, file: string, todo: string): Answer {
  if (column === 'none') return overwriteSync(file, todo);
  const hold = lockSync('todos', options[column]);
  try {
    return overwriteSync(file, todo);
  } finally {
    hold.release();
  }
}

function overwriteSync(file: string, todo: string): Answer {
  const entered = now();
  writeFileSync(file, todo);
  const text = readFileSync(file, 'utf8');
  return { text, thread: threadId, entered, left: now() };
}

const now = (): number => Number(process.hrtime.bigint()) / 1000;
