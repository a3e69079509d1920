/** How a lock of one thread becomes one of many: its queue gets an outside, words that other threads see too. */
import { LockMisuseError } from './errors.js';
import type { SyncGuard } from './guard.js';
import type { Outer } from './outer.js';
import type { Queue } from './queue.js';
import { allocate, find } from './words/arena.js';
import type { Kind, LockHandle } from './words/arena.js';
import type { Place } from './words/seat.js';

type MakeWords<O> = (place: Place, config: number) => O;

/** Gives the queue words of its own. What its guards hold already is taken in them, too. */
export function share<G extends SyncGuard, O extends Outer>(
  queue: Queue<G, O>,
  kind: Kind,
  config: number,
  words: MakeWords<O>,
): LockHandle {
  const { block, lock, handle } = allocate(kind, config);
  const outer = words(block.place(lock), config);
  const held = queue.capacity - queue.free;
  if (held > 0) outer.tryTake(held);
  queue.open(outer);
  block.locks.set(lock, queue);
  return handle;
}

/** The queue of this thread for a lock that another thread has made: one for each lock, whoever asks for it. */
export function joinShared<G extends SyncGuard, O extends Outer>(
  from: LockHandle,
  kind: Kind,
  newQueue: (config: number) => Queue<G, O>,
  words: MakeWords<O>,
): { queue: Queue<G, O>; config: number; handle: LockHandle } {
  const { block, lock, config } = find(from, kind);
  const handle = Object.freeze({ tierlock: kind, memory: block.buffer, slot: lock });
  const known = block.locks.get(lock) as Queue<G, O> | undefined;
  if (known !== undefined) return { queue: known, config, handle };
  const queue = newQueue(config);
  queue.open(words(block.place(lock), config));
  block.locks.set(lock, queue);
  return { queue, config, handle };
}

export function needsNoHandle(kind: string): LockMisuseError {
  return new LockMisuseError(`${kind} needs no handle: every thread of this process finds it by its name`, {
    lock: kind,
  });
}
