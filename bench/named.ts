/**
 * The group `named`: what it costs to find a lock by its name, while nobody else wants it. The file's tier has its own
 * group for what it costs at all; here it is compared with the two locks of which it is made.
 */
import { contestant } from './contestants/index.js';
import { absentFile } from './contestants/files.js';
import { alone } from './files/alone.js';
import type { Bar, Case, Group } from './harness.js';
import { effort, loopTimes } from './inner.js';

async function loop(name: string, quick: boolean): Promise<number[]> {
  const { loop: body } = await contestant(name, 'loop');
  return loopTimes(body, effort(quick));
}

const peer = 'proper-lockfile';

const oneName: Case = {
  name: 'one name',
  unit: 'ns/op',
  contestants: ['lock(name)', 'tierlock', 'async-lock'],
  trial: loop,
};

/** What listening costs, and that it costs nothing once it is over. Before it begins there is nothing to compare with. */
const listened: Case = {
  name: 'one name, with listeners',
  unit: 'ns/op',
  contestants: ['lock(name)', 'lock(name): nobody listens any more', 'lock(name): listened to'],
  trial: loop,
};

const inside: Case = {
  name: 'one name, inside of a context',
  unit: 'ns/op',
  contestants: [
    'lock(name): by hand, in a context',
    'lock(name): with fn, in a context',
    'lock(name): synchronized, in a context',
  ],
  trial: loop,
};

const cases: readonly Case[] = [
  oneName,
  {
    ...oneName,
    name: 'one name, Node 24',
    contestants: ['lock(name)', 'tierlock', 'navigator.locks'],
    node: { major: 24, brings: 'navigator.locks' },
  },
  listened,
  {
    name: 'a million names',
    unit: 'ns/op',
    contestants: ['a million names: Map set, delete and hash', 'a million names: lock(name)'],
    trial: loop,
  },
  inside,
  { ...inside, name: `${inside.name}, Node 24`, node: { major: 24, brings: 'its own contexts' } },
  {
    name: 'one name, external',
    unit: 'ns/op',
    contestants: ['lock(name): external', 'lock(name): and a FileLock', peer],
    absent: (name) => (name === peer ? absentFile(name) : Promise.resolve(undefined)),
    trial: (name, quick) => (name === peer ? alone(name, quick) : loop(name, quick)),
  },
];

const within = [inside.name, `${inside.name}, Node 24`].flatMap((name): Bar[] =>
  ['with fn', 'synchronized'].map((form) => ({
    case: name,
    of: `lock(name): ${form}, in a context`,
    per: 'lock(name): by hand, in a context',
    is: '<=',
    limit: 1.5,
  })),
);

const bars: readonly Bar[] = [
  { case: oneName.name, of: 'lock(name)', per: 'tierlock', is: '<=', limit: 5 },
  { case: oneName.name, of: 'async-lock', per: 'lock(name)', is: '>=', limit: 1.5 },
  { case: 'one name, Node 24', of: 'navigator.locks', per: 'lock(name)', is: '>=', limit: 20 },
  {
    case: 'a million names',
    of: 'a million names: lock(name)',
    per: 'a million names: Map set, delete and hash',
    is: '<=',
    limit: 2.5,
  },
  {
    case: listened.name,
    of: 'lock(name): nobody listens any more',
    per: 'lock(name)',
    is: '<=',
    limit: 1.2,
  },
  ...within,
  {
    case: 'one name, external',
    of: 'lock(name): external',
    per: 'lock(name): and a FileLock',
    is: '<=',
    limit: 1.3,
  },
  { case: 'one name, external', of: peer, per: 'lock(name): external', is: '>=', limit: 50 },
];

const highlights = {
  'one name': 'lock(name) and release, ns',
  'one name, external': 'with a file, ns',
};

export const group: Group = { name: 'named', cases, bars, highlights };
