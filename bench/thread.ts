/**
 * The group `thread`: one mutex between worker threads, against what C and the mutexes that people write themselves
 * reach on the same cores. Worker i stays on core i, counted round; nobody thinks between two turns, so all of the
 * time is contention.
 */
import { contestant } from './contestants/index.js';
import { absent } from './contestants/shared.js';
import type { Bar, Case, Group } from './harness.js';
import { loopTimes } from './inner.js';
import { alone, pairs } from './team/alone.js';
import { type Section, contest, longest, share, throughput, unfit } from './team/contest.js';
import { handOff } from './team/hand-off.js';
import { recovery, unfitToLose } from './team/recovery.js';

const pthread = 'floor: C pthread_mutex';

function contended(workers: number, section: Section): Case {
  const fair = workers === 2 && section === '5 us' ? ['tierlock: fair'] : [];
  return {
    name: `contended, ${workers} workers, ${section}`,
    unit: 'M/s',
    contestants: [pthread, 'tierlock', ...fair, 'SAB 3-state', 'SAB naive'],
    absent: unfit,
    quick: workers === 2 || section === '5 us',
    trial: async (name, quick) => throughput(await contest(name, { workers, section }, quick)),
  };
}

function shares(workers: number): Case {
  return {
    name: `smallest share per largest, ${workers} workers, 5 us`,
    unit: 'x',
    contestants: ['tierlock: fair', 'tierlock', 'SAB 3-state'],
    absent: unfit,
    trial: async (name, quick) =>
      share(await contest(name, { workers, section: '5 us', windowMs: 300 }, quick)),
  };
}

/** `await` of a free lock, beside what needs no other thread. */
const awaited: Case = {
  name: 'await, uncontended',
  unit: 'ns/op',
  contestants: ['floor: await', 'tierlock: await, unshared', 'tierlock: await'],
  async trial(name, quick) {
    if (name.startsWith('tierlock')) return alone(name, quick);
    const { loop } = await contestant(name, 'loop');
    return loopTimes(loop, pairs(quick));
  },
};

const workerCounts = [2, 4, 8];
const sectionNames = ['empty', '200 ns', '5 us'] as const;

const cases: readonly Case[] = [
  {
    name: 'uncontended',
    unit: 'ns/op',
    contestants: ['floor: CAS pair', pthread, 'tierlock', 'tierlock: runSync', 'SAB 3-state', 'SAB naive'],
    absent,
    trial: alone,
  },
  ...workerCounts.flatMap((workers) => sectionNames.map((section) => contended(workers, section))),
  {
    name: 'longest wait, 8 workers, 5 us',
    unit: 'ms',
    contestants: [pthread, 'tierlock', 'SAB 3-state', 'SAB naive'],
    absent: unfit,
    trial: async (name, quick) =>
      longest(await contest(name, { workers: 8, section: '5 us', timed: true, windowMs: 400 }, quick)),
  },
  shares(2),
  shares(8),
  {
    name: 'hand-off to a sleeper on another core',
    unit: 'us',
    contestants: [
      'floor: futex in C',
      'tierlock',
      'tierlock: await',
      'SAB 3-state',
      'SAB 3-state: waitAsync',
    ],
    absent: unfit,
    trial: async (name, quick) => [await handOff(name, quick)],
  },
  {
    name: 'after the end of a holder',
    unit: 'ms',
    contestants: [
      'tierlock',
      'tierlock: await',
      'tierlock, without the addon',
      'tierlock: await, without the addon',
    ],
    absent: unfitToLose,
    trial: recovery,
  },
  awaited,
  {
    ...awaited,
    name: `${awaited.name}, Node 24`,
    contestants: [...awaited.contestants, 'navigator.locks'],
    node: { major: 24, brings: 'navigator.locks' },
  },
  {
    name: 'await, contended, 2 workers, 200 ns',
    unit: 'M/s',
    contestants: ['tierlock: await', 'SAB 3-state: waitAsync'],
    absent: unfit,
    trial: async (name, quick) => throughput(await contest(name, { workers: 2, section: '200 ns' }, quick)),
  },
];

const contendedBars = workerCounts.flatMap((workers) =>
  sectionNames.flatMap((section): Bar[] => {
    const one = { case: contended(workers, section).name, of: 'tierlock', is: '>=' } as const;
    return [
      { ...one, per: pthread, limit: section === 'empty' ? 0.45 : 0.75 },
      { ...one, per: 'SAB 3-state', limit: 0.85 },
      { ...one, per: 'SAB naive', limit: 1 },
    ];
  }),
);

const wait = 'longest wait, 8 workers, 5 us';
const sleeper = 'hand-off to a sleeper on another core';
const loss = 'after the end of a holder';

const bars: readonly Bar[] = [
  { case: 'uncontended', of: 'tierlock', per: 'floor: CAS pair', is: '<=', limit: 1.5 },
  { case: 'uncontended', of: 'tierlock: runSync', per: 'floor: CAS pair', is: '<=', limit: 1.3 },
  ...contendedBars,
  { case: contended(2, '5 us').name, of: 'tierlock: fair', per: 'tierlock', is: '>=', limit: 0.6 },
  { case: wait, of: 'tierlock', is: '<=', limit: 10 },
  { case: wait, of: 'tierlock', per: 'SAB 3-state', is: '<=', limit: 0.25 },
  { case: shares(2).name, of: 'tierlock: fair', is: '>=', limit: 0.9 },
  { case: shares(8).name, of: 'tierlock: fair', is: '>=', limit: 0.9 },
  { case: sleeper, of: 'tierlock', per: 'floor: futex in C', is: '<=', limit: 1.3 },
  { case: sleeper, of: 'tierlock: await', per: 'tierlock', is: '<=', limit: 1.3 },
  { case: loss, of: 'tierlock', is: '<=', limit: 10 },
  { case: loss, of: 'tierlock: await', is: '<=', limit: 10 },
  { case: loss, of: 'tierlock, without the addon', is: '<=', limit: 60 },
  { case: loss, of: 'tierlock: await, without the addon', is: '<=', limit: 60 },
  { case: awaited.name, of: 'tierlock: await', per: 'tierlock: await, unshared', is: '<=', limit: 1.5 },
];

const highlights = {
  uncontended: 'lock and release, ns',
  'contended, 2 workers, 200 ns': '2 workers, 200 ns sections, M/s',
  'contended, 8 workers, 5 us': '8 workers, 5 us sections, M/s',
  'longest wait, 8 workers, 5 us': 'their longest wait, ms',
};

export const group: Group = { name: 'thread', cases, bars, highlights };
