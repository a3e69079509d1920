/**
 * Runs every cell of the matrix for real, and holds what it finds against what must be found. A cell gets its share of
 * the time that is left. One in which two must meet and have not yet may take three times as long, and four times as many
 * requests: that they meet is likely at any moment, and certain at none.
 */
import { isPossible, titles } from './deployments.js';
import type { Deployment } from './deployments.js';
import { load } from './load.js';
import type { Outcome } from './load.js';
import { columns } from './service.js';
import type { Column } from './service.js';
import { start } from './start.js';
import { meetings } from './visits.js';

export interface Cell extends Outcome {
  readonly column: Column;
  /** How many were not alone inside. */
  readonly together: number;
  /** Whether there must be wrong answers; else there must be none, and everybody alone inside. */
  readonly wrong: boolean;
  readonly asExpected: boolean;
}

export interface Row {
  readonly deployment: Deployment;
  /** Which pool its threads are of, if it has any. */
  readonly pool: string | undefined;
  /** One a column; undefined where that is not possible. */
  readonly cells: readonly (Cell | undefined)[];
}

export interface Plan {
  readonly rows: readonly Deployment[];
  /** Of each cell. */
  readonly requests: number;
  readonly seconds: number;
  /** For all files. */
  readonly folder: string;
  readonly backend: string;
  readonly signal: AbortSignal;
}

/** Is told of everything as it happens. */
export interface Watcher {
  row(deployment: Deployment): void;
  progress(sent: number): void;
  cell(cell: Cell | undefined): void;
  rowEnd(row: Row): void;
}

export async function runMatrix(plan: Plan, watcher: Watcher): Promise<Row[]> {
  const end = performance.now() + plan.seconds * 1000;
  const rows: Row[] = [];
  let left = plan.rows.length * columns.length;
  for (const deployment of plan.rows) {
    watcher.row(deployment);
    const running = await start(deployment, plan.folder, plan.backend, plan.signal);
    const signal = AbortSignal.any([plan.signal, running.failed]);
    const cells: Row['cells'][number][] = [];
    try {
      for (const column of columns) {
        const ms = Math.max(0, end - performance.now()) / left--;
        const cell = isPossible(deployment, column)
          ? await measure({ deployment, column, ms, port: running.port, signal, plan, watcher })
          : undefined;
        cells.push(cell);
        watcher.cell(cell);
      }
    } catch (error) {
      await running.stop();
      throw signal.aborted ? signal.reason : error;
    }
    await running.stop();
    const row = { deployment, pool: running.pool, cells };
    rows.push(row);
    watcher.rowEnd(row);
  }
  return rows;
}

interface Measured {
  readonly deployment: Deployment;
  readonly column: Column;
  readonly ms: number;
  readonly port: number;
  readonly signal: AbortSignal;
  readonly plan: Plan;
  readonly watcher: Watcher;
}

async function measure({ deployment, column, ms, port, signal, plan, watcher }: Measured): Promise<Cell> {
  const wrong = deployment.wrong.includes(column);
  const share = { requests: plan.requests, ms };
  const started = performance.now();
  const more = (sent: number, mismatches: number): boolean => {
    watcher.progress(sent);
    return isMore({ sent, passed: performance.now() - started }, share, wrong && mismatches === 0);
  };
  return judge(column, wrong, await load({ port, column, signal, more }));
}

/** Whether there shall be one more request, and there is always one. `misses`: two must have met, and have not. */
export function isMore(
  { sent, passed }: { sent: number; passed: number },
  { requests, ms }: { requests: number; ms: number },
  misses: boolean,
): boolean {
  if (sent === 0) return true;
  return misses ? sent < 4 * requests && passed < 3 * ms : sent < requests && passed < ms;
}

export function judge(column: Column, wrong: boolean, outcome: Outcome): Cell {
  const together = meetings(outcome.visits);
  const asExpected = wrong ? outcome.mismatches > 0 : outcome.mismatches === 0 && together === 0;
  return { column, ...outcome, together, wrong, asExpected };
}

/** What was not as expected, a line each. */
export function surprises(rows: readonly Row[]): string[] {
  const found: string[] = [];
  for (const { deployment, cells } of rows) {
    for (const cell of cells) {
      if (cell === undefined || cell.asExpected) continue;
      const { column, mismatches, together, requests } = cell;
      const said = `${mismatches} of ${requests} answers wrong, ${together} not alone inside`;
      const due = cell.wrong ? 'wrong answers' : 'none of either';
      found.push(`${deployment.label}, ${titles[column]}: ${said}; expected: ${due}`);
    }
  }
  return found;
}
