/** Contests between threads find out which lock excludes, and make the right figures of what they saw. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildNative, runNative } from '../bench/contestants/native.js';
import { absent } from '../bench/contestants/shared.js';
import { type Plan, type Stints, contest, longest, share, throughput, unfit } from '../bench/team/contest.js';
import { handOff } from '../bench/team/hand-off.js';
import { recovery, unfitToLose } from '../bench/team/recovery.js';
import { contestMemory, prove, stepsOf, work } from '../bench/team/sections.js';
import { allowedCores } from './support/system.js';

const two = { workers: 2, section: '200 ns' } as const;
const pthread = 'floor: C pthread_mutex';
const skip = (await unfit('SAB naive')) ?? (allowedCores().length < 2 && 'nobody meets anybody on one core');
const withoutC = (await absent(pthread)) ?? false;
const withoutOurs = (await unfitToLose('tierlock')) ?? false;

const stints: Stints = [
  [
    { turns: 6_000, writes: 0, from: 10, to: 12, longest: 0.5 },
    { turns: 1_000, writes: 0, from: 20, to: 21, longest: 7 },
  ],
  [
    { turns: 1_000, writes: 0, from: 11, to: 12, longest: 4 },
    { turns: 4_000, writes: 0, from: 20, to: 22, longest: 1 },
  ],
];

test('a figure is made of what all did in a window', () => {
  assert.deepEqual(throughput(stints), [3.5, 2.5]);
  assert.deepEqual(longest(stints), [4, 7]);
  assert.deepEqual(share(stints), [1 / 3, 0.5]);
  assert.deepEqual(longest(stints.slice(0, 1)), [0.5, 7]);
});

test('a section takes the time it is named after', () => {
  const steps = stepsOf(5_000);
  assert.equal(stepsOf(0), 0);
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now();
    for (let i = 0; i < 10; i++) work(steps);
    return (performance.now() - start) * 100;
  });
  // Whatever else runs here can only make it longer.
  assert.ok(Math.min(...times) > 3.5, `${Math.min(...times)} us`);
  assert.ok(Math.min(...times) < 7.5, `${Math.min(...times)} us`);
});

test('a section that was lost is noticed', () => {
  const memory = contestMemory();
  prove(memory, 0);
  assert.throws(() => prove(memory, 1), /does not exclude: 1 sections counted to 0 and 0, 0 met others/);
});

test('a lock that lets everybody in fails the contest, however it is used', { skip }, async () => {
  const lock = { module: new URL('./support/no-lock.js', import.meta.url).href, name: 'no lock' };
  const plans: Plan[] = [
    two,
    { ...two, use: { kind: 'permits', permits: 1 } },
    { ...two, use: { kind: 'roles', writers: 1 } },
    { ...two, use: { kind: 'mix', reads: 9 } },
  ];
  // For so long, because on a busy machine the two are seldom on their cores at the same time.
  for (const plan of plans)
    await assert.rejects(contest(lock, plan, false), /the lock does not exclude/, JSON.stringify(plan.use));
  // Readers need not be alone.
  await contest(lock, { ...two, use: { kind: 'roles', writers: 0 } }, true);
});

test('waits are measured only where they are asked for', { skip }, async () => {
  const [quiet, timed] = [
    await contest('SAB naive', two, true),
    await contest('SAB naive', { ...two, timed: true }, true),
  ];
  assert.deepEqual(longest(quiet), [0]);
  assert.ok(longest(timed).every((ms) => ms > 0));
  assert.equal(timed.length, 2);
});

test('C plays by the same rules', { skip: skip || withoutC }, async () => {
  const timed = await contest(pthread, { ...two, workers: 3, timed: true }, true);
  assert.equal(timed.length, 3);
  // With a section of 200 ns, nobody has five million turns a second.
  for (const rate of throughput(timed)) assert.ok(0 < rate && rate < 7, `${rate} M/s`);
  assert.ok(longest(timed).every((ms) => ms > 0));
});

test(
  'without a compiler, what is in C says what it lacks',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tierlock-native-'));
    t.after(() => rm(folder, { recursive: true }));
    const answer = buildNative('/nonsense/cc', pathToFileURL(`${folder}/`));
    assert.match(answer ?? '', /needs a C compiler: .*\/nonsense\/cc/);
  },
);

test('a hand-off is timed until the waiter goes on', { skip: skip || withoutC }, async () => {
  assert.equal((await runNative<number[]>('floor: futex in C', [10, 100])).length, 9);
  for (const name of ['SAB 3-state', 'SAB 3-state: waitAsync'])
    assert.ok((await handOff(name, true)) > 1, name);
});

test('a holder that is terminated loses the lock to whoever waits', { skip: withoutOurs }, async () => {
  for (const ms of await recovery('tierlock', true)) assert.ok(0 < ms && ms < 5_000, `${ms} ms`);
});
