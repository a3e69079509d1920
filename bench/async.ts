/**
 * The group `async`: locks that are awaited inside one thread, against the promise libraries and against what the
 * language itself costs. Its bars are the promises we make about the async path.
 *
 * Hand-off comes in two cases a size. `hand-off` counts queueing, grant and release, as its floor does, and is the
 * one the bars use; `grant only` starts the clock at the holder's release.
 */
import { contestant } from './contestants/index.js';
import type { Bar, Case, Group } from './harness.js';
import { afterTimeouts, effort, handOffTimes, loopTimes, waiterBytes } from './inner.js';

const promisePeers = ['await-lock', 'async-sema', '@rocicorp/lock', 'async-lock', 'p-limit', 'async-mutex'];
const handOffFloors = ['floor: new Promise', 'floor: promise mutex'];

async function loop(name: string, quick: boolean): Promise<number[]> {
  const { loop: body } = await contestant(name, 'loop');
  return loopTimes(body, effort(quick));
}

function handOff(waiters: number, from: 'queue' | 'release'): Case {
  return {
    name: `${from === 'queue' ? 'hand-off' : 'grant only'}, ${waiters.toLocaleString('en')} waiters`,
    unit: 'ns/waiter',
    contestants: [...handOffFloors, 'tierlock', ...promisePeers],
    slow: waiters < 100_000 ? [] : ['await-lock', 'async-lock', 'async-mutex'],
    trial: async (name, quick) =>
      handOffTimes(await contestant(name, 'hold', 'task'), waiters, from, effort(quick)),
  };
}

/** navigator.locks came with Node 24: it gets rows of its own, with our and the floor's figures from there. */
function onNode24(what: Case, floors: readonly string[]): Case {
  const { slow: _, ...rest } = what;
  return {
    ...rest,
    name: `${what.name}, Node 24`,
    contestants: [...floors, 'tierlock', 'navigator.locks'],
    node: { major: 24, brings: 'navigator.locks' },
  };
}

const uncontended: Case = {
  name: 'uncontended',
  unit: 'ns/op',
  contestants: [
    'floor: await',
    'floor: promise mutex',
    'tierlock',
    'tierlock: tryLock ?? lock',
    ...promisePeers,
  ],
  trial: loop,
};

const cases: readonly Case[] = [
  uncontended,
  handOff(1_000, 'queue'),
  handOff(10_000, 'queue'),
  handOff(100_000, 'queue'),
  handOff(1_000, 'release'),
  handOff(10_000, 'release'),
  handOff(100_000, 'release'),
  {
    name: 'memory of a waiter',
    unit: 'B/waiter',
    contestants: [...handOffFloors, 'tierlock', ...promisePeers],
    trial: async (name, quick) => [
      await waiterBytes(await contestant(name, 'hold', 'task'), quick ? 10_000 : 100_000),
    ],
  },
  {
    name: 'release after 50,000 timeouts',
    unit: 'ms',
    // Without async-lock, which has timeouts too: its next release recurses over the dead and overflows the stack.
    contestants: ['tierlock', 'await-lock', 'async-mutex'],
    slow: ['async-mutex'],
    trial: async (name) => [await afterTimeouts(await contestant(name, 'hold', 'task', 'expire'), 50_000)],
  },
  {
    name: 'semaphore of 1e8 permits',
    unit: 'ns/op',
    contestants: [
      'tierlock: acquire(1)',
      'tierlock: acquire(1e6)',
      'async-mutex: acquire(1)',
      'async-mutex: acquire(1e6)',
    ],
    slow: ['async-mutex: acquire(1)', 'async-mutex: acquire(1e6)'],
    trial: loop,
  },
  onNode24(uncontended, ['floor: await']),
  onNode24(handOff(1_000, 'queue'), ['floor: new Promise']),
  onNode24(handOff(10_000, 'queue'), ['floor: new Promise']),
];

const handOffBars = [1_000, 10_000, 100_000].map((waiters): Bar => ({
  case: handOff(waiters, 'queue').name,
  of: 'tierlock',
  per: 'floor: new Promise',
  is: '<=',
  limit: 2.5,
}));

const bars: readonly Bar[] = [
  { case: 'uncontended', of: 'tierlock', per: 'floor: await', is: '<=', limit: 1.8 },
  { case: 'uncontended', of: 'async-mutex', per: 'tierlock', is: '>=', limit: 6 },
  { case: 'uncontended', of: 'await-lock', per: 'tierlock', is: '>=', limit: 0.8 },
  { case: 'uncontended', of: 'async-sema', per: 'tierlock', is: '>=', limit: 0.8 },
  { case: 'uncontended', of: 'tierlock: tryLock ?? lock', per: 'floor: await', is: '<=', limit: 0.4 },
  ...handOffBars,
  { case: 'hand-off, 100,000 waiters', of: 'async-mutex', per: 'tierlock', is: '>=', limit: 8 },
  { case: 'memory of a waiter', of: 'tierlock', is: '<=', limit: 600 },
  { case: 'release after 50,000 timeouts', of: 'tierlock', is: '<=', limit: 5 },
  // Within 1.2x of each other, so a bar each way.
  {
    case: 'semaphore of 1e8 permits',
    of: 'tierlock: acquire(1e6)',
    per: 'tierlock: acquire(1)',
    is: '<=',
    limit: 1.2,
  },
  {
    case: 'semaphore of 1e8 permits',
    of: 'tierlock: acquire(1)',
    per: 'tierlock: acquire(1e6)',
    is: '<=',
    limit: 1.2,
  },
];

const highlights = {
  uncontended: 'lock and release, ns',
  'hand-off, 10,000 waiters': 'hand-off among 10,000, ns',
  'memory of a waiter': 'a waiter, B',
  'release after 50,000 timeouts': 'after 50,000 time-outs, ms',
};

export const group: Group = { name: 'async', cases, bars, highlights };
