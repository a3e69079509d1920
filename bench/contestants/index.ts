/**
 * Which module brings which contestant. A trial loads one of them and nothing else: another peer's code in the
 * same process could change what V8 makes of this one's.
 */
import type { Contestant, Contestants } from './contestant.js';

/** By the contestant's name up to its colon: `floor: await` comes from `floor`. */
const modules: Readonly<Record<string, () => Promise<{ contestants: Contestants }>>> = {
  tierlock: () => import('./tierlock.js'),
  floor: () => import('./floors.js'),
  'async-mutex': () => import('./async-mutex.js'),
  'async-lock': () => import('./async-lock.js'),
  'async-sema': () => import('./async-sema.js'),
  'await-lock': () => import('./await-lock.js'),
  'p-limit': () => import('./p-limit.js'),
  '@rocicorp/lock': () => import('./rocicorp-lock.js'),
  'lock(name)': () => import('./tierlock-named.js'),
  'a million names': () => import('./million.js'),
  'navigator.locks': () => import('./web-locks.js'),
};

/** The packages whose versions belong to the results. */
export const packages: readonly string[] = [
  'async-mutex',
  'async-lock',
  'async-sema',
  'await-lock',
  'p-limit',
  '@rocicorp/lock',
  'fs-ext',
  'fs-native-extensions',
  'os-lock',
  'proper-lockfile',
  'ioredis',
  'redlock',
  'redis-semaphore',
  'etcd3',
];

/** A contestant that can do what a case needs. */
export type Able<K extends keyof Contestant> = Required<Pick<Contestant, K>>;

function isAble<K extends keyof Contestant>(it: Contestant, needs: readonly K[]): it is Contestant & Able<K> {
  return needs.every((need) => it[need] !== undefined);
}

export async function contestant<K extends keyof Contestant>(
  name: string,
  ...needs: readonly K[]
): Promise<Able<K>> {
  const load = modules[name.split(':')[0] ?? name];
  const found = (await load?.())?.contestants[name];
  if (found === undefined) throw new Error(`there is no contestant '${name}'`);
  if (!isAble(found, needs)) throw new Error(`'${name}' cannot ${needs.join(' and ')}`);
  return found;
}
