/** The matrix as text, written as it is found: a cell when it is done, behind it how far the next one is. */
import { styleText } from 'node:util';
import { titles, whyOf } from './deployments.js';
import { CLIENTS } from './load.js';
import type { Cell, Row, Watcher } from './matrix.js';
import { columns } from './service.js';

/** Where it goes: a terminal, or a file or a pipe, where nothing moves and nothing is coloured. */
export interface Screen {
  readonly isTTY: boolean;
  write(text: string): void;
}

const LABEL = 26;
const CELL = 13;
const RATE = 7;
const WIDTH = LABEL + 4 * CELL;
const EVERY = 100;

export function printHead(screen: Screen, requests: number, store: string): void {
  const lines = [
    ...wrap(
      `PUT /todos?index=N overwrites one file, reads it back and answers what it has read. ${CLIENTS} clients at ` +
        `once, ${requests} requests a cell. Wrong: answers that are not what the client has sent. Distributed: ${store}.`,
    ),
    '',
    ' '.repeat(LABEL) + columns.map((column) => titles[column].padStart(CELL)).join(''),
    ' '.repeat(LABEL) + columns.map(() => 'wrong'.padStart(CELL - RATE) + 'req/s'.padStart(RATE)).join(''),
  ];
  screen.write(`${lines.join('\n')}\n`);
}

export function printing(screen: Screen, requests: number): Watcher {
  let last = -Infinity;
  const coloured = screen.isTTY && !process.env['NO_COLOR'];
  return {
    row: ({ label }) => screen.write(label.padEnd(LABEL)),
    progress(sent) {
      const now = performance.now();
      if (!screen.isTTY || now - last < EVERY) return;
      last = now;
      const text = `${Math.floor((100 * sent) / requests)} %`.padStart(CELL);
      // Back to where the cell begins, which will be written over it.
      screen.write(`${text}\x1b[${text.length}D`);
    },
    cell: (cell) => screen.write(cellText(cell, coloured)),
    rowEnd: (row) => screen.write(`\n${explained(row)}\n`),
  };
}

function cellText(cell: Cell | undefined, coloured: boolean): string {
  if (cell === undefined) return 'n/a'.padStart(CELL);
  const wrong = String(cell.mismatches).padStart(CELL - RATE);
  const rate = String(Math.round(cell.perSecond)).padStart(RATE);
  if (!coloured) return wrong + rate;
  // Where it goes has been looked at; Node would look at the standard output.
  const anyway = { validateStream: false };
  return styleText(cell.mismatches > 0 ? 'red' : 'green', wrong, anyway) + styleText('dim', rate, anyway);
}

function explained({ deployment, pool }: Row): string {
  return wrap(whyOf(deployment, pool), '  ')
    .map((line) => `${line}\n`)
    .join('');
}

/** Lines of whole words. */
export function wrap(text: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
