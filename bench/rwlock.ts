/**
 * The group `rwlock`: readers beside readers and beside writers, in threads that each stay on a core. The count of
 * readers that people write themselves stands for locks without turns, our mutex for none at all.
 */
import { absent } from './contestants/shared.js';
import type { Bar, Case, Group } from './harness.js';
import { alone } from './team/alone.js';
import { type Section, contest, longest, throughput, unfit } from './team/contest.js';

const locks = ['tierlock: RWLock', 'tierlock: RWLock, readMostly', 'SAB counter'];

/** `LOCK, 2 readers` is that lock with so many readers. */
function readers(name: string, n: number): string {
  return `${name}, ${n} reader${n === 1 ? '' : 's'}`;
}

function withReaders(name: string): [lock: string, workers: number] {
  const [, lock = name, workers = '1'] = /^(.*), (\d+) readers?$/.exec(name) ?? [];
  return [lock, Number(workers)];
}

function scaling(section: Section): Case {
  return {
    name: `one reader and two, ${section}`,
    unit: 'M/s',
    contestants: locks.flatMap((lock) => [readers(lock, 1), readers(lock, 2)]),
    absent: (name) => unfit(withReaders(name)[0]),
    quick: section !== 'empty',
    async trial(name, quick) {
      const [lock, workers] = withReaders(name);
      const use = { kind: 'roles', writers: 0 } as const;
      return throughput(await contest(lock, { workers, section, use }, quick));
    },
  };
}

/** Four threads that saturate the lock; the figure is of those in one of the two roles. */
function longestOf(role: 'reader' | 'writer', writers: number): Case {
  const workers = 4;
  return {
    name: `longest wait of a ${role}, ${workers - writers} reading and ${writers} writing`,
    unit: 'ms',
    contestants: [...locks, 'tierlock'],
    absent: unfit,
    quick: writers === 1,
    async trial(name, quick) {
      const use = { kind: 'roles', writers } as const;
      const plan = { workers, section: '5 us', use, timed: true, windowMs: 400 } as const;
      const stints = await contest(name, plan, quick);
      const first = workers - writers;
      return longest(role === 'reader' ? stints.slice(0, first) : stints.slice(first));
    },
  };
}

function writing(percent: number): Case {
  return {
    name: `2 workers, ${percent} % writes, 200 ns`,
    unit: 'M/s',
    contestants: [...locks, 'tierlock'],
    absent: unfit,
    quick: percent === 10,
    async trial(name, quick) {
      const use = { kind: 'mix', reads: 100 / percent - 1 } as const;
      return throughput(await contest(name, { workers: 2, section: '200 ns', use }, quick));
    },
  };
}

const waits = [1, 3].flatMap((writers) => [longestOf('reader', writers), longestOf('writer', writers)]);

const cases: readonly Case[] = [
  {
    name: 'uncontended',
    unit: 'ns/op',
    contestants: ['tierlock', ...locks, 'tierlock: RWLock, writeSync'],
    absent,
    trial: alone,
  },
  scaling('empty'),
  scaling('200 ns'),
  ...waits,
  writing(1),
  writing(10),
];

const readMostly = 'tierlock: RWLock, readMostly';

const bars: readonly Bar[] = [
  { case: 'uncontended', of: 'tierlock: RWLock', per: 'tierlock', is: '<=', limit: 1.8 },
  {
    case: scaling('200 ns').name,
    of: readers(readMostly, 2),
    per: readers(readMostly, 1),
    is: '>=',
    limit: 1.8,
  },
  ...waits.flatMap((what): Bar[] => [
    { case: what.name, of: 'tierlock: RWLock', is: '<=', limit: 10 },
    { case: what.name, of: readMostly, is: '<=', limit: 10 },
  ]),
];

const highlights = {
  uncontended: 'read and release, ns',
  '2 workers, 1 % writes, 200 ns': '2 workers, 1 % writes, M/s',
  '2 workers, 10 % writes, 200 ns': '10 % writes, M/s',
};

export const group: Group = { name: 'rwlock', cases, bars, highlights };
