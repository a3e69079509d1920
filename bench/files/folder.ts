/** The folder of a trial, which goes with it, and the files in it. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tierlock-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An empty file: not every peer makes its own. */
export function newFile(folder: string, name: string): string {
  const path = join(folder, name);
  closeSync(openSync(path, 'w'));
  return path;
}

/** A file of numbers, which several processes see; open until the process ends. */
export class Board {
  readonly #fd: number;
  readonly #number = new Float64Array(1);
  readonly #bytes = new Uint8Array(this.#number.buffer);

  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
  }

  /** What has not been written yet is 0. */
  get(at: number): number {
    const read = readSync(this.#fd, this.#bytes, 0, 8, 8 * at);
    return read === 8 ? (this.#number[0] ?? 0) : 0;
  }

  set(at: number, value: number): void {
    this.#number[0] = value;
    writeSync(this.#fd, this.#bytes, 0, 8, 8 * at);
  }
}
