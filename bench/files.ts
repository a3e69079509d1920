/**
 * The group `files`: locks between processes. Each process stays on one core with all its threads, and every contest
 * proves that its lock excluded.
 *
 * Who is left out where: os-lock and the asynchronous calls of the others have no place among those that block, nor has
 * proper-lockfile, whose blocking call does not wait. proper-lockfile tries now and then, so a hand-off would show how often, and
 * after a holder that was killed it waits until the lock is old, for seconds. os-lock waits in libuv's pool just as fs-ext does.
 */
import { absentFile } from './contestants/files.js';
import { alone } from './files/alone.js';
import { type Call, slowed } from './files/bystanders.js';
import { type Plan, contest, share, throughput } from './files/contest.js';
import { unpinnable } from './files/crew.js';
import { handOff } from './files/hand-off.js';
import { recovery } from './files/recovery.js';
import type { Bar, Case, Group } from './harness.js';

const unfit = async (name: string): Promise<string | undefined> => unpinnable() ?? absentFile(name);

const blocking = [
  'tierlock',
  'tierlock: flock',
  'fs-ext: flockSync',
  'fs-native-extensions: waitForLockSync',
];
const asyncPeers = ['fs-ext: flock', 'fs-native-extensions: waitForLock', 'os-lock'];
const awaiting = ['tierlock: await', 'tierlock: await, flock', ...asyncPeers];
const addonCalls = 'floor: calls of the addon, ofd';
const pairAndAwait = 'floor: lockSync and an await';

const counts = [2, 4, 8];

function contended(processes: number, how: 'sync' | 'async'): Case {
  return {
    name: `${processes} processes contending, ${how}`,
    unit: 'k/s',
    contestants: how === 'sync' ? blocking : [...awaiting, 'proper-lockfile'],
    slow: ['proper-lockfile'],
    rounds: 3,
    absent: unfit,
    quick: processes === 2,
    async trial(name, quick) {
      const plan: Plan = quick
        ? { processes, windows: 2, windowMs: 50 }
        : { processes, windows: 3, windowMs: 120 };
      return throughput(await contest(name, plan), plan);
    },
  };
}

function shares(processes: number): Case {
  return {
    name: `smallest share per largest, ${processes} processes`,
    unit: 'x',
    contestants: ['tierlock', 'tierlock: flock', 'tierlock: await', 'fs-ext: flockSync'],
    rounds: 3,
    absent: unfit,
    quick: processes === 2,
    // However fair a lock is, whoever shares a core has to wait for the scheduler, too.
    trial: async (name, quick) => [
      share(await contest(name, { processes, windows: 1, windowMs: quick ? 200 : 200 * processes })),
    ],
  };
}

function bystander(call: Call): Case {
  return {
    name: `${call} while 64 tasks wait, per idle`,
    unit: 'x',
    contestants: ['tierlock: await', 'fs-native-extensions: waitForLock', 'fs-ext: flock'],
    slow: ['fs-native-extensions: waitForLock'],
    rounds: 3,
    absent: unfit,
    trial: (name, quick) => slowed(name, call, quick),
  };
}

const free: Case = {
  name: 'free, sync',
  unit: 'ns/op',
  contestants: [
    'floor: C, ofd',
    'floor: C, flock',
    addonCalls,
    'floor: calls of the addon, flock',
    ...blocking,
    'proper-lockfile: lockSync',
  ],
  absent: absentFile,
  trial: alone,
};

const freeAsync: Case = {
  name: 'free, async',
  unit: 'ns/op',
  contestants: [pairAndAwait, ...awaiting, 'proper-lockfile'],
  absent: absentFile,
  trial: alone,
};

const handedOff: Case = {
  name: 'hand-off to a process on another core',
  unit: 'us',
  contestants: [...blocking, ...awaiting],
  slow: ['fs-native-extensions: waitForLockSync', 'fs-native-extensions: waitForLock', 'os-lock'],
  rounds: 5,
  absent: unfit,
  trial: async (name, quick) => [await handOff(name, quick)],
};

const killed: Case = {
  name: 'after the SIGKILL of a holder',
  unit: 'ms',
  contestants: [...blocking, ...awaiting],
  slow: [
    'tierlock: flock',
    'tierlock: await, flock',
    'fs-native-extensions: waitForLockSync',
    'fs-native-extensions: waitForLock',
    'os-lock',
  ],
  rounds: 3,
  absent: unfit,
  trial: recovery,
};

const cases: readonly Case[] = [
  free,
  freeAsync,
  ...counts.flatMap((processes) => [contended(processes, 'sync'), contended(processes, 'async')]),
  ...counts.map(shares),
  handedOff,
  bystander('fs.readFile'),
  bystander('dns.lookup'),
  killed,
];

const contendedBars = counts.flatMap((processes): Bar[] => [
  {
    case: contended(processes, 'sync').name,
    of: 'tierlock: flock',
    per: 'fs-ext: flockSync',
    is: '>=',
    limit: 0.9,
  },
  ...[...asyncPeers, 'proper-lockfile'].map((peer): Bar => ({
    case: contended(processes, 'async').name,
    of: 'tierlock: await',
    per: peer,
    is: '>=',
    limit: 5,
  })),
]);

const shareBars = counts.flatMap((processes) =>
  ['tierlock', 'tierlock: flock', 'tierlock: await'].map((of): Bar => ({
    case: shares(processes).name,
    of,
    is: '>=',
    limit: 0.6,
  })),
);

const bars: readonly Bar[] = [
  { case: free.name, of: 'tierlock', per: 'floor: C, ofd', is: '<=', limit: 1.35 },
  { case: free.name, of: addonCalls, per: 'tierlock', is: '>=', limit: 0.9 },
  { case: free.name, of: 'fs-ext: flockSync', per: 'tierlock: flock', is: '>=', limit: 0.9 },
  { case: freeAsync.name, of: 'tierlock: await', per: pairAndAwait, is: '<=', limit: 1.5 },
  ...asyncPeers.map((of): Bar => ({
    case: freeAsync.name,
    of,
    per: 'tierlock: await',
    is: '>=',
    limit: 10,
  })),
  { case: freeAsync.name, of: 'proper-lockfile', per: 'tierlock: await', is: '>=', limit: 100 },
  ...contendedBars,
  ...shareBars,
  { case: handedOff.name, of: 'tierlock', per: 'fs-ext: flockSync', is: '<=', limit: 1.3 },
  { case: handedOff.name, of: 'tierlock: flock', per: 'fs-ext: flockSync', is: '<=', limit: 1.3 },
  { case: handedOff.name, of: 'tierlock: await', per: 'tierlock', is: '<=', limit: 2 },
  ...(['fs.readFile', 'dns.lookup'] as const).map((call): Bar => ({
    case: bystander(call).name,
    of: 'tierlock: await',
    is: '<=',
    limit: 1.2,
  })),
  { case: killed.name, of: 'tierlock', is: '<=', limit: 10 },
  { case: killed.name, of: 'tierlock: await', is: '<=', limit: 10 },
];

const highlights = {
  // The first one has the blocking calls and the others.
  [handedOff.name]: 'hand-off, us',
  [free.name]: 'lock and release, sync, ns',
  [freeAsync.name]: 'async, ns',
  [contended(4, 'sync').name]: '4 processes, sync, k/s',
  [contended(4, 'async').name]: 'async, k/s',
  [killed.name]: 'after a SIGKILL, ms',
};

export const group: Group = { name: 'files', cases, bars, highlights };
