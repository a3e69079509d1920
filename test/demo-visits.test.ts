/** Who met whom, of visits whose times are known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excerpt, meetings, overlaps, rows, within } from '../src/demo/visits.js';
import type { Stretch, Visit } from '../src/demo/visits.js';

const stretch = (entered: number, left: number): Stretch => ({ entered, left });
const visit = (entered: number, left: number, who = '1/0'): Visit => ({ who, entered, left, wrong: false });

test('whoever leaves when another enters has not met him', () => {
  const calm = [stretch(20, 30), stretch(0, 10), stretch(10, 20), stretch(40, 50)];
  assert.deepEqual(overlaps(calm), []);
  assert.equal(meetings(calm), 0);
});

test('two that meet overlap from when the second enters until the first of them leaves', () => {
  assert.deepEqual(overlaps([stretch(0, 10), stretch(4, 20)]), [stretch(4, 10)]);
  // One inside of the other.
  assert.deepEqual(overlaps([stretch(4, 6), stretch(0, 10)]), [stretch(4, 6)]);
  assert.equal(meetings([stretch(0, 10), stretch(4, 20), stretch(30, 40)]), 2);
});

test('overlaps are as long as possible, however many take part, and apart where nobody meets', () => {
  const visits = [stretch(0, 100), stretch(10, 30), stretch(20, 40), stretch(40, 50), stretch(60, 70)];
  assert.deepEqual(overlaps(visits), [stretch(10, 50), stretch(60, 70)]);
  // Nor does one that leaves early end what two others go on with.
  assert.deepEqual(overlaps([stretch(0, 100), stretch(10, 80), stretch(20, 30)]), [stretch(10, 80)]);
  // A short one does not hide that the long one is still inside.
  assert.deepEqual(overlaps([stretch(0, 100), stretch(10, 20), stretch(50, 200)]), [
    stretch(10, 20),
    stretch(50, 100),
  ]);
});

test('a part of a visit is what lies in both', () => {
  const met = [stretch(0, 5), stretch(10, 20), stretch(30, 40)];
  assert.deepEqual(within(stretch(4, 15), met), [stretch(4, 5), stretch(10, 15)]);
  assert.deepEqual(within(stretch(5, 10), met), []);
});

test('in a row nobody meets, and there are no more rows than were inside at once', () => {
  const all = [visit(0, 10), visit(5, 8), visit(8, 20), visit(10, 12)];
  const found = rows(all);
  assert.equal(found.length, 2);
  assert.equal(found.flat().length, all.length);
  for (const row of found) assert.deepEqual(overlaps(row), []);
});

test('an excerpt has 100 ms from just before the first meeting after the middle', () => {
  const ms = 1000;
  const apart = Array.from({ length: 1000 }, (_, i) => visit(i * 2 * ms, i * 2 * ms + 100));
  const { entered, left, seen } = excerpt([...apart, visit(50, 80), visit(1500 * ms + 50, 1500 * ms + 900)]);
  assert.deepEqual([entered, left], [1499 * ms + 50, 1599 * ms + 50]);
  // The one that came late, and every other millisecond from the 1500th to the 1598th.
  assert.equal(seen.length, 51);
});

test('an excerpt of those who never met begins in the middle', () => {
  const apart = Array.from({ length: 10 }, (_, i) => visit(i * 5000, i * 5000 + 100));
  const { entered, left, seen } = excerpt(apart);
  assert.deepEqual([entered, left, seen.length], [24_000, 45_100, 5]);
});

test('a meeting before the middle is shown if there is none behind it', () => {
  const apart = Array.from({ length: 10 }, (_, i) => visit(i * 50_000, i * 50_000 + 100));
  const { entered, seen } = excerpt([...apart, visit(50, 80)]);
  assert.deepEqual([entered, seen.length], [-950, 3]);
});

test('an excerpt has at most so many as can be told apart, and knows who is inside at its edges', () => {
  // One that is inside all the time, from before; another meets the next one in the second half.
  const many = Array.from({ length: 1000 }, (_, i) => visit(i * 10, i * 10 + 1));
  const { entered, left, seen } = excerpt([visit(0, 20_000), ...many, visit(7000, 7005)]);
  assert.deepEqual([entered, left], [6000, 7500]);
  // 150 that come, one that leaves just then, and the long one.
  assert.equal(seen.length, 152);
  assert.ok(seen.some((one) => one.left === 20_000));
});

test('an excerpt of nothing is empty', () => {
  assert.deepEqual(excerpt([]).seen, []);
});
