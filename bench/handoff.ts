/**
 * The group `handoff`: names that many want. Tasks of one thread hand what they have climbed to on to each other, and
 * others must not wait for long all the same.
 */
import { contestant } from './contestants/index.js';
import { unpinnable } from './files/crew.js';
import type { Bar, Case, Group } from './harness.js';
import { effort, loopTimes } from './inner.js';
import { longestWait, share } from './named/rivals.js';
import { handOff } from './team/hand-off.js';

const unfit = async (): Promise<string | undefined> => unpinnable();

const crowd: Case = {
  name: '50 tasks of one thread',
  unit: 'ns/op',
  contestants: ['lock(name): 50 tasks', 'lock(name): 50 tasks, external'],
  trial: async (name, quick) => {
    const { loop } = await contestant(name, 'loop');
    return loopTimes(loop, effort(quick));
  },
};

const rival: Case = {
  name: 'longest wait of a rival of 50 tasks in another process',
  unit: 'ms',
  contestants: ['lock(name): external'],
  rounds: 5,
  absent: unfit,
  trial: async (_, quick) => [await longestWait(quick ? 300 : 1000)],
};

const shares: Case = {
  name: 'smallest share per largest, 2 processes of 25 tasks',
  unit: 'x',
  contestants: ['lock(name): external'],
  rounds: 1,
  absent: unfit,
  trial: (_, quick) => share(quick ? 2 : 11, quick ? 300 : 1000),
};

const workers: Case = {
  name: 'hand-off to a sleeper on another core, named',
  unit: 'us',
  contestants: ['lock(name): sync', 'tierlock', 'lock(name)', 'tierlock: await'],
  absent: unfit,
  trial: async (name, quick) => [await handOff(name, quick)],
};

const cases: readonly Case[] = [crowd, rival, shares, workers];

const bars: readonly Bar[] = [
  {
    case: crowd.name,
    of: 'lock(name): 50 tasks, external',
    per: 'lock(name): 50 tasks',
    is: '<=',
    limit: 2,
  },
  // The bound of a hand-over is 10 ms.
  { case: rival.name, of: 'lock(name): external', is: '<=', limit: 20 },
  { case: shares.name, of: 'lock(name): external', is: '>=', limit: 0.7 },
  { case: workers.name, of: 'lock(name): sync', per: 'tierlock', is: '<=', limit: 1.3 },
  { case: workers.name, of: 'lock(name)', per: 'tierlock: await', is: '<=', limit: 1.3 },
];

const highlights = { [crowd.name]: '50 tasks, ns' };

export const group: Group = { name: 'handoff', cases, bars, highlights };
