/** One of the processes that want one lock in a store, all the time, with one task or many. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Origin } from '../contestants/shared.js';
import { type StoreUse, openStoreOf } from '../contestants/stores.js';
import { Board } from '../files/folder.js';
import { clock } from '../team/clock.js';

export interface Seat {
  readonly lock: Origin;
  readonly urls: readonly string[];
  readonly strict: boolean;
  readonly ttl: number;
  /** The file with the number that the lock protects. */
  readonly counter: string;
}

export interface Game {
  readonly tasks: number;
  /** Whether who has had it asks again only when another one of the process has had it. */
  readonly polite: boolean;
  /** By the clock that all processes share. */
  readonly start: number;
  readonly ms: number;
}

export interface Turns {
  /** Within the time, and at all. */
  readonly turns: number;
  readonly all: number;
  /** How long a task waited at most, in ms. */
  readonly longest: number;
}

const soon = Promise.resolve();

let lock: Required<Pick<StoreUse, 'hold'>> | undefined;
let board: Board | undefined;

export async function sit({ lock: origin, urls, strict, ttl, counter }: Seat): Promise<void> {
  lock = await openStoreOf(origin, { urls, strict, ttl }, 'hold');
  board = new Board(counter);
  const release = await lock.hold();
  await release();
}

export async function play({ tasks, polite, start, ms }: Game): Promise<Turns> {
  const [use, number] = [lock, board];
  if (use === undefined || number === undefined) throw new Error('a rival plays that has not sat down');
  const end = start + ms;
  let [turns, all, longest] = [0, 0, 0];
  let next: (() => void) | undefined;
  await sleep(start - clock());
  const task = async (): Promise<void> => {
    for (let asked = clock(); asked < end; asked = clock()) {
      const release = await use.hold();
      const at = clock();
      longest = Math.max(longest, at - asked);
      if (at < end) turns++;
      const turn = ++all;
      next?.();
      number.set(0, number.get(0) + 1);
      await soon;
      await release();
      // After the end there may be no other one.
      if (polite && turn === all && clock() < end) await new Promise<void>((resolve) => (next = resolve));
    }
  };
  await Promise.all(Array.from({ length: tasks }, task));
  return { turns, all, longest };
}
