/**
 * How a lock in a store goes from client to client, in several processes: from the call of release in one to the return
 * of the next one's acquire in another; each holds for 2 ms.
 *
 * Fifty processes on two cores would show the scheduler. So fifty waiters are in five processes, each with a client and
 * a connection of its own: the store sees as many.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Origin } from '../contestants/shared.js';
import { storeOrigin } from '../contestants/stores.js';
import { type Mate, withCrew } from '../files/crew.js';
import { Board, newFile, withFolder } from '../files/folder.js';
import { median } from '../harness.js';
import { clock } from '../team/clock.js';
import { type Legs, type Relay, type Seats, Turn } from './relay.js';
import { type Servers, withServers } from './servers.js';

const module = new URL('relay.js', import.meta.url);
const ttl = 30_000;
const warmUp = 20;

interface Team {
  readonly urls: readonly string[];
  readonly lock: Origin;
  readonly clients: number;
  readonly processes: number;
}

/** Runs up to a turn. */
type Run = (turns: number, holdMs: number, mostMs: number) => Promise<Legs>;

function withRelay<T>(
  { urls, lock, clients, processes }: Team,
  use: (run: Run, board: Board) => Promise<T>,
): Promise<T> {
  return withFolder((folder) =>
    withCrew(module, processes, async (mates: readonly Mate[]) => {
      const board = newFile(folder, 'board');
      const seated = mates.map((mate, i) => {
        const own = Math.ceil((clients - i) / processes);
        const seats: Seats = { lock, urls, clients: own, apart: clients > processes, ttl, board };
        return mate.call('sit', seats).done;
      });
      await Promise.all(seated);
      return use(async (turns, holdMs, mostMs) => {
        const relay: Relay = { turns, holdMs, end: clock() + mostMs };
        const legs = await Promise.all(mates.map((mate) => mate.call<Legs>('run', relay).done));
        return {
          took: legs.flatMap(({ took }) => took),
          longestGap: Math.max(...legs.map(({ longestGap }) => longestGap)),
        };
      }, new Board(board));
    }),
  );
}

const teamOf = (lock: Origin, urls: readonly string[], waiters: number): Team => ({
  urls,
  lock,
  // One holds.
  clients: waiters + 1,
  processes: Math.min(waiters + 1, 5),
});

/** The median of the milliseconds; where a hand-off takes long, of as many as there are in some seconds. */
export function handOffOf(
  lock: Origin,
  urls: readonly string[],
  waiters: number,
  quick: boolean,
): Promise<number> {
  return withRelay(teamOf(lock, urls, waiters), async (run) => {
    const [turns, ms] = quick ? [80, 1_000] : [500, 3_000];
    const before = Math.max(warmUp, waiters);
    await run(before, 2, ms / 2);
    return median((await run(before + turns, 2, ms)).took);
  });
}

export function handOff(name: string, waiters: number, quick: boolean): Promise<number> {
  return withServers(name, ({ urls }) => handOffOf(storeOrigin(name), urls, waiters, quick), 3);
}

/** How many commands the store is asked for each time that the lock goes on, while so many wait. */
export function commandsOfHandOff(name: string, waiters: number, quick: boolean): Promise<number> {
  const measure = ({ urls, commands }: Servers): Promise<number> =>
    withRelay(teamOf(storeOrigin(name), urls, waiters), async (run, board) => {
      const ms = quick ? 1_500 : 4_000;
      await run(waiters, 2, ms);
      const [turnsBefore, before] = [board.get(Turn), await commands()];
      await run(turnsBefore + (quick ? 100 : 500), 2, ms);
      // Whoever waited at the end has had it, too.
      const grants = board.get(Turn) - turnsBefore + waiters + 1;
      return ((await commands()) - before) / grants;
    });
  return withServers(name, measure, 3);
}

/** While random connections are killed, of clients and of those who are told: the longest time without a grant, in ms. */
export function gapWhileKilling(name: string, turns: number, mostMs: number): Promise<number> {
  const team = { lock: storeOrigin(name), clients: 8, processes: 4 };
  return withServers(name, ({ urls }) =>
    withRelay({ ...team, urls }, async (run, board) => {
      await run(warmUp, 0, mostMs);
      const running = { is: true };
      const killing = kill(urls[0] ?? '', running);
      const { longestGap } = await run(warmUp + turns, 0, mostMs).finally(() => (running.is = false));
      const killed = await killing;
      if (killed === 0) throw new Error('no connection was killed');
      const went = board.get(Turn) - warmUp;
      if (went < turns) throw new Error(`there were only ${went} hand-offs in ${mostMs} ms`);
      return longestGap;
    }),
  );
}

async function kill(url: string, running: { readonly is: boolean }): Promise<number> {
  const client = new Redis(url);
  let killed = 0;
  while (running.is) {
    await sleep(20 + 40 * Math.random());
    const type = Math.random() < 0.5 ? 'normal' : 'pubsub';
    const list = String(await client.call('CLIENT', 'LIST', 'TYPE', type));
    const ids = Array.from(list.matchAll(/^id=(\d+) /gm), ([, id]) => id);
    const victim = ids[Math.floor(Math.random() * ids.length)];
    // Itself it does not kill.
    if (victim !== undefined) killed += Number(await client.call('CLIENT', 'KILL', 'ID', victim));
  }
  client.disconnect();
  return killed;
}
