/** The inside of a contest between processes, in each of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileUse, openFileOf } from '../contestants/files.js';
import type { Origin } from '../contestants/shared.js';
import { clock } from '../team/clock.js';
import { Board } from './folder.js';

export interface Seat {
  readonly lock: Origin;
  readonly path: string;
  /** The file with the number that the lock protects. */
  readonly counter: string;
  /** A file of its own to warm up with, and its number. */
  readonly own: { readonly path: string; readonly counter: string };
}

/** One window follows another from `start` on, by the clock that all share. */
export interface Game {
  readonly start: number;
  readonly windows: number;
  readonly windowMs: number;
}

/** How often this process was inside, in each window and at all. */
export interface Stint {
  readonly turns: readonly number[];
  readonly all: number;
}

let lock: FileUse | undefined;
let board: Board | undefined;

async function inTurn(use: FileUse, number: Board, { start, windows, windowMs }: Game): Promise<Stint> {
  const turns = Array.from({ length: windows }, () => 0);
  // Its own clock is the faster one.
  const begin = performance.now() + start - clock();
  const end = begin + windows * windowMs;
  let all = 0;
  await use.turns(() => {
    number.set(0, number.get(0) + 1);
    all++;
    const now = performance.now();
    const window = Math.floor((now - begin) / windowMs);
    if (window < windows) turns[window] = (turns[window] ?? 0) + 1;
    return now < end;
  });
  return { turns, all };
}

/** Takes its seat, and warms up with a lock that nobody else wants. */
export async function sit(seat: Seat): Promise<void> {
  lock = await openFileOf(seat.lock, seat.path);
  board = new Board(seat.counter);
  const own = await openFileOf(seat.lock, seat.own.path);
  await inTurn(own, new Board(seat.own.counter), { start: clock(), windows: 1, windowMs: 20 });
}

export async function play(game: Game): Promise<Stint> {
  if (lock === undefined || board === undefined) throw new Error('a member plays that has not sat down');
  await sleep(game.start - clock());
  return inTurn(lock, board, game);
}
