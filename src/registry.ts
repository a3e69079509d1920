/** The names in use in this thread, and their locks: see named.ts. */
import { Hold } from './hold.js';
import { Names, NamedQueue, otherCapacity } from './named.js';
import { NamedRWLockWords } from './words/named-rwlock.js';
import { CONFIG } from './words/seat.js';
import { ALL } from './words/rwlock.js';
import { SemaphoreWords } from './words/semaphore.js';

/** What a writer takes. */
export { ALL };
export type LockQueue = NamedQueue<Hold, NamedRWLockWords>;
export type SemaphoreQueue = NamedQueue<Hold, SemaphoreWords>;

export const locks: Names<Hold, NamedRWLockWords> = new Names({
  kind: 'lock',
  capacity: ALL,
  Guard: Hold,
  words: (place) => new NamedRWLockWords(place),
  keep: 64,
});

export const semaphores: Names<Hold, SemaphoreWords> = new Names({
  kind: 'semaphore',
  capacity: 0,
  Guard: Hold,
  words: (place, permits, key) => {
    const { words } = place.memory;
    const at = place.memory.slot(place.lock) + CONFIG;
    const known = Atomics.compareExchange(words, at, 0, permits);
    if (known !== 0 && known !== permits) throw otherCapacity(`the semaphore '${key}'`, known, permits);
    return new SemaphoreWords(place, permits);
  },
});
