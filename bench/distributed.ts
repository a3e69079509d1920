/**
 * The group `distributed`: locks in stores, on this machine, so that the network costs nothing and what is ours shows.
 * Each trial starts its own server, three nodes of etcd where it says so. All keep a connection; peers have their own
 * defaults. The faults are those of a holder or a server that stands still for twice the ttl, and of a lost record.
 */
import { absentStore } from './contestants/stores.js';
import { unpinnable } from './files/crew.js';
import type { Bar, Case, Group } from './harness.js';
import { crowd, longestWait, share } from './stores/contest.js';
import { type Fault, badWrites } from './stores/faults.js';
import { aged, commandsOfCycle, free } from './stores/free.js';
import { commandsOfHandOff, gapWhileKilling, handOff } from './stores/hand-off.js';

const peersOfRedis = ['redis-semaphore', 'redlock'];
const ofRedis = ['tierlock: redis', ...peersOfRedis];
const ofEtcd = ['tierlock: etcd', 'etcd3'];
const evals = 'floor: two EVALSHAs';
const txn = 'floor: txn and delete';
const threadOnly = 'floor: lock(name), no store';

const unfit = async (name: string): Promise<string | undefined> => unpinnable() ?? absentStore(name);

const freeRedis: Case = {
  name: 'free, redis',
  unit: 'us',
  contestants: [evals, ...ofRedis],
  rounds: 3,
  absent: unfit,
  trial: (name, quick) => free(name, quick, 1),
};

function freeEtcd(nodes: 1 | 3): Case {
  return {
    name: `free, etcd, ${nodes === 1 ? 'one node' : 'three nodes'}`,
    unit: 'us',
    contestants: [txn, ...ofEtcd],
    rounds: 2,
    quick: nodes === 1,
    absent: absentStore,
    trial: (name, quick) => free(name, quick, nodes),
  };
}

const after: Case = {
  name: 'a lock after 10,000 others, per at first',
  unit: 'x',
  contestants: ['tierlock: redis', 'tierlock: etcd'],
  rounds: 1,
  quick: false,
  absent: unfit,
  trial: (name) => aged(name, 10_000),
};

const cycle: Case = {
  name: 'commands of a lock and its release',
  unit: 'x',
  contestants: [...ofRedis, ...ofEtcd],
  slow: [...peersOfRedis, 'etcd3'],
  rounds: 1,
  absent: absentStore,
  trial: commandsOfCycle,
};

function handedOff(store: 'redis' | 'etcd, three nodes', waiters: 2 | 50): Case {
  return {
    name: `hand-off, ${store}, ${waiters} waiters`,
    unit: 'ms',
    contestants: store === 'redis' ? ofRedis : [txn, ...ofEtcd],
    slow: ['etcd3', 'redlock'],
    rounds: 2,
    quick: store === 'redis' || waiters === 2,
    absent: unfit,
    // The floor is no hand-off, but what the store needs to change hands.
    trial: async (name, quick) =>
      name === txn
        ? (await free(name, quick, 3)).map((us) => us / 1_000)
        : [await handOff(name, waiters, quick)],
  };
}

const commands50: Case = {
  name: 'commands of a hand-off, 50 waiters',
  unit: 'x',
  contestants: [...ofRedis, 'tierlock: etcd'],
  slow: [...peersOfRedis, 'tierlock: etcd'],
  rounds: 1,
  absent: unfit,
  trial: async (name, quick) => [await commandsOfHandOff(name, 50, quick)],
};

const killed: Case = {
  name: 'longest gap, 10,000 hand-offs, connections killed',
  unit: 'ms',
  contestants: ['tierlock: redis'],
  rounds: 1,
  absent: unfit,
  trial: async (name, quick) => [await gapWhileKilling(name, quick ? 500 : 10_000, 90_000)],
};

const local: Case = {
  name: '50 tasks of one process, redis',
  unit: 'k/s',
  contestants: [threadOnly, ...ofRedis],
  slow: ['redlock'],
  rounds: 2,
  absent: unfit,
  trial: async (name, quick) => [await crowd(name, quick ? 300 : 1_500)],
};

const rival: Case = {
  name: 'longest wait of a remote rival of 50 tasks, redis',
  unit: 'ms',
  contestants: ['tierlock: redis'],
  rounds: 3,
  absent: unfit,
  trial: async (name, quick) => [await longestWait(name, quick ? 300 : 1_500)],
};

