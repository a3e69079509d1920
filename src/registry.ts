/** The names in use in this thread, and their locks: see named.ts. */
import { tryAddon } from './addon.js';
import { configuration } from './config.js';
import { Hold } from './hold.js';
import { describeHolders, noteOf } from './holders.js';
import { Names, NamedQueue, otherCapacity } from './named.js';
import { tellRecovery } from './trace.js';
import { NamedRWLockWords } from './words/named-rwlock.js';
import { CONFIG } from './words/seat.js';
import { ALL } from './words/rwlock.js';
import { presence } from './words/presence.js';
import { SemaphoreWords } from './words/semaphore.js';

/** What a writer takes. */
export { ALL };
export type LockQueue = NamedQueue<Hold, NamedRWLockWords>;
export type SemaphoreQueue = NamedQueue<Hold, SemaphoreWords>;

/** Whether the addon is missing, and somebody has said that this does not matter. */
export function alone(): boolean {
  return configuration().threads === false && tryAddon() === undefined;
}

export const locks: Names<Hold, NamedRWLockWords> = new Names({
  kind: 'lock',
  capacity: ALL,
  Guard: Hold,
  alone,
  words: (place) => new NamedRWLockWords(place),
  holders: ({ place }, queue) => describeHolders(queue, presence(place, true, 0)),
  note: noteOf,
  recovered: tellRecovery,
  keep: 64,
});

export const semaphores: Names<Hold, SemaphoreWords> = new Names({
  kind: 'semaphore',
  capacity: 0,
  Guard: Hold,
  alone,
  words: (place, permits, key) => {
    const { words } = place.memory;
    const at = place.memory.slot(place.lock) + CONFIG;
    const known = Atomics.compareExchange(words, at, 0, permits);
    if (known !== 0 && known !== permits) throw otherCapacity(`the semaphore '${key}'`, key, known, permits);
    return new SemaphoreWords(place, permits);
  },
  holders: ({ place }, queue) => describeHolders(queue, presence(place, false, 1)),
  note: noteOf,
});
