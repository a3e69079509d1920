/**
 * Memory of the process itself, which is no SharedArrayBuffer: Atomics work on it, but their waits do not. A thread
 * that blocks sleeps in the kernel's futex. One that waits asynchronously leaves a sleeper here, and hears of its
 * wake-up by the bell of its thread (watch.ts), whoever else is woken by that ring.
 *
 * A waker need not do both. Before it sleeps, a thread says in its row how (SLEEP), and only then looks at the word
 * for the last time; the waker first changes the word and then looks at SLEEP. So it sees how the thread sleeps, or
 * the thread sees the word and does not sleep. Only the owner of the row writes SLEEP, and what the last one left in
 * it does not matter.
 *
 * Why no ring is missed: the bell is heard on the event loop, so never between the last look at a word and the moment
 * at which the sleeper is known. It must have been hung before: only who watches (watch.ts) sleeps asynchronously.
 *
 * Invariant: a sleeper is known exactly as long as its promise is pending and somebody may want to know of it. So no
 * more are left than climbs that are asleep.
 */
import type { Addon, Words } from '../addon.js';
import { onRing } from '../watch.js';
import { DEAD } from './life.js';
import { Member } from './member.js';
import { Memory } from './memory.js';
import type { Layout, Woken } from './memory.js';
import { SLEEP } from './row.js';

// How a thread sleeps.
const BLOCKED = 0;
const LISTENING = 1;

const OUTCOMES: readonly Woken[] = ['ok', 'not-equal', 'timed-out'];

interface Sleeper {
  readonly memory: MappedMemory;
  readonly index: number;
  readonly value: number;
  readonly resolve: (value?: unknown) => void;
}

const sleepers = new Set<Sleeper>();
onRing(wakeSleepers);

function wakeSleepers(): boolean {
  let any = false;
  for (const { memory, index, value } of sleepers) {
    if (Atomics.load(memory.words, index) === value) continue;
    memory.rise(index);
    any = true;
  }
  return any;
}

export class MappedMemory extends Memory {
  override readonly words: Words;
  readonly member: Member;
  readonly #addon: Addon;
  /** Those of this thread, by the words that they sleep on. */
  readonly #sleepers = new Map<number, Sleeper>();

  /** Joins the memory; this thread stays in it until it ends. */
  constructor(addon: Addon, words: Words, layout: Layout) {
    super(words, layout);
    this.words = words;
    this.#addon = addon;
    this.member = new Member(this);
  }

  override wait(index: number, value: number, ms: number): Woken {
    if (this.#isOurs(index)) Atomics.store(this.words, this.#sleepOf(index), BLOCKED);
    return OUTCOMES[this.#addon.futexWait(this.words, index, value, ms)] as Woken;
  }

  override waitAsync(index: number, value: number): Promise<unknown> | undefined {
    Atomics.store(this.words, this.#sleepOf(index), LISTENING);
    if (Atomics.load(this.words, index) !== value) return undefined;
    return new Promise((resolve) => {
      const sleeper = { memory: this, index, value, resolve };
      this.#sleepers.set(index, sleeper);
      sleepers.add(sleeper);
    });
  }

  /** The word is one of a row, and has been changed. */
  override wake(index: number): void {
    if (this.#isOurs(index)) this.rise(index);
    else if (Atomics.load(this.words, this.#sleepOf(index)) === BLOCKED) {
      this.#addon.futexWake(this.words, index, 1);
    } else {
      const id = Atomics.load(this.words, this.life + 2 * this.threadOf(index));
      if (id > 0 && id !== DEAD) this.#addon.ring(id);
    }
  }

  /** Ends the sleep of this thread on that word, if there is one. */
  rise(index: number): void {
    const sleeper = this.#sleepers.get(index);
    if (sleeper === undefined) return;
    this.#sleepers.delete(index);
    sleepers.delete(sleeper);
    sleeper.resolve();
  }

  #isOurs(index: number): boolean {
    return this.threadOf(index) === this.member.slot;
  }

  #sleepOf(index: number): number {
    return index - (index % this.layout.stride) + SLEEP;
  }
}
