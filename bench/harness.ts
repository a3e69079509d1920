/**
 * Trials and their statistics. A trial is one case with one contestant in a process of its own, so that what V8
 * learned from one never helps or hurts another. The contestants of a case take turns: every round runs each of
 * them once, in an order shuffled by the round's number. So a busy minute of the machine hits all alike, and a
 * ratio is taken inside each round first; the median of those ratios is what bars are held against.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeBinary } from '../test/support/nodes.js';
import { generator } from '../src/testing/random.js';

export interface Case {
  readonly name: string;
  readonly unit: 'ns/op' | 'ns/waiter' | 'B/waiter' | 'ms' | 'us' | 'M/s' | 'k/s' | 'x' | 'writes';
  /** Floors first, ourselves next. */
  readonly contestants: readonly string[];
  /** Those who need so long here that --quick leaves them out. */
  readonly slow?: readonly string[];
  /** Rounds at most, where a trial takes long. */
  readonly rounds?: number;
  /** False if --quick leaves the whole case out, because others stand for it. */
  readonly quick?: boolean;
  /** Why a contestant cannot take part on this machine; undefined if it can. */
  readonly absent?: (contestant: string) => Promise<string | undefined>;
  /** The major version of Node to run on, and who is missing before it. */
  readonly node?: { readonly major: number; readonly brings: string };
  /** Runs in the child: one figure for each inner round. */
  readonly trial: (contestant: string, quick: boolean) => Promise<number[]>;
}

/** A promise: the value of one contestant, or its ratio `per` another, is `at most` or `at least` the limit. */
export interface Bar {
  readonly case: string;
  readonly of: string;
  readonly per?: string;
  readonly is: '<=' | '>=';
  readonly limit: number;
}

export interface Group {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly bars: readonly Bar[];
  /** The cases that the README shows, and what it calls their columns. */
  readonly highlights: Readonly<Record<string, string>>;
}

/** What a child prints. */
export interface Trial {
  readonly node: string;
  readonly inner: readonly number[];
  readonly value: number;
}

/** A case after its rounds: one figure a round for each contestant, at the round's index. */
export interface Measured {
  readonly case: Case;
  readonly node: string;
  readonly samples: ReadonlyMap<string, readonly number[]>;
}

export interface Row {
  readonly group: string;
  readonly case: string;
  readonly contestant: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

export interface RunOptions {
  readonly quick: boolean;
  readonly rounds: number;
  /** Takes one line of news at a time. */
  readonly say: (line: string) => void;
  /** Takes every trial as it was. */
  readonly record?: (trial: object) => void;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing');
  const half = values.length / 2;
  const middle = values.toSorted((a, b) => a - b).slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** The median of the ratios within each round; undefined if one of the two did not take part. */
export function ratio(measured: Measured, of: string, per: string): number | undefined {
  const top = measured.samples.get(of);
  const bottom = measured.samples.get(per);
  if (top === undefined || bottom === undefined) return undefined;
  return median(top.map((value, round) => value / (bottom[round] ?? Number.NaN)));
}

/** What a bar speaks of, if it was measured. */
export function measuredBar(bar: Bar, measured: Measured): number | undefined {
  if (bar.per !== undefined) return ratio(measured, bar.of, bar.per);
  const values = measured.samples.get(bar.of);
  return values && median(values);
}

export function passes(bar: Bar, value: number): boolean {
  return bar.is === '<=' ? value <= bar.limit : value >= bar.limit;
}

export function rows(group: string, measured: Measured): Row[] {
  return Array.from(measured.samples, ([contestant, values]) => ({
    group,
    case: measured.case.name,
    contestant,
    unit: measured.case.unit,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    n: values.length,
  }));
}

/** The same order for the same seed, so that a run can be repeated. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const next = generator(seed);
  return items
    .map((item) => ({ item, key: next() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const run = promisify(execFile);
const child = fileURLToPath(new URL('trial.js', import.meta.url));

async function trial(node: string, args: readonly string[]): Promise<Trial> {
  const { stdout } = await run(node, ['--expose-gc', child, ...args], { timeout: 120_000 });
  const result: Trial = JSON.parse(stdout);
  return result;
}

/** The Node a case runs on; undefined, and a line saying why, if there is none. */
async function binaryFor(what: Case, options: RunOptions): Promise<string | undefined> {
  const own = Number.parseInt(process.versions.node, 10);
  if (what.node === undefined || what.node.major === own) return process.execPath;
  const { major, brings } = what.node;
  const binary = options.quick ? undefined : await nodeBinary(major);
  if (binary === undefined) {
    const why = options.quick ? '--quick fetches no other one' : 'no other one could be had';
    options.say(`left out: ${brings} in '${what.name}' needs Node ${major}, this is ${own}, and ${why}`);
  }
  return binary;
}

/** Who takes part, and a line for everybody who does not. */
async function takingPart(what: Case, options: RunOptions): Promise<string[]> {
  const taking: string[] = [];
  for (const name of what.contestants) {
    const slow = options.quick && what.slow?.includes(name) === true;
    const why = slow ? 'too slow for --quick' : await what.absent?.(name);
    if (why === undefined) taking.push(name);
    else options.say(`left out: ${name} at '${what.name}': ${why}`);
  }
  return taking;
}

/** All rounds of one case; undefined if it cannot run here. */
export async function measure(group: Group, what: Case, options: RunOptions): Promise<Measured | undefined> {
  if (options.quick && what.quick === false) return undefined;
  const binary = await binaryFor(what, options);
  if (binary === undefined) return undefined;
  const taking = await takingPart(what, options);
  if (taking.length === 0) return undefined;

  const samples = new Map<string, number[]>(taking.map((name) => [name, []]));
  let node = '';
  const rounds = Math.min(options.rounds, what.rounds ?? Infinity);
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(taking, round)) {
      const args = [group.name, what.name, name, ...(options.quick ? ['--quick'] : [])];
      const result = await trial(binary, args);
      options.record?.({ group: group.name, case: what.name, contestant: name, round, ...result });
      samples.get(name)?.push(result.value);
      node = result.node;
    }
  }
  return { case: what, node, samples };
}
