/** Mistakes in the semaphore's words, one each: the schedule checker finds them all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generationOf, rowLives } from '../src/words/life.js';
import { COUNT_SHIFT, MARKS, WAIT } from '../src/words/permits.js';
import { GENERATION, HELD } from '../src/words/row.js';
import { IDLE, WORD } from '../src/words/seat.js';
import { refute } from '../src/testing/interleave.js';
import { gives, meets, program, take, Tested, tryTake } from './support/semaphore-programs.js';
import type { Kind } from './support/semaphore-programs.js';

const two: Kind = { threads: 2, capacity: 2 };
const mortals: Kind = { threads: 3, capacity: 2, mortal: true };
const four: Kind = { threads: 4, capacity: 4, mortal: true };

/** Says what it holds only when it holds it. */
class Secretive extends Tested {
  protected override move(word: number, units: number): boolean {
    const { memory, heldAt } = this;
    const next = word + (units << COUNT_SHIFT);
    this.guess = Atomics.compareExchange(memory.words, this.at + WORD, word, next);
    if (this.guess !== word) return false;
    this.guess = next;
    memory.put(heldAt, (this.mine += units << 1));
    return true;
  }
}

/** Counts what a row says while it changes. */
class Hasty extends Tested {
  protected override settled(slot: number): number {
    const row = this.memory.row(slot, 0);
    const held = Atomics.load(this.words, row + HELD);
    if (held === 0) return 0;
    if (rowLives(this.memory, slot, row)) return held >> 1;
    return super.settled(slot);
  }
}

/** Writes the count although somebody has given meanwhile. */
class Deaf extends Tested {
  protected override recount(): boolean {
    let taken = 0;
    const word = Atomics.load(this.words, this.at + WORD);
    for (let slot = 0; slot < this.memory.joined; slot++) taken += this.settled(slot);
    Atomics.store(this.words, this.at + WORD, (taken << COUNT_SHIFT) | (word & MARKS));
    return true;
  }
}

/** Takes the row over with what an earlier thread held. */
class Heir extends Tested {
  protected override attach(): boolean {
    Atomics.store(this.words, this.heldAt, 0);
    Atomics.store(this.words, this.row + GENERATION, generationOf(this.name));
    return false;
  }
}

const contented = new Error('enough');

/** Does not look again after it has taken WAIT away. */
class Trusting extends Tested {
  protected override serve(seen?: number): void {
    try {
      super.serve(seen);
    } catch (error) {
      if (error !== contented) throw error;
    }
  }

  protected override mark(word: number, marks: number): void {
    super.mark(word, marks);
    if (marks === 0) throw contented;
  }
}

/** Answers for nobody: serves only if the word says that somebody waits. */
class Selfish extends Tested {
  protected override serve(seen: number = this.look()): void {
    if ((seen & WAIT) !== 0) super.serve(seen);
  }
}

/** Leaves when its time is up, and tells nobody. */
class Silent extends Tested {
  override end(): void {
    this.state = IDLE;
  }
}

/** Gives permits back, and wakes nobody. */
class Stingy extends Tested {
  override give(units: number): void {
    while (!this.move(this.guess, -units));
  }
}

const single: Kind = { threads: 3, capacity: 1 };

const few = { bound: { preemptions: 3 } };
const deaths = { kills: 1, rescues: 4 };
const mistakes: Record<string, () => ReturnType<typeof program>> = {
  'not PENDING while it takes'() {
    const kind = { ...two, mortal: true, Words: Secretive };
    return program(kind, [take(kind, 1), take(kind, 2)], deaths);
  },
  'a count that does not wait for PENDING rows'() {
    const kind = { ...mortals, Words: Hasty };
    return program(kind, [tryTake(kind, 1), take(kind, 2)], {}, { holds: [0, 0, 1], dead: 2 });
  },
  'a count that is written blindly'() {
    const kind = { ...four, Words: Deaf };
    return program(
      kind,
      [tryTake(kind, 4), gives(kind, 1), tryTake(kind, 1)],
      {},
      { holds: [0, 1, 0, 1], dead: 3 },
    );
  },
  'a row taken over with what is in it'() {
    const kind = { ...mortals, Words: Heir };
    return program(kind, [tryTake(kind, 1), take(kind, 2)], {}, { holds: [1, 0], heir: 0 });
  },
  'no second look'() {
    const kind = { ...two, Words: Trusting };
    return program(
      kind,
      [
        [take(kind, 2), take(kind, 2)],
        [take(kind, 2), take(kind, 2)],
      ],
      { timeouts: 1 },
    );
  },
  'a seeker that answers for nobody'() {
    const kind = { ...single, naps: 2, Words: Selfish };
    return program(kind, [[take(kind), take(kind)], take(kind), take(kind)], few);
  },
  'an end that nobody hears of'() {
    const kind = { ...two, old: true, Words: Silent };
    return program(kind, [take(kind, 2), take(kind, 2, 10)], { timeouts: 1 });
  },
  'a give that wakes nobody'() {
    const kind = { ...mortals, Words: Stingy };
    return program(kind, [gives(kind, 2), meets(kind), meets(kind)], {}, { holds: [2, 0, 0] });
  },
};

for (const [name, mistake] of Object.entries(mistakes)) {
  test(`found: ${name}`, () => {
    const { kind } = refute(mistake());
    assert.ok(['capacity', 'deadlock', 'final', 'error'].includes(kind), kind);
    if (process.env['TIERLOCK_STATES'] === '1') console.log(name, kind);
  });
}
