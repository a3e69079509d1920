/**
 * Holders who lose their lock. They write every 20 ms, as long as their library says that they hold it; counted is what
 * they wrote when it was not theirs any more.
 *
 *   stall    the holder stands still for twice the ttl, and another one takes the lock
 *   silent   the server stands still for so long; the lock is lost when its record was due to lapse
 *   wiped    the record is deleted
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Origin } from '../contestants/shared.js';
import { storeOrigin } from '../contestants/stores.js';
import { Mate } from '../files/crew.js';
import { clock } from '../team/clock.js';
import type { Stake, Story } from './holder.js';
import { type Servers, withServers } from './servers.js';

export type Fault = 'stall' | 'silent' | 'wiped';

const module = new URL('holder.js', import.meta.url);

interface Scene extends Servers {
  readonly stake: Stake;
  readonly holder: Mate;
  readonly other: Mate;
  readonly client: Redis;
}

/** When the lock is lost. */
type Act = (scene: Scene) => Promise<number>;

/** The record, whatever its library calls it: nothing else there lapses. */
async function recordOf(client: Redis): Promise<{ readonly key: string; readonly left: number }> {
  for (const key of await client.keys('*')) {
    const left = await client.pttl(key);
    if (left > 0) return { key, left };
  }
  throw new Error('nobody holds anything');
}

/** Just after a renewal, so that none comes in between. What its holder then does not hear he has to wait for longest. */
async function freshRecord(
  client: Redis,
  ttl: number,
): Promise<{ readonly key: string; readonly left: number }> {
  for (;;) {
    const record = await recordOf(client);
    if (record.left > 0.9 * ttl) return record;
    await sleep(5);
  }
}

const acts: Readonly<Record<Fault, Act>> = {
  async stall({ stake, holder, other }) {
    holder.signal('SIGSTOP');
    const lostAt = other.call<number>('take', stake).done;
    await sleep(2 * stake.ttl);
    holder.signal('SIGCONT');
    return lostAt;
  },

  async silent({ stake: { ttl }, nodes: [server], client }) {
    const { left } = await freshRecord(client, ttl);
    const lostAt = clock() + left;
    await server?.stop();
    await sleep(2 * ttl);
    await server?.resume();
    return lostAt;
  },

  async wiped({ stake: { ttl }, client }) {
    const { key } = await freshRecord(client, ttl);
    await client.del(key);
    return clock();
  },
};

export interface Damage {
  /** Writes that the library allowed when the lock was gone. */
  readonly bad: number;
  /** From the loss to the last look, in ms. */
  readonly told: number;
  /** What the late release came to. */
  readonly release: unknown;
}

export async function damage(lock: Origin, servers: Servers, fault: Fault, ttl: number): Promise<Damage> {
  const stake: Stake = { lock, urls: servers.urls, ttl };
  const client = new Redis(servers.urls[0] ?? '');
  const mates = [new Mate(module, 0), new Mate(module, 1)] as const;
  try {
    const [holder, other] = mates;
    await holder.call('hold', stake).done;
    const story = holder.call<Story>('write', 4 * ttl).done;
    await sleep(ttl / 4);
    const lostAt = await acts[fault]({ ...servers, stake, holder, other, client });
    const { writes, end, release } = await story;
    if (!writes.some((at) => at < lostAt)) throw new Error('the holder never wrote');
    return { bad: writes.filter((at) => at > lostAt).length, told: end - lostAt, release };
  } finally {
    for (const mate of mates) mate.kill();
    client.disconnect();
  }
}

/** How many. What we promise besides is checked on the way: a lock that is lost was not given back. */
export async function badWrites(name: string, fault: Fault, ttl: number): Promise<number> {
  const { bad, told, release } = await withServers(name, (servers) =>
    damage(storeOrigin(name), servers, fault, ttl),
  );
  if (name.startsWith('tierlock') && release !== false)
    throw new Error(`${told} ms after the loss, the release of a lost lock came to ${String(release)}`);
  return bad;
}
