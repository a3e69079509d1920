/** Locks by their names, as the strategy of takers (taker.ts) and as what workers do (workers.ts). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { loadAddon } from '../../src/addon.js';
import { inspect, lock, lockSync, tryLock } from '../../src/index.js';
import type { Guard, Hold, LockCallOptions } from '../../src/index.js';
import { locks } from '../../src/registry.js';

/** A folder of one's own for lock files, which goes away with the test file. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tierlock-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Request extends LockCallOptions {
  readonly name: string;
  /** How it is taken. Default: without blocking. */
  readonly how?: 'sync' | 'try';
}

/** Takes it as told. */
export async function take({ name, how, ...options }: Request): Promise<Guard | Hold | null> {
  if (how === 'sync') return lockSync(name, options);
  return how === 'try' ? tryLock(name, options) : lock(name, options);
}

/** How many names this process has open. */
export const countNames = (): number => loadAddon().names();
/** How many threads of the addon wait for files. */
export const countWaits = (): number => loadAddon().waits();

/** What is left of the names that were used, the ones that are kept for a moment not counted. */
export async function leftOver(): Promise<string[]> {
  const left = (await inspect()).map(({ name }) => name);
  for (const queue of locks) {
    if (queue.length > 0 || queue.free < queue.capacity || queue.legacy !== undefined) left.push(queue.key);
    if (queue.marks !== undefined) left.push(`marks of ${queue.key}`);
  }
  return left;
}
