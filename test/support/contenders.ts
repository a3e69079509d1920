/** What one of several processes does that contend for a file, and how a test starts them: plain, by cluster, by fork. */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LockEvent, Mode } from './events.js';
import { take } from './file-locks.js';
import type { Request } from './file-locks.js';
import { random } from '../../src/testing/random.js';
import { FileLog, hold } from './record.js';
import type { Held } from './record.js';
import { spinUntil } from '../../src/testing/wait.js';

export interface Contest extends Request {
  /** For the logs, and the number that all add to. */
  readonly folder: string;
  readonly processes: number;
  /** All of them take part in so many sections each, spread over so many tasks. */
  readonly rounds: number;
  readonly tasks: number;
  /** How they all meet at the beginning, inside: only those who share can. */
  readonly meeting: Mode;
  /** Nobody takes anything. To see that it is noticed. */
  readonly unlocked?: boolean;
}

export const counterOf = (folder: string): string => join(folder, 'counter');
const numberIn = (folder: string): number => Number(readFileSync(counterOf(folder), 'utf8'));

export async function contend(contest: Contest): Promise<void> {
  const { folder, processes, rounds, tasks, meeting } = contest;
  const log = new FileLog(folder);
  const section = (who: string, mode: Mode, body: () => unknown): Promise<boolean> => {
    const acquire = (): Promise<Held | null> =>
      contest.unlocked === true
        ? Promise.resolve({ release: () => true })
        : take({ ...contest, shared: mode === 'shared' });
    return hold(log, { who, lock: contest.path, mode }, acquire, body);
  };

  await section(`${process.pid}`, meeting, () => {
    writeFileSync(join(folder, `${process.pid}.inside`), '');
    const inside = (): number => readdirSync(folder).filter((name) => name.endsWith('.inside')).length;
    spinUntil(() => inside() === processes, { what: 'all are inside', timeoutMs: 30_000 });
  });

  const task = async (number: number): Promise<void> => {
    const pick = random(process.pid * tasks + number);
    for (let round = number; round < rounds; round += tasks) {
      const mode: Mode = pick(3) === 0 ? 'shared' : 'exclusive';
      await section(`${process.pid}.${number}`, mode, async () => {
        const before = numberIn(folder);
        for (let turns = pick(3); turns > 0; turns--) await setImmediate();
        // Not in one step on purpose: the lock must do.
        if (mode === 'exclusive') writeFileSync(counterOf(folder), String(before + 1));
        else if (numberIn(folder) !== before) throw new Error('a writer was inside with a reader');
      });
    }
  };
  await Promise.all(Array.from({ length: tasks }, (_, number) => task(number)));
  log.close();
}

const main = fileURLToPath(new URL('./contenders-main.js', import.meta.url));

export const sorts = ['plain', 'cluster', 'fork'] as const;

/** Runs one of them in a process of that sort; rejects unless it ends well. */
export function start(sort: (typeof sorts)[number], contest: Contest): Promise<void> {
  const env = { ...process.env, TIERLOCK_CONTEST: JSON.stringify({ ...contest, sort }) };
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  let child: ChildProcess;
  if (sort === 'plain') {
    child = spawn(process.execPath, [main], { env, stdio: [...stdio] });
  } else if (sort === 'fork') {
    child = fork(main, { env, stdio: [...stdio, 'ipc'], execArgv: [] });
  } else {
    cluster.setupPrimary({ exec: main, execArgv: [], args: [], silent: true });
    child = cluster.fork(env).process;
  }
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`a ${sort} process ended with ${signal ?? code}: ${output}`)),
    );
  });
}

/** How many are granted in that history. */
export const grantsIn = (events: readonly LockEvent[], mode: Mode): number =>
  events.filter((event) => event.kind === 'grant' && event.mode === mode).length;
