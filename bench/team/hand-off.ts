/**
 * How long a waiter sleeps on after the release. Two threads on two cores take one lock in turn: the holder sees
 * that the other is about to wait, gives it time to fall asleep, and releases; the clock stops when the other goes
 * on. native/hand-off.c is the same with nothing but a futex.
 */
import { runWorkers } from '../../test/support/workers.js';
import { isNative, runNative } from '../contestants/native.js';
import { type Origin, able, load, origin } from '../contestants/shared.js';
import { median } from '../harness.js';
import { clock } from './clock.js';
import { onTheirCores } from './contest.js';

interface Relay {
  readonly lock: Origin;
  readonly handle: unknown;
  /** For each thread, how often it was about to wait and how often it then had the lock. */
  readonly words: Int32Array;
  /** When the lock was last released. Written and read by holders only. */
  readonly releasedAt: Float64Array;
  readonly turns: number;
}

/** Longer than a host polls for a processor that halts, so that the sleeper really sleeps. */
const settleUs = 500;
const Ready = 16;
const Got = 48;

function spinUntil(done: () => boolean): void {
  while (!done());
}

export async function run(index: number, relay: Relay): Promise<number[]> {
  const { words, releasedAt, turns } = relay;
  const { hold } = able(await load(relay.lock), relay.handle, 'hold');
  const [mine, other] = [index * 16, (1 - index) * 16];
  const took: number[] = [];
  // Thread 0 has the even turns, thread 1 the odd ones.
  if (index === 1) spinUntil(() => Atomics.load(words, Got + other) === 1);
  for (let turn = index; turn < turns; turn += 2) {
    Atomics.add(words, Ready + mine, 1);
    const held = hold();
    const release = held instanceof Promise ? await held : held;
    const at = clock();
    if (turn > 0) took.push(at - (releasedAt[0] ?? 0));
    const got = Atomics.add(words, Got + mine, 1) + 1;

    if (turn + 1 < turns) {
      // Thread 1 is ready for the first time when thread 0 holds for the first; then it is ahead by one.
      const needed = index === 0 ? got : got + 1;
      spinUntil(() => Atomics.load(words, Ready + other) >= needed);
      const end = clock() + settleUs / 1_000;
      spinUntil(() => clock() >= end);
    }
    releasedAt[0] = clock();
    release();
    // Nobody barges: that would be no hand-off.
    if (turn + 1 < turns) {
      const then = index === 0 ? got : got + 1;
      spinUntil(() => Atomics.load(words, Got + other) >= then);
    }
  }
  return took;
}

/** The median of the microseconds from the release to the waiter's next step. */
export async function handOff(name: string, quick: boolean): Promise<number> {
  const turns = quick ? 50 : 500;
  if (isNative(name)) return median(await runNative<number[]>(name, [turns, settleUs])) / 1_000;
  const lock = origin(name);
  const data: Relay = {
    lock,
    handle: (await load(lock)).make(),
    words: new Int32Array(new SharedArrayBuffer(4 * 96)),
    releasedAt: new Float64Array(new SharedArrayBuffer(8)),
    turns,
  };
  await using team = runWorkers<number[]>({
    count: 2,
    module: new URL('hand-off.js', import.meta.url),
    data,
    pin: true,
  });
  await onTheirCores(team);
  const took = (await team.results).flatMap((each) => each ?? []);
  return median(took) * 1_000;
}
