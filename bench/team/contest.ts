/**
 * A trial in which several threads want one lock: it starts the workers, each on its core, and makes figures of what
 * they did, one a window. Every contest proves that the lock excluded; one that did not fails the run.
 */
import { spawnSync } from 'node:child_process';
import { allowedCores } from '../../test/support/system.js';
import { type Team, runWorkers } from '../../test/support/workers.js';
import { isNative, runNative } from '../contestants/native.js';
import { type Origin, absent, load, origin } from '../contestants/shared.js';
import type { Contest, Stint, Use } from './member.js';
import { contestMemory, prove, stepsOf } from './sections.js';

/** What a section takes, in nanoseconds, by the name it has in a case's. */
export const sections = { empty: 0, '200 ns': 200, '5 us': 5_000 } as const;
export type Section = keyof typeof sections;

export interface Plan {
  readonly workers: number;
  readonly section: Section;
  readonly use?: Use;
  readonly timed?: boolean;
  /** How long a window is in a full run. */
  readonly windowMs?: number;
}

/** By worker, then by window. The first window warms up, and is not among them. */
export type Stints = readonly (readonly Stint[])[];

/** Why a contestant cannot take part where threads meet; undefined if it can. */
export async function unfit(name: string): Promise<string | undefined> {
  const canPin = allowedCores().length > 0 && spawnSync('taskset', ['--version']).status === 0;
  return canPin ? absent(name) : 'threads cannot be kept on their cores here, which takes Linux and taskset';
}

/** The scheduler pulls threads that wake each other onto one core, where there is no contention left to measure. */
export async function onTheirCores(team: Team<unknown>): Promise<void> {
  const { pinned } = await team.started;
  if (!pinned) throw new Error('the threads could not be kept on their cores');
}

/** One look at the clock in some ten microseconds. */
function batchOf(section: Section): number {
  return { empty: 128, '200 ns': 32, '5 us': 4 }[section];
}

export async function contest(who: string | Origin, plan: Plan, quick: boolean): Promise<Stints> {
  const { workers, section, use = { kind: 'turns' }, timed = false } = plan;
  const steps = stepsOf(sections[section]);
  const windows = quick ? 2 : 4;
  const windowMs = quick ? 20 : (plan.windowMs ?? 120);
  const batch = batchOf(section);
  if (typeof who === 'string' && isNative(who)) {
    const stints: Stints = await runNative(who, [workers, steps, batch, Number(timed), windows, windowMs]);
    return stints.map((each) => each.slice(1));
  }

  const lock = typeof who === 'string' ? origin(who) : who;
  const handle = (await load(lock)).make();
  const memory = contestMemory();
  const data: Contest = { lock, handle, memory, use, workers, steps, batch, timed, windows, windowMs };
  await using team = runWorkers<Stint[]>({
    count: workers,
    module: new URL('member.js', import.meta.url),
    data,
    pin: true,
    timeoutMs: 60_000,
  });
  await onTheirCores(team);
  const stints = (await team.results).map((each) => each ?? []);
  prove(
    memory,
    stints.flat().reduce((sum, { writes }) => sum + writes, 0),
  );
  return stints.map((each) => each.slice(1));
}

/** One figure for each window, of what all workers did in it. */
function perWindow(stints: Stints, of: (window: readonly Stint[]) => number): number[] {
  const [first = []] = stints;
  return first.map((_, i) => of(stints.flatMap((each) => each[i] ?? [])));
}

/** Turns a microsecond, which is million turns a second. */
export function throughput(stints: Stints): number[] {
  return perWindow(stints, (window) => {
    const all = window.reduce((sum, { turns }) => sum + turns, 0);
    const from = Math.min(...window.map((stint) => stint.from));
    const to = Math.max(...window.map((stint) => stint.to));
    return all / (to - from) / 1_000;
  });
}

/** Milliseconds of the longest wait for a turn. */
export function longest(stints: Stints): number[] {
  return perWindow(stints, (window) => Math.max(...window.map((stint) => stint.longest)));
}

/** What the one who had the fewest turns had, per what the one with the most had. */
export function share(stints: Stints): number[] {
  return perWindow(stints, (window) => {
    const rates = window.map(({ turns, from, to }) => turns / (to - from));
    return Math.min(...rates) / Math.max(...rates);
  });
}