const strict: Case = {
  name: "smallest share per largest, 4 processes, fair: 'strict'",
  unit: 'x',
  contestants: [...ofRedis, 'tierlock: etcd'],
  slow: peersOfRedis,
  rounds: 1,
  absent: unfit,
  trial: async (name, quick) => [await share(name, quick ? 500 : 4_000)],
};

function faulty(fault: Fault, what: string): Case {
  return {
    name: `writes after the loss: ${what}`,
    unit: 'writes',
    contestants: ofRedis,
    slow: peersOfRedis,
    rounds: 1,
    absent: unfit,
    trial: async (name, quick) => [await badWrites(name, fault, quick ? 1_000 : 2_000)],
  };
}

const stall = faulty('stall', 'the holder stood still');
const silent = faulty('silent', 'the server stood still');
const wiped = faulty('wiped', 'the record was deleted');

const cases: readonly Case[] = [
  freeRedis,
  freeEtcd(1),
  freeEtcd(3),
  after,
  cycle,
  handedOff('redis', 2),
  handedOff('redis', 50),
  handedOff('etcd, three nodes', 2),
  handedOff('etcd, three nodes', 50),
  commands50,
  killed,
  local,
  rival,
  strict,
  stall,
  silent,
  wiped,
];

const ours = 'tierlock: redis';

const bars: readonly Bar[] = [
  { case: freeRedis.name, of: ours, per: evals, is: '<=', limit: 1.25 },
  { case: freeRedis.name, of: 'redis-semaphore', per: ours, is: '>=', limit: 0.65 },
  { case: freeRedis.name, of: 'redlock', per: ours, is: '>=', limit: 1 },
  ...([1, 3] as const).flatMap((nodes): Bar[] => [
    { case: freeEtcd(nodes).name, of: 'tierlock: etcd', per: txn, is: '<=', limit: 1.25 },
    { case: freeEtcd(nodes).name, of: 'etcd3', per: 'tierlock: etcd', is: '>=', limit: 1.5 },
  ]),
  { case: after.name, of: ours, is: '<=', limit: 1.25 },
  { case: after.name, of: 'tierlock: etcd', is: '<=', limit: 1.25 },
  // A lease may be renewed meanwhile.
  { case: cycle.name, of: ours, is: '<=', limit: 2.02 },
  { case: cycle.name, of: 'tierlock: etcd', is: '<=', limit: 2.02 },
  ...([2, 50] as const).flatMap((waiters): Bar[] => [
    { case: handedOff('redis', waiters).name, of: ours, is: '<=', limit: 1 },
    {
      case: handedOff('etcd, three nodes', waiters).name,
      of: 'tierlock: etcd',
      per: txn,
      is: '<=',
      limit: 2,
    },
  ]),
  { case: commands50.name, of: ours, is: '<=', limit: 5 },
  { case: killed.name, of: ours, is: '<=', limit: 1_000 },
  { case: local.name, of: ours, per: 'redlock', is: '>=', limit: 100 },
  { case: local.name, of: ours, per: 'redis-semaphore', is: '>=', limit: 100 },
  { case: local.name, of: ours, per: threadOnly, is: '>=', limit: 0.3 },
  // The bound of a hand-over is 10 ms.
  { case: rival.name, of: ours, is: '<=', limit: 30 },
  { case: strict.name, of: ours, is: '>=', limit: 0.95 },
  { case: strict.name, of: 'tierlock: etcd', is: '>=', limit: 0.95 },
  { case: stall.name, of: ours, is: '<=', limit: 0 },
  { case: silent.name, of: ours, is: '<=', limit: 0 },
  // One renewal comes after a third of the ttl at the latest.
  { case: wiped.name, of: ours, is: '<=', limit: 35 },
];

const highlights = {
  [freeRedis.name]: 'lock and release, redis, us',
  [freeEtcd(3).name]: 'etcd, three nodes, us',
  [handedOff('redis', 50).name]: 'hand-off, 50 waiters, ms',
  [local.name]: '50 tasks, k/s',
  [silent.name]: 'writes after a loss',
};

export const group: Group = { name: 'distributed', cases, bars, highlights };
