/** The page: what is in it, of visits whose times are known; that nothing printed into it can break it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments } from '../src/demo/deployments.js';
import type { Cell, Row } from '../src/demo/matrix.js';
import { surprises } from '../src/demo/matrix.js';
import { reportOf } from '../src/demo/report.js';
import { columns } from '../src/demo/service.js';
import { timeline } from '../src/demo/timeline.js';
import type { Visit } from '../src/demo/visits.js';

const visit = (who: string, entered: number, left: number, wrong = false): Visit => ({
  who,
  entered,
  left,
  wrong,
});

const cell = (visits: readonly Visit[], more: Partial<Cell> = {}): Cell => ({
  column: 'none',
  requests: visits.length,
  mismatches: 0,
  perSecond: 1000,
  visits,
  together: 0,
  wrong: false,
  asExpected: true,
  ...more,
});

const allRows = (pool?: string): Row[] =>
  deployments.map((deployment) => ({
    deployment,
    pool,
    cells: columns.map((column) =>
      deployment.sync && column === 'distributed' ? undefined : cell([visit('1/0', 0, 10)], { column }),
    ),
  }));

const about = { requests: 600, store: 'files', where: 'today' };
const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

test('the page has a table with a cell for each that was run, which leads to its timeline', () => {
  const page = reportOf({ rows: allRows(), ...about });
  assert.equal(count(page, /<th scope="row">/g), 6);
  assert.equal(count(page, /<th scope="col">/g), 5);
  assert.equal(count(page, /<td/g), 24);
  assert.equal(count(page, /<td>n\/a<\/td>/g), 1);
  const links = [...page.matchAll(/<td[^>]*>\s*<a href="#([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(links).size, 23);
  for (const id of links) assert.equal(count(page, new RegExp(` id="${id}"`, 'g')), 1);
  assert.equal(count(page, /<svg\s+role="img"\s+aria-label="[^"]+"/g), 23);
});

test('every element is closed, in order', () => {
  const page = reportOf({ rows: allRows('piscina'), ...about });
  const open: string[] = [];
  for (const [, end, name = '', last] of page.matchAll(/<(\/?)([a-z0-9]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (last === '/' || name === 'meta') continue;
    if (end === '') open.push(name);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
});

test('the page asks no network for anything, and is not allowed to', () => {
  const page = reportOf({ rows: allRows(), ...about });
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.doesNotMatch(page, /https?:|\bsrc=|@import|url\(|<script|<link/);
});

test('whatever is printed into it is escaped', () => {
  const evil = `<script>alert("1")</script>&'`;
  const rows = allRows(evil).map(({ deployment, pool }) => ({
    deployment: Object.assign({}, deployment, { label: evil, why: evil }),
    pool,
    cells: [cell([visit('1/0', 0, 10)], { wrong: true, asExpected: false })],
  }));
  const page = reportOf({ rows, requests: 1, store: evil, where: evil });
  assert.doesNotMatch(page, /<script/);
  // Label, reason, surprise: of each of six; what it ran on, and where.
  assert.ok(count(page, /&#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62;&#38;&#39;/g) >= 6 * 3 + 2);
});

test('what was not as expected is said at the top', () => {
  const [first] = allRows();
  assert.ok(first);
  const rows = [
    { ...first, cells: [cell([], { column: 'thread', mismatches: 3, together: 4, asExpected: false })] },
  ];
  const said =
    'one synchronous handler, thread: 3 of 0 answers wrong, 4 not alone inside; expected: none of either';
  assert.deepEqual(surprises(rows), [said]);
  assert.ok(reportOf({ rows, ...about }).includes(`<b>Not as expected:</b> ${said}`));
  assert.deepEqual(surprises(allRows()), []);
});

test('a timeline has a strip for each thread, a track for each that is inside at once, and red where two are', () => {
  // 50 ms: two in process 7, and one in process 70 that meets both; later one alone.
  const visits = [
    visit('70/0', 10_000, 30_000, true),
    visit('7/1', 0, 20_000),
    visit('7/1', 18_000, 20_000),
    visit('7/2', 40_000, 49_000),
  ];
  const { text } = timeline(cell(visits));
  // It begins 1 ms before the first meeting, at 9 ms, and ends at 49: of 40 ms, in 10,000 parts.
  assert.match(text, /<span>0<\/span><span>40 ms<\/span>/);
  assert.deepEqual(
    [...text.matchAll(/aria-label="([^"]+)"/g)].map(([, said]) => said),
    [
      'process 1, thread 1; visits: 2, not alone: 2',
      'process 1, thread 2; visits: 1, not alone: 0',
      'process 2; visits: 1, not alone: 1',
    ],
  );
  const paths = (name: string): unknown[] =>
    [...text.matchAll(new RegExp(`class="${name}"[^>]* d="([^"]*)"`, 'g'))].map(([, d]) => d);
  assert.deepEqual(paths('alone'), ['M0 6h2750M2250 18h500', 'M7750 6h2250', 'M250 6h5000']);
  assert.deepEqual(paths('overlap'), ['M250 6h2500M2250 18h500', '', 'M250 6h2500']);
  assert.deepEqual(paths('wrong'), ['', '', 'M5250 0v12']);
});

test('a page of long runs stays small', () => {
  const crowd = Array.from({ length: 20_000 }, (_, i) => visit(`${i % 10}/1`, i * 20, i * 20 + 90, true));
  const rows = allRows().map((row) =>
    Object.assign(row, { cells: columns.map((column) => cell(crowd, { column })) }),
  );
  assert.ok(reportOf({ rows, ...about }).length < 500_000);
});
