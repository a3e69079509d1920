/** The group `semaphore`: permits, and conditions that nobody waits for, between worker threads. */
import { absent } from './contestants/shared.js';
import type { Bar, Case, Group } from './harness.js';
import { alone } from './team/alone.js';
import { contest, throughput, unfit } from './team/contest.js';

const semaphores = ['tierlock: Semaphore', 'SAB semaphore'];

const cases: readonly Case[] = [
  {
    name: 'uncontended',
    unit: 'ns/op',
    contestants: ['tierlock', ...semaphores],
    absent,
    trial: alone,
  },
  {
    name: 'notify, nobody waits',
    unit: 'ns/op',
    contestants: ['floor: Atomics.notify', 'tierlock: notify'],
    absent,
    trial: alone,
  },
  {
    name: '2 permits, 4 workers, 200 ns',
    unit: 'M/s',
    contestants: semaphores,
    absent: unfit,
    async trial(name, quick) {
      const use = { kind: 'permits', permits: 2 } as const;
      return throughput(await contest(name, { workers: 4, section: '200 ns', use }, quick));
    },
  },
];

const bars: readonly Bar[] = [
  { case: 'uncontended', of: 'tierlock: Semaphore', per: 'tierlock', is: '<=', limit: 1.3 },
  { case: 'notify, nobody waits', of: 'tierlock: notify', per: 'floor: Atomics.notify', is: '<=', limit: 2 },
];

const highlights = {
  uncontended: 'acquire and release, ns',
  '2 permits, 4 workers, 200 ns': '2 permits, 4 workers, M/s',
};

export const group: Group = { name: 'semaphore', cases, bars, highlights };
