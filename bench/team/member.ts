/**
 * The inside of a contest, in each of its workers: window after window all meet at a gate, then take the lock over
 * and over until the time is up. Nobody else runs meanwhile; the main thread waits for the results.
 */
import { type Origin, able, load } from '../contestants/shared.js';
import { clock } from './clock.js';
import { Gate, alone, among, heat, reading } from './sections.js';

/** How the workers use the lock. */
export type Use =
  | { readonly kind: 'turns' }
  | { readonly kind: 'permits'; readonly permits: number }
  /** The last `writers` workers write, the others read. */
  | { readonly kind: 'roles'; readonly writers: number }
  /** Everybody reads so many times and then writes once. */
  | { readonly kind: 'mix'; readonly reads: number };

export interface Contest {
  readonly lock: Origin;
  readonly handle: unknown;
  readonly memory: Int32Array;
  readonly use: Use;
  readonly workers: number;
  /** Of the work inside a section. */
  readonly steps: number;
  /** Turns between two looks at the clock. */
  readonly batch: number;
  /** Also measure how long each turn is waited for, which costs two looks at the clock a turn. */
  readonly timed: boolean;
  readonly windows: number;
  readonly windowMs: number;
}

/** What one worker did in one window. */
export interface Stint {
  readonly turns: number;
  /** How many of them had to be alone. */
  readonly writes: number;
  /** When its first turn began and its last one was over, by the clock that all share. */
  readonly from: number;
  readonly to: number;
  /** The longest wait for a turn, in milliseconds; 0 unless timed. */
  readonly longest: number;
}

/** Waits until all have come. The last one says until when they all play. */
function meet({ memory, workers, windowMs }: Contest): number {
  const deadline = new Float64Array(memory.buffer, Gate.deadline * 4, 1);
  const open = Atomics.load(memory, Gate.open);
  if (Atomics.add(memory, Gate.arrived, 1) + 1 < workers) {
    while (Atomics.load(memory, Gate.open) === open) Atomics.wait(memory, Gate.open, open);
  } else {
    deadline[0] = clock() + windowMs;
    Atomics.store(memory, Gate.arrived, 0);
    Atomics.add(memory, Gate.open, 1);
    Atomics.notify(memory, Gate.open);
  }
  return deadline[0] ?? 0;
}

/** When the last section was left, and the longest time from there into the next. There is nothing else between. */
const wait = { since: 0, longest: 0 };

function timed(section: () => void): () => void {
  return () => {
    const waited = performance.now() - wait.since;
    if (waited > wait.longest) wait.longest = waited;
    section();
    wait.since = performance.now();
  };
}

interface Way {
  /** Takes about a batch of turns. */
  readonly take: () => void | Promise<void>;
  readonly turns: number;
  readonly writes: number;
}

async function wayOf(index: number, contest: Contest): Promise<Way> {
  const { memory, steps, batch, use } = contest;
  const shared = await load(contest.lock);
  const clocked = contest.timed ? timed : (section: () => void) => section;
  const write = clocked(alone(memory, steps));
  const read = clocked(reading(memory, steps));
  if (use.kind === 'turns') {
    const { turns } = able(shared, contest.handle, 'turns');
    return { take: () => turns(batch, write), turns: batch, writes: batch };
  }
  if (use.kind === 'permits') {
    const { turns } = able(shared, contest.handle, 'turns');
    const section = clocked(among(use.permits, memory, steps));
    return { take: () => turns(batch, section), turns: batch, writes: 0 };
  }
  const { reads, writes } = able(shared, contest.handle, 'reads', 'writes');
  if (use.kind === 'roles') {
    if (index < contest.workers - use.writers)
      return { take: () => reads(batch, read), turns: batch, writes: 0 };
    return { take: () => writes(batch, write), turns: batch, writes: batch };
  }
  const take = (): void => {
    reads(use.reads, read);
    writes(1, write);
  };
  return { take, turns: use.reads + 1, writes: 1 };
}

export async function run(index: number, contest: Contest): Promise<Stint[]> {
  const { take, turns, writes } = await wayOf(index, contest);
  heat(15);
  const stints: Stint[] = [];
  while (stints.length < contest.windows) {
    const deadline = meet(contest);
    let takes = 0;
    const from = clock();
    wait.since = performance.now();
    wait.longest = 0;
    // Its own clock is the faster one.
    const end = wait.since + deadline - from;
    do {
      const taken = take();
      if (taken !== undefined) await taken;
      takes++;
    } while (performance.now() < end);
    stints.push({ turns: takes * turns, writes: takes * writes, from, to: clock(), longest: wait.longest });
  }
  return stints;
}
