/**
 * A failing schedule for the eyes of a developer, and for running it once more.
 */
import type { Failure, Flaw, Spec, Step } from './spec.js';
import { World } from './world.js';

const LETTERS = ['', 't', 'l', 'k'];
const ACTIONS = ['run', 'time-out', 'late', 'kill'] as const;

/** Runs a schedule again, as `choices` of a failure gives it. Throws if a choice is not open. */
export function replay(spec: Spec, choices: string): Failure | undefined {
  const path = choices.split(' ').filter(Boolean);
  const codes = path.map((text) => Number.parseInt(text, 10) * 4 + LETTERS.indexOf(text.replace(/^\d+/, '')));
  return report(spec, codes);
}

/** The report of a failure that was found; code that does not fail again in the same way is to blame for that. */
export function confirm(spec: Spec, path: readonly number[], flaw: Flaw, seed?: number): Failure {
  try {
    const failure = report(spec, path, seed);
    if (failure) return failure;
  } catch {
    // A choice that was open the first time is not open any more: the same story.
  }
  const message = `found once, but not in a second run of the same schedule: ${flaw.kind}: ${flaw.message}`;
  return { kind: 'nondeterminism', message, schedule: [], choices: path.map(letter).join(' ') };
}

/** What becomes of these choices, told step by step. */
function report(spec: Spec, path: readonly number[], seed?: number): Failure | undefined {
  const world = new World(spec);
  const schedule: Step[] = [];
  for (const [at, choice] of path.entries()) {
    if (world.flaw) break;
    if (!world.choices().includes(choice)) {
      throw new RangeError(`choice ${at + 1} of the schedule, ${letter(choice)}, is not open`);
    }
    schedule.push(tell(world, choice));
  }
  if (!world.flaw) return undefined;
  const choices = path.slice(0, schedule.length).map(letter).join(' ');
  return { ...world.flaw, schedule, choices, ...(seed === undefined ? {} : { seed }) };
}

function tell(world: World, choice: number): Step {
  const events: string[] = [];
  world.events = events;
  world.apply(choice);
  world.events = undefined;
  return {
    thread: choice >> 2,
    action: ACTIONS[choice & 3] ?? 'run',
    operation: events.find((event) => event.startsWith('='))?.slice(1) ?? '',
    events: events.filter((event) => !event.startsWith('=')),
    memory: [...world.memory],
  };
}

function letter(choice: number): string {
  return `${choice >> 2}${LETTERS[choice & 3]}`;
}

/** One line a step: number, thread, what it did, the words afterwards, what came of it. The same again is folded. */
export function format(failure: Failure): string {
  const rows: string[][] = [];
  for (const [at, step] of failure.schedule.entries()) {
    const what = WHAT[step.action] ?? step.operation;
    const row = [`${at + 1}`, `T${step.thread}`, what, `[${step.memory.join(' ')}]`, step.events.join(', ')];
    const before = rows.at(-1);
    if (before?.slice(1).join('|') === row.slice(1).join('|'))
      before[0] = `${Number.parseInt(before[0] ?? '', 10)}-${at + 1}`;
    else rows.push(row);
  }
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(([number = '', ...cells]) => {
    const padded = cells.map((cell, column) => cell.padEnd(widths[column + 1] ?? 0));
    return [number.padStart(widths[0] ?? 0), ...padded].join('  ').trimEnd();
  });
  const found = failure.seed === undefined ? '' : `, found with seed ${failure.seed}`;
  return [`${failure.kind}: ${failure.message}`, ...lines, `replay: '${failure.choices}'${found}`].join('\n');
}

const WHAT: Partial<Record<Step['action'], string>> = {
  'time-out': 'times out',
  late: 'comes back late',
  kill: 'is killed',
};
