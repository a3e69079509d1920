/**
 * Since when, and with which token, a thread has a lock alone: words of its row, for those who look (presence.ts). They
 * are written while somebody watches only (watched.ts), because that costs as much as to take the lock. Nothing depends on
 * them: what is not there, or changes while it is read, is unknown.
 *
 * Invariant: TAKEN has the name of the thread if and only if the words behind it are of what it holds now.
 */
import { lives, slotOf } from './life.js';
import type { Memory } from './memory.js';
import { TAKEN } from './row.js';
import type { Place } from './seat.js';

/** When something was taken, and how. */
export interface Taken {
  readonly since: Date;
  readonly token: bigint;
}

const HALF = 2 ** 32;

/** It is ours alone since then, in ms since 1970. */
export function writeTaken({ memory, slot, lock, name }: Place, since: number, token: bigint): void {
  const { words } = memory;
  const at = memory.row(slot, lock) + TAKEN;
  Atomics.store(words, at, 0);
  Atomics.store(words, at + 1, (since % HALF) | 0);
  Atomics.store(words, at + 2, Math.floor(since / HALF));
  Atomics.store(words, at + 3, Number(BigInt.asIntN(32, token)));
  Atomics.store(words, at + 4, Number(BigInt.asIntN(32, token >> 32n)));
  Atomics.store(words, at, name);
}

/** Before it is given back. */
export function clearTaken({ memory, slot, lock }: Place): void {
  Atomics.store(memory.words, memory.row(slot, lock) + TAKEN, 0);
}

/** Of the thread with that number; undefined if it does not say. */
export function readTaken(memory: Memory, slot: number, lock: number): Taken | undefined {
  const { words } = memory;
  const at = memory.row(slot, lock) + TAKEN;
  const name = Atomics.load(words, at);
  if (slotOf(name) !== slot || !lives(memory, name)) return undefined;
  const [since, sinceHigh, token, tokenHigh] = [1, 2, 3, 4].map((i) => Atomics.load(words, at + i)) as [
    number,
    number,
    number,
    number,
  ];
  if (Atomics.load(words, at) !== name) return undefined;
  return {
    since: new Date(sinceHigh * HALF + (since >>> 0)),
    token: (BigInt(tokenHigh) << 32n) | BigInt(token >>> 0),
  };
}
