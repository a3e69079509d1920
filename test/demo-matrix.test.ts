/** When a cell is done, and what is held against it; how it is printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, isPossible } from '../src/demo/deployments.js';
import { isMore, judge } from '../src/demo/matrix.js';
import type { Cell } from '../src/demo/matrix.js';
import { columns } from '../src/demo/service.js';
import { printHead, printing } from '../src/demo/terminal.js';
import type { Visit } from '../src/demo/visits.js';

const share = { requests: 100, ms: 1000 };

test('a cell is done after its requests or its time, and has one in any case', () => {
  assert.equal(isMore({ sent: 0, passed: 5000 }, share, false), true);
  assert.equal(isMore({ sent: 99, passed: 999 }, share, false), true);
  assert.equal(isMore({ sent: 100, passed: 0 }, share, false), false);
  assert.equal(isMore({ sent: 1, passed: 1000 }, share, false), false);
});

test('one in which two must have met, and have not, gets more of both, but not for ever', () => {
  assert.equal(isMore({ sent: 0, passed: 5000 }, share, true), true);
  assert.equal(isMore({ sent: 399, passed: 2999 }, share, true), true);
  assert.equal(isMore({ sent: 400, passed: 0 }, share, true), false);
  assert.equal(isMore({ sent: 1, passed: 3000 }, share, true), false);
});

const visit = (entered: number, left: number): Visit => ({ who: '1/0', entered, left, wrong: false });
const outcome = (mismatches: number, visits: readonly Visit[]): Parameters<typeof judge>[2] => ({
  requests: visits.length,
  mismatches,
  perSecond: 1,
  visits,
});
const apart = [visit(0, 1), visit(1, 2)];
const met = [visit(0, 2), visit(1, 3)];

test('behind a lock that reaches far enough nobody is answered wrong, and all are alone inside', () => {
  assert.equal(judge('thread', false, outcome(0, apart)).asExpected, true);
  assert.equal(judge('thread', false, outcome(1, apart)).asExpected, false);
  // Nobody has noticed, but it was luck.
  const lucky = judge('thread', false, outcome(0, met));
  assert.deepEqual([lucky.asExpected, lucky.together], [false, 2]);
});

test('behind one that does not, somebody must be answered wrong', () => {
  assert.equal(judge('none', true, outcome(1, met)).asExpected, true);
  assert.equal(judge('none', true, outcome(0, met)).asExpected, false);
});

const ESCAPE = String.fromCharCode(27);
/** A move to the left, a colour, or a letter. */
const pieces = new RegExp(`${ESCAPE}\\[(\\d+)D|${ESCAPE}\\[\\d+m|[^]`, 'g');

/** What has been written, by lines, as a terminal of 80 columns shows them in the end. */
function shown(isTTY: boolean, fill: (write: (text: string) => void) => void): string[] {
  const lines: string[][] = [[]];
  let at = 0;
  fill((text) => {
    for (const [part, back] of text.matchAll(pieces)) {
      if (back !== undefined) at -= Number(back);
      else if (part === '\n') {
        lines.push([]);
        at = 0;
      } else if (part.length === 1) {
        assert.ok(at < 80, 'it fits');
        (lines.at(-1) ?? [])[at++] = part;
      } else assert.ok(isTTY, 'nothing but text where nothing moves');
    }
  });
  return lines.map((line) => line.join('').trimEnd());
}

test('the matrix fits a terminal, moves there and nowhere else, and is the same in the end', (t) => {
  // Also in a process that has just begun.
  t.mock.method(performance, 'now', () => 1);
  const cell = (mismatches: number): Cell => judge('none', true, outcome(mismatches, met));
  const fill =
    (isTTY: boolean) =>
    (write: (text: string) => void): void => {
      const screen = { isTTY, write };
      printHead(screen, 600, 'redis');
      for (const deployment of deployments) {
        const watcher = printing(screen, 600);
        watcher.row(deployment);
        const cells = columns.map((column) => (isPossible(deployment, column) ? cell(12_345) : undefined));
        for (const one of cells) {
          watcher.progress(2399);
          watcher.cell(one);
        }
        watcher.rowEnd({ deployment, pool: 'piscina', cells });
      }
    };
  const still = shown(false, fill(false));
  assert.deepEqual(shown(true, fill(true)), still);
  assert.match(still.join('\n'), /no lock +thread +process +distributed\n +wrong +req\/s/);
  assert.equal(
    still.filter((line) => /^\S.* 12345 +1 12345 +1 12345 +1( 12345 +1| +n\/a)$/.test(line)).length,
    6,
  );
  let moved = '';
  fill(true)((text) => (moved += text));
  assert.ok(moved.includes(`399 %${ESCAPE}[13D`));
});
