/** What the threads of the schedule checker do with the words of a shared semaphore, and what must be true after it. */
import assert from 'node:assert/strict';
import { DEAD } from '../../src/words/life.js';
import { Memory } from '../../src/words/memory.js';
import { GENERATION, HELD } from '../../src/words/row.js';
import { WORD } from '../../src/words/seat.js';
import { SemaphoreWords } from '../../src/words/semaphore.js';
import type { Place } from '../../src/words/seat.js';
import type { Env, Memory as Fake, Search, Thread } from '../../src/testing/interleave.js';
import { remember } from './semaphore-past.js';
import type { Past } from './semaphore-past.js';
import { allJoined, CheckedMemory, die, layoutOf, placeOf, wordsFor } from './words.js';

export interface Kind {
  readonly threads: number;
  readonly capacity: number;
  /** Whether everybody counts as one who has waited for long: never, always, or from a moment on. */
  readonly old?: boolean | 'later';
  readonly spins?: number;
  /** How often a seeker sleeps; without it nobody seeks. */
  readonly naps?: number;
  /** Whether somebody may die. */
  readonly mortal?: boolean;
  readonly Words?: typeof Tested;
}

/** Where nobody dies nobody looks at what others hold, so those steps can be left out. */
class Immortal extends CheckedMemory {
  override put(index: number, value: number): void {
    if ((index - this.row(0, 0)) % this.layout.stride !== HELD) super.put(index, value);
  }
}

/**
 * Whoever counts sleeps for a millisecond if a row is PENDING. It always wakes up again; but here time passes for
 * nobody while the checker lets it pass for somebody else. So it is woken.
 */
class Waking extends CheckedMemory {
  override put(index: number, value: number): void {
    super.put(index, value);
    if ((index - this.row(0, 0)) % this.layout.stride === HELD) this.wake(index);
  }
}

export class Tested extends SemaphoreWords {
  constructor(place: Place, { capacity, spins = 0, naps = 0 }: Kind) {
    super(place, capacity, spins, naps);
  }

  /** When a thread came is a word that does not change here. */
  protected override isOld(): boolean {
    return this.memory.old(0);
  }

  /** Nobody was here before. */
  protected override attach(): boolean {
    return !(this.memory instanceof Immortal) && super.attach();
  }

  protected override get bereaved(): boolean {
    return !(this.memory instanceof Immortal) && super.bereaved;
  }
}

// Two words behind those of the block: whether all are old, and the gate of `all`.
const clockAt = ({ layout }: Memory): number => wordsFor(layout);
const gateAt = ({ layout }: Memory): number => wordsFor(layout) + 1;

const semaphoreOf = ({ words, thread, now }: Env, kind: Kind): Tested => {
  const { threads, mortal = false, old, Words = Tested } = kind;
  const Kept = mortal ? (threads > 2 ? Waking : CheckedMemory) : Immortal;
  const memory = new Kept(words, layoutOf(threads), now, old === true);
  if (old === 'later') memory.old = () => Atomics.load(words, clockAt(memory)) !== 0;
  return new Words(placeOf(memory, thread), kind);
};

const visit = (env: Env, permits: number, { capacity }: Kind): void => {
  env.enter('pool', { permits, capacity });
  env.leave('pool');
};

export const take =
  (kind: Kind, permits: number = 1, ms: number = Infinity): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    if (!semaphore.take(permits, ms)) return;
    visit(env, permits, kind);
    semaphore.give(permits);
  };

export const tryTake =
  (kind: Kind, permits: number = 1): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    if (!semaphore.tryTake(permits)) return;
    visit(env, permits, kind);
    semaphore.give(permits);
  };

/** Lets time pass. */
export const clock =
  ({ threads }: Kind): Thread =>
  ({ words }) =>
    void Atomics.store(words, clockAt(new Memory(words, layoutOf(threads))), 1);

