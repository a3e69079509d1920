/** The folder of one test file, for whatever files its tests need. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export interface Temporary {
  readonly top: string;
  /** A path in it that nothing has yet. */
  readonly newPath: () => string;
  /** A folder in it that nothing is in yet. */
  readonly newFolder: () => string;
}

/** Makes it, and removes it after the tests of the file that calls this. */
export function temporary(where: string = tmpdir()): Temporary {
  const top = mkdtempSync(join(where, 'tierlock-'));
  after(() => rmSync(top, { recursive: true }));
  let count = 0;
  const newPath = (): string => join(top, `new-${count++}`);
  const newFolder = (): string => {
    const path = newPath();
    mkdirSync(path);
    return path;
  };
  return { top, newPath, newFolder };
}
