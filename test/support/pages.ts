/** A folder of lock files as a test opens it, and its page as another program changes it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Folder } from '../../src/files/folder.js';

export const open = (path: string): Folder => new Folder({ path, own: false });

export const pageOf = (path: string): string => join(path, '.tierlock');

/** Where in the page: see page.ts. */
export const At = { magic: 0, layout: 4, via: 8, boot: 16, floor: 24, tokens: 64, records: 128 } as const;

/** What another program does to the page. */
export function poke(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(pageOf(path), 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

export function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
