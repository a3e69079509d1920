/**
 * The inside of hand-offs between clients of a store, in each of their processes: each client takes the lock in turn, and
 * nobody takes it again before another one has had it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Origin } from '../contestants/shared.js';
import { type StoreUse, openStoreOf } from '../contestants/stores.js';
import { Board } from '../files/folder.js';
import { clock } from '../team/clock.js';
import { until } from './servers.js';

export interface Seats {
  readonly lock: Origin;
  readonly urls: readonly string[];
  /** Clients in this process. */
  readonly clients: number;
  /** Whether it may be one of several. */
  readonly apart: boolean;
  readonly ttl: number;
  readonly board: string;
}

export interface Relay {
  /** The number of the turn before which all end. */
  readonly turns: number;
  readonly holdMs: number;
  /** By the clock that all share: then they end in any case. */
  readonly end: number;
}

export interface Legs {
  /** Milliseconds from each release to the next one's grant. */
  readonly took: readonly number[];
  /** In ms, between one grant and the next. */
  readonly longestGap: number;
}

/** Places of the board. Only the holder writes them. */
export const Turn = 0;
const Inside = 1;
const ReleasedAt = 2;
const GotAt = 3;

type Holder = Required<Pick<StoreUse, 'hold'>>;

let uses: Holder[] = [];
let words: Board | undefined;

export async function sit({ lock, urls, clients, apart, ttl, board }: Seats): Promise<void> {
  words = new Board(board);
  uses = await Promise.all(
    Array.from({ length: clients }, () => openStoreOf(lock, { urls, apart, ttl }, 'hold')),
  );
}

async function leg(use: Holder, board: Board, { turns, holdMs, end }: Relay): Promise<Legs> {
  const took: number[] = [];
  let longestGap = 0;
  let first = true;
  for (;;) {
    const release = await use.hold();
    const at = clock();
    const turn = board.get(Turn);
    if (turn >= turns || at >= end) {
      await release();
      return { took, longestGap };
    }
    if (board.get(Inside) !== 0) throw new Error('the lock does not exclude: another one still holds it');
    board.set(Inside, 1);
    // Before its first turn here nobody may have waited.
    if (!first) {
      took.push(at - board.get(ReleasedAt));
      longestGap = Math.max(longestGap, at - board.get(GotAt));
    }
    first = false;
    board.set(GotAt, at);
    board.set(Turn, turn + 1);
    if (holdMs > 0) await sleep(holdMs);
    board.set(Inside, 0);
    board.set(ReleasedAt, clock());
    await release();
    // Nobody barges: that would be no hand-off. The last one has nobody to wait for.
    await until(() => board.get(Turn) > turn + 1 || turn + 1 >= turns || clock() >= end);
  }
}

export async function run(relay: Relay): Promise<Legs> {
  const board = words;
  if (board === undefined) throw new Error('a relay runs in which nobody sits');
  const legs = await Promise.all(uses.map((use) => leg(use, board, relay)));
  return {
    took: legs.flatMap((each) => each.took),
    longestGap: Math.max(...legs.map((each) => each.longestGap)),
  };
}
