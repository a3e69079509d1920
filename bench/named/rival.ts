/** One of the processes of rivals.ts. */
import { configure, lock } from '../../src/index.js';
import { clock } from '../team/clock.js';

export interface Crowd {
  readonly lockPath: string;
  readonly tasks: number;
  /** By the clock that all processes share. */
  readonly start: number;
  readonly windows: number;
  readonly windowMs: number;
}

export interface Turns {
  /** In each window. */
  readonly turns: readonly number[];
  /** In ms. */
  readonly longest: number;
}

const soon = Promise.resolve();
const external = { external: true } as const;

export async function warmUp(lockPath: string): Promise<void> {
  configure({ lockPath });
  for (let i = 0; i < 2000; i++) await lock(`warm-up ${process.pid}`, external, async () => undefined);
}

export async function crowd({ tasks, start, windows, windowMs }: Crowd): Promise<Turns> {
  const turns = Array.from({ length: windows }, () => 0);
  let longest = 0;
  const end = start + windows * windowMs;
  while (clock() < start);
  const task = async (): Promise<void> => {
    for (;;) {
      const asked = clock();
      if (asked >= end) return;
      const guard = await lock('rivals', external);
      const at = clock();
      if (tasks === 1) longest = Math.max(longest, at - asked);
      const window = Math.floor((at - start) / windowMs);
      if (window < windows) turns[window] = (turns[window] ?? 0) + 1;
      await soon;
      void guard.release();
    }
  };
  await Promise.all(Array.from({ length: tasks }, task));
  return { turns, longest };
}
