/** The harness measures everybody alike, and says clearly what it was not able to do. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { groups } from '../bench/groups.js';
import {
  type Case,
  type Measured,
  measuredBar,
  measure,
  median,
  passes,
  ratio,
  rows,
  shuffled,
} from '../bench/harness.js';
import { bars, figure, highlights, table } from '../bench/report.js';

const what: Case = {
  name: 'made up',
  unit: 'ns/op',
  contestants: ['floor: nothing', 'tierlock'],
  trial: () => Promise.resolve([1]),
};

/** The machine became ten times slower in round 1: the ratio inside each round knows nothing of it. */
const measured: Measured = {
  case: what,
  node: 'v20',
  samples: new Map([
    ['floor: nothing', [10, 100, 10, 20]],
    ['tierlock', [20, 200, 30, 40]],
  ]),
};

test('the median is the middle one, or the mean of the middle two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([10, 9, 100, 1]), 9.5);
  assert.equal(median([7]), 7);
  assert.throws(() => median([]), RangeError);
});

test('a ratio is taken inside each round before the median', () => {
  assert.equal(ratio(measured, 'tierlock', 'floor: nothing'), 2);
  assert.equal(ratio(measured, 'tierlock', 'somebody else'), undefined);
});

test('a bar holds a ratio or a value against its limit', () => {
  const relative = { case: 'made up', of: 'tierlock', per: 'floor: nothing', is: '<=', limit: 2 } as const;
  const absolute = { case: 'made up', of: 'tierlock', is: '>=', limit: 36 } as const;
  const absent = { case: 'made up', of: 'somebody else', is: '<=', limit: 1 } as const;
  assert.equal(measuredBar(relative, measured), 2);
  assert.equal(measuredBar(absolute, measured), 35);
  assert.equal(measuredBar(absent, measured), undefined);
  assert.equal(passes(relative, 2), true);
  assert.equal(passes(absolute, 35), false);

  const group = { name: 'g', cases: [what], bars: [relative, absolute, absent], highlights: {} };
  const { text, short } = bars(group, [measured]);
  assert.equal(short, 1);
  assert.match(text, /made up \| tierlock \/ floor: nothing \| 2x \| <= 2x \| pass/);
  assert.match(
    text,
    /made up \| tierlock \| 35 ns\/op \(floor: nothing: 15\) \| >= 36 ns\/op \| \*\*FALLS SHORT/,
  );
  assert.match(text, /made up \| somebody else \| not measured/);
});

test('a table shows everybody beside the floor and beside us', () => {
  assert.match(table(measured), /\| tierlock \| 35 \| 20 \| 200 \| 2x \(2.33x\) \| 1x \(1x\) \|/);
  assert.deepEqual([1234.5, 99.96, 0.01234].map(figure), ['1,235', '100', '0.0123']);
});

test('the highlights show whoever took part, the fastest first', () => {
  const group = { name: 'g', cases: [what], bars: [], highlights: { 'made up': 'ns', missing: 'B' } };
  const other: Measured = { ...measured, samples: new Map([['quick', [1]], ...measured.samples]) };
  assert.deepEqual(highlights(group, [other]).split('\n'), [
    '| g | ns | B |',
    '| --- | ---: | ---: |',
    '| quick | 1 |  |',
    '| floor: nothing | 15 |  |',
    '| tierlock | 35 |  |',
  ]);
});

test('the highlights show those after the others who took part in a later column only', () => {
  const highlighted = { 'made up': 'ns', missing: 'B', second: 's' };
  const group = { name: 'g', cases: [what], bars: [], highlights: highlighted };
  const second: Measured = {
    ...measured,
    case: { ...what, name: 'second' },
    samples: new Map([
      ['slow', [3]],
      ['late', [2]],
      ['tierlock', [1]],
    ]),
  };
  assert.deepEqual(highlights(group, [measured, second]).split('\n').slice(2), [
    '| floor: nothing | 15 |  |  |',
    '| tierlock | 35 |  | 1 |',
    '| late |  |  | 2 |',
    '| slow |  |  | 3 |',
  ]);
});

test('a seed gives the same order again and loses nobody', () => {
  const items = [1, 2, 3, 4, 5, 6];
  assert.deepEqual(shuffled(items, 4), shuffled(items, 4));
  assert.deepEqual(new Set(shuffled(items, 4)), new Set(items));
  const firsts = Array.from({ length: 40 }, (_, seed) => shuffled(items, seed)[0]);
  assert.equal(new Set(firsts).size, items.length);
});

test('who cannot take part is told of, and does not spoil the rest', async () => {
  const said: string[] = [];
  const options = { quick: true, rounds: 1, say: (line: string) => void said.push(line) };
  const group = { name: 'g', cases: [what], bars: [], highlights: {} };
  const nobody: Case = { ...what, absent: (name) => Promise.resolve(`no ${name} here`) };
  assert.equal(await measure(group, nobody, options), undefined);
  assert.deepEqual(said, [
    "left out: floor: nothing at 'made up': no floor: nothing here",
    "left out: tierlock at 'made up': no tierlock here",
  ]);
  assert.equal(await measure(group, { ...what, quick: false }, options), undefined);
});

test('every bar speaks of a case and of contestants that exist', () => {
  for (const group of groups) {
    for (const bar of group.bars) {
      const found = group.cases.find((each) => each.name === bar.case);
      for (const name of [bar.of, bar.per])
        assert.ok(name === undefined || found?.contestants.includes(name));
    }
    const names = new Set(group.cases.map((each) => each.name));
    assert.deepEqual(
      Object.keys(group.highlights).filter((name) => !names.has(name)),
      [],
    );
  }
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(...args: readonly string[]): Promise<Outcome> {
  const program = fileURLToPath(new URL('../bench/index.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('wrong arguments are answered with what there is', async () => {
  const answers = await Promise.all([
    bench('nonsense'),
    bench('--fast'),
    bench('--case', 'nonsense'),
    bench('--json', '/nonsense/rows.json'),
  ]);
  for (const { code, stderr } of answers) {
    assert.equal(code, 2);
    assert.match(stderr, /nonsense|--fast/);
    assert.match(
      stderr,
      /groups: async, thread, rwlock, semaphore, files, named, handoff, distributed\noptions: --case TEXT, --quick, --strict, --json FILE/,
    );
  }
  assert.match(answers[2].stderr, /only: uncontended; hand-off, 1,000 waiters/);
});

test('a quick run of one case gives a row for each contestant', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tierlock-bench-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rows.json');
  const { code, stdout } = await bench('async', '--quick', '--case', 'semaphore', '--json', file);
  assert.equal(code, 0);
  assert.match(stdout, /### semaphore of 1e8 permits\n\nNode v\d+/);

  const found: ReturnType<typeof rows> = JSON.parse(await readFile(file, 'utf8'));
  assert.deepEqual(
    found.map((row) => row.contestant),
    ['tierlock: acquire(1)', 'tierlock: acquire(1e6)'],
  );
  for (const row of found) {
    assert.deepEqual(Object.keys(row), ['group', 'case', 'contestant', 'unit', 'median', 'min', 'max', 'n']);
    assert.deepEqual(
      [row.group, row.case, row.unit, row.n],
      ['async', 'semaphore of 1e8 permits', 'ns/op', 1],
    );
    assert.ok(0 < row.min && row.min <= row.median && row.median <= row.max);
  }
});
