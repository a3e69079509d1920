/** Locks of two kinds that take turns in the same slots, because nobody keeps a name open for long. */
import { SyncGuard } from '../../src/guard.js';
import { Names } from '../../src/named.js';
import { ALL, RWLockWords } from '../../src/words/rwlock.js';
import { mutexes } from './named-mutexes.js';
import { hold, threadRecorder } from './record.js';
import type { ThreadLog } from './record.js';

export const rwlocks: Names<SyncGuard, RWLockWords> = new Names({
  kind: 'rwlock',
  capacity: ALL,
  Guard: SyncGuard,
  words: (place) => new RWLockWords(place, false),
});

const acquire = {
  mutex: (key: string) => mutexes.using(key, (queue) => queue.acquire(1)),
  mutexSync: (key: string) => mutexes.using(key, (queue) => queue.acquireSync(1)),
  read: (key: string) => rwlocks.using(key, (queue) => queue.acquire(1)),
  readSync: (key: string) => rwlocks.using(key, (queue) => queue.acquireSync(1)),
  write: (key: string) => rwlocks.using(key, (queue) => queue.acquire(ALL)),
  writeSync: (key: string) => rwlocks.using(key, (queue) => queue.acquireSync(ALL)),
};
const ways = Object.keys(acquire) as (keyof typeof acquire)[];

export interface Mix {
  /** Of locks called `m` and `r` and whatever follows: their kind. */
  readonly log: ThreadLog;
  readonly rounds: number;
}

export async function mix(index: number, { log, rounds }: Mix): Promise<void> {
  const recorder = threadRecorder(log, index);
  for (let round = 0; round < rounds; round++) {
    const way = ways[(round * 7 + index + ((round / 11) | 0)) % ways.length] ?? 'mutex';
    const suits = log.locks.filter((name) => name.startsWith(way.startsWith('mutex') ? 'm' : 'r'));
    const name = suits[((round / 5) | 0) % suits.length] ?? '';
    const mode = way.startsWith('read') ? 'shared' : 'exclusive';
    await hold(recorder, { who: index, lock: name, mode }, () => acquire[way](name));
  }
}
