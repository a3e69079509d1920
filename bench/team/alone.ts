/** What a lock that threads share costs while nobody else wants it. */
import { isNative } from '../contestants/native.js';
import { able, load, origin } from '../contestants/shared.js';
import { type Effort, loopTimes } from '../inner.js';
import { contest, throughput } from './contest.js';

/** Pairs of a few nanoseconds: rounds of a thirtieth of a second. */
export function pairs(quick: boolean): Effort {
  return { count: quick ? 200_000 : 2_000_000, rounds: quick ? 3 : 9, budget: 1_500 };
}

/** Nanoseconds of a loop in one thread. */
export async function alone(name: string, quick: boolean): Promise<number[]> {
  if (isNative(name)) {
    return throughput(await contest(name, { workers: 1, section: 'empty' }, quick)).map(
      (rate) => 1_000 / rate,
    );
  }
  const shared = await load(origin(name));
  const { loop } = able(shared, shared.make(), 'loop');
  return loopTimes(async (n) => loop(n), pairs(quick));
}
