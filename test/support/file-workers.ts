/** What worker threads do with one `FileLock`. */
import { setImmediate } from 'node:timers/promises';
import { FileLock } from '../../src/index.js';

export interface Place {
  readonly path: string;
  readonly kind: 'ofd' | 'flock' | 'posix';
  /** How far they are: a count, the thread that is inside, and how often two were. */
  readonly words: Int32Array;
}

const Count = 0;
const Inside = 1;
const Broken = 2;

const lockOf = ({ path, kind }: Place): FileLock => new FileLock(path, { kind });

/** Alone, or it shows. */
function visit(words: Int32Array, own: number): void {
  // Not atomic on purpose: the lock must do.
  if (words[Inside] !== 0) Atomics.add(words, Broken, 1);
  words[Inside] = own;
  words[Count] = (words[Count] ?? 0) + 1;
  if (words[Inside] !== own) Atomics.add(words, Broken, 1);
  words[Inside] = 0;
}

export async function count(index: number, place: Place & { readonly rounds: number }): Promise<void> {
  const lock = lockOf(place);
  for (let i = 0; i < place.rounds; i++) {
    if (index % 2 === 0) lock.runSync(() => visit(place.words, index + 1));
    else await lock.run(() => visit(place.words, index + 1));
  }
  if (Atomics.load(place.words, Broken) > 0) throw new Error('two were inside');
}

/** As `count`, but whoever is inside may have died there. */
export async function countForEver(index: number, place: Place): Promise<never> {
  const lock = lockOf(place);
  for (;;) {
    using guard = index % 2 === 0 ? lock.lockSync() : await lock.lock();
    guard.assertHeld();
    place.words[Inside] = index + 1;
    place.words[Count] = (place.words[Count] ?? 0) + 1;
    for (let i = 0; i < 200; i++) if (place.words[Inside] !== index + 1) Atomics.add(place.words, Broken, 1);
    place.words[Inside] = 0;
    await setImmediate();
  }
}

export function waitSync(_: number, place: Place): void {
  Atomics.store(place.words, 0, 1);
  lockOf(place).lockSync();
  Atomics.store(place.words, 1, 1);
}

export async function wait(_: number, place: Place): Promise<void> {
  Atomics.store(place.words, 0, 1);
  await lockOf(place).lock();
  Atomics.store(place.words, 1, 1);
}

export async function hold(_: number, place: Place): Promise<never> {
  const guard = lockOf(place).lockSync();
  Atomics.store(place.words, 0, 1);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    guard.assertHeld();
  }
}
