/**
 * A failing schedule for the eyes of a developer, and for running it once more.
 */
import type { Failure, Spec, Step } from './spec.js';
import { World } from './world.js';

const LETTERS = ['', 't', 'l', 'k'];

/** Runs a schedule again, as `choices` of a failure gives it. Throws if a choice is not open. */
export function replay(spec: Spec, choices: string): Failure | undefined {
  const path = choices.split(' ').filter(Boolean);
  const codes = path.map((text) => Number.parseInt(text, 10) * 4 + LETTERS.indexOf(text.replace(/^\d+/, '')));
  return report(spec, codes);
}

/** What becomes of these choices, told step by step. */
export function report(spec: Spec, path: readonly number[], seed?: number): Failure | undefined {
  const world = new World(spec);
  const schedule: Step[] = [];
  for (const [at, choice] of path.entries()) {
    if (world.flaw) break;
    if (!world.choices().includes(choice)) {
      throw new RangeError(`choice ${at + 1} of the schedule, ${letter(choice)}, is not open`);
    }
    schedule.push(world.tell(choice));
  }
  if (!world.flaw) return undefined;
  const choices = path.slice(0, schedule.length).map(letter).join(' ');
  return { ...world.flaw, schedule, choices, ...(seed === undefined ? {} : { seed }) };
}

function letter(choice: number): string {
  return `${choice >> 2}${LETTERS[choice & 3]}`;
}

/** One line a step: number, thread, what it did and what came of it, the words afterwards. */
export function format(failure: Failure): string {
  const rows = failure.schedule.map((step, at) => [
    `${at + 1}`,
    `T${step.thread}`,
    WHAT[step.action] ?? step.operation,
    `[${step.memory.join(' ')}]`,
    step.events.join(', '),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const found = failure.seed === undefined ? '' : `, found with seed ${failure.seed}`;
  return [`${failure.kind}: ${failure.message}`, ...lines, `replay: '${failure.choices}'${found}`].join('\n');
}

const WHAT: Partial<Record<Step['action'], string>> = {
  'time-out': 'times out',
  late: 'comes back late',
  kill: 'is killed',
};