/** Opens the gate as soon as it has got its permits. */
export const opens =
  (kind: Kind, permits: number = 1): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    if (!semaphore.take(permits, Infinity)) return;
    const gate = gateAt(semaphore.memory);
    Atomics.store(env.words, gate, 1);
    Atomics.notify(env.words, gate);
    semaphore.give(permits);
  };

/** Has permits, and gives them back when the gate is open. */
export const keeps =
  (kind: Kind, permits: number = 1): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    Atomics.wait(env.words, gateAt(semaphore.memory), 0);
    semaphore.give(permits);
  };

/** Has permits, and gives them back in pieces. */
export const gives =
  (kind: Kind, ...pieces: number[]): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    for (const permits of pieces) semaphore.give(permits);
  };

/** Takes a permit, and does not give it back before another one that does this has one, too. */
export const meets =
  (kind: Kind): Thread =>
  (env) => {
    const semaphore = semaphoreOf(env, kind);
    if (!semaphore.take(1, Infinity)) return;
    visit(env, 1, kind);
    const gate = gateAt(semaphore.memory);
    if (Atomics.add(env.words, gate, 1) === 0) Atomics.wait(env.words, gate, 1);
    else Atomics.notify(env.words, gate);
    semaphore.give(1);
  };

/** Runs real code on the memory of a run that has not begun or has ended. */
function inspect({ atomics }: Fake, look: () => void): void {
  const real = globalThis.Atomics;
  const fake: Record<string, unknown> = {};
  for (const [name, operation] of Object.entries(atomics)) {
    // The checker's memory stands on the real Atomics.
    fake[name] = (...values: unknown[]): unknown => {
      Reflect.set(globalThis, 'Atomics', real);
      try {
        return Reflect.apply(operation, atomics, values);
      } finally {
        Reflect.set(globalThis, 'Atomics', fake);
      }
    };
  }
  Reflect.set(globalThis, 'Atomics', fake);
  try {
    look();
  } finally {
    Reflect.set(globalThis, 'Atomics', real);
  }
}

/** All permits must have come back, and nobody be locked out; without deaths the word must be as it was. */
const allBack =
  (kind: Kind, deaths: boolean) =>
  (fake: Fake): void =>
    inspect(fake, () => {
      const { words } = fake;
      const { capacity, threads } = kind;
      const memory = new CheckedMemory(words, layoutOf(threads));
      const word = memory.slot(0) + WORD;
      if (!deaths) assert.equal(Atomics.load(words, word), 0, 'the word');
      let living = 0;
      for (let slot = 0; slot < threads; slot++) {
        // By now everybody knows who is dead.
        const dies = Atomics.load(words, Memory.size(memory.layout) + slot) !== 0;
        if (dies) Atomics.store(words, memory.life + 2 * slot, DEAD);
        if (Atomics.load(words, memory.life + 2 * slot) !== DEAD) living = slot;
      }
      const semaphore = new SemaphoreWords(placeOf(memory, living), capacity, 0);
      assert.equal(semaphore.tryTake(capacity), true, 'permits are lost, or somebody is locked out');
      semaphore.give(capacity);
      assert.equal(semaphore.free, capacity, 'free');
      assert.equal(Atomics.load(words, word), 0, 'the word');
    });

/** A program for the checker. `past` is what has happened before it. */
export function program(
  kind: Kind,
  threads: Search['threads'],
  more: Partial<Search> = {},
  past?: Past,
): Search {
  const layout = layoutOf(kind.threads);
  const joined = allJoined(layout);
  return {
    words: wordsFor(layout) + 2,
    threads,
    init: (fake) => {
      joined(fake);
      const memory = new Memory(fake.words, layout);
      const set = (index: number, value: number): void => void fake.atomics.store(fake.words, index, value);
      for (let slot = 0; slot < kind.threads; slot++) {
        set(memory.row(slot, 0) + GENERATION, 1);
      }
      if (past !== undefined) remember(memory, kind.capacity, past, set);
    },
    final: allBack(kind, more.kills !== undefined || past !== undefined),
    onKill: die(layout),
    steps: 400,
    ...more,
  };
}
