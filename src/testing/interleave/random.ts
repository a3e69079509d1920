/**
 * Random schedules, for what lies beyond the bound of the exhaustive search. A schedule found by chance is long
 * and full of steps that have nothing to do with the failure, so it is shortened before anybody has to read it.
 */
import { KILL, RUN } from './world.js';
import type { World } from './world.js';

/**
 * One schedule to its end. A thread that ran is let run on with probability `stay`: some bugs need long runs of
 * one thread, others a change at each operation. Time-outs are rarer than steps and kills rarer still, or no
 * thread would come far.
 */
export function walk(world: World, random: () => number, stay: number): number[] {
  const path: number[] = [];
  let last = -1;
  world.reset();
  while (!world.ended && !world.flaw) {
    const choices = world.choices();
    let choice = last;
    if (!choices.includes(last) || random() >= stay) {
      const weights = choices.map((c) => ((c & 3) === RUN ? 1 : (c & 3) === KILL ? 0.03 : 0.2));
      let rest = random() * weights.reduce((sum, weight) => sum + weight, 0);
      choice = choices[weights.findIndex((weight) => (rest -= weight) < 0)] ?? choices[0] ?? 0;
    }
    path.push(choice);
    world.apply(choice);
    if ((choice & 3) === RUN) last = choice;
  }
  return path;
}

/** Leaves choices out, in halves, quarters and so on, as long as the same kind of failure remains. */
export function shorten(world: World, path: readonly number[]): number[] {
  const kind = run(world, path).kind;
  let best = [...path];
  for (let size = best.length; size >= 1;) {
    const before = best.length;
    for (let from = 0; from < best.length;) {
      const attempt = run(world, best.toSpliced(from, size));
      if (attempt.kind === kind && attempt.path.length < best.length) best = attempt.path;
      else from += size;
    }
    // At single choices go round again while it helps: one omission makes the next one possible.
    if (size > 1) size = Math.ceil(size / 2);
    else if (best.length === before) break;
  }
  return best;
}

/** Goes as far as the choices lead, and passes over those that are not open. */
function run(world: World, path: readonly number[]): { kind: string | undefined; path: number[] } {
  const taken: number[] = [];
  world.reset();
  for (const choice of path) {
    if (world.ended || world.flaw) break;
    if (!world.choices().includes(choice)) continue;
    world.apply(choice);
    taken.push(choice);
  }
  return { kind: world.flaw?.kind, path: taken };
}
