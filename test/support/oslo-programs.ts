/** `tierlock/oslo` as the strategy of takers (taker.ts). */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Guard } from '../../src/index.js';
import { lock, synchronized } from '../../src/oslo.js';
import type { Request } from './python.js';

const optionsOf = ({
  folder,
  prefix,
}: Request): { external: true; lockPath: string; lockFilePrefix?: string } => ({
  external: true,
  lockPath: folder,
  ...(prefix === undefined ? {} : { lockFilePrefix: prefix }),
});

export async function take(request: Request): Promise<Guard> {
  return lock(request.name, optionsOf(request));
}

/** Adds to the number in a file under the lock, so often. */
export async function count(request: Request, counter: string, rounds: number): Promise<void> {
  const add = synchronized(
    request.name,
    optionsOf(request),
  )(async () => {
    const number = Number(readFileSync(counter, 'utf8'));
    await Promise.resolve();
    writeFileSync(counter, String(number + 1));
  });
  // Several at a time: so what has been taken is handed on, too.
  const many = async (): Promise<void> => {
    for (let i = 0; i < rounds / 2; i++) await add();
  };
  await Promise.all([many(), many()]);
}
