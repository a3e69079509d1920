/**
 * Small right locks in the textbook form, written as any lock is: over an Atomics-shaped object, blocking, with
 * one clock. The checker must find nothing in them; `seeded-locks` are the same with one mistake each.
 */
import type { Memory } from '../../src/testing/interleave.js';

export interface Shared extends Memory {
  readonly now: () => number;
}

/** What all have in common: the words, and short names for what is done to them. */
export class OnWords {
  protected readonly atomics: Memory['atomics'];
  protected readonly words: Int32Array;
  protected readonly now: () => number;

  constructor(shared: Shared) {
    this.atomics = shared.atomics;
    this.words = shared.words;
    this.now = shared.now;
  }

  protected load(index: number = 0): number {
    return this.atomics.load(this.words, index);
  }

  protected swap(expected: number, next: number): boolean {
    return this.atomics.compareExchange(this.words, 0, expected, next) === expected;
  }

  protected notify(count: number, index: number = 0): number {
    return this.atomics.notify(this.words, index, count);
  }

  protected wait(value: number, timeout: number, index: number = 0): 'ok' | 'not-equal' | 'timed-out' {
    return this.atomics.wait(this.words, index, value, timeout);
  }
}

/** Drepper's third mutex. Word 0: 0 free, 1 held, 2 held and somebody may wait. */
export class FutexMutex extends OnWords {
  lock(timeout: number = Infinity): boolean {
    const deadline = this.now() + timeout;
    if (this.swap(0, 1)) return true;
    // Who has waited holds with 2: it cannot know whether others still wait.
    while (this.contend() !== 0) {
      const left = deadline - this.now();
      if (left <= 0) return false;
      this.wait(2, left);
    }
    return true;
  }

  unlock(): void {
    if (this.atomics.exchange(this.words, 0, 0) === 2) this.notify(1);
  }

  protected contend(): number {
    return this.atomics.exchange(this.words, 0, 2);
  }
}

/** Word 0: 0 free, 1 held. Word 1 counts releases, and is what is waited on; it must not come round meanwhile. */
export class GenerationMutex extends OnWords {
  lock(): boolean {
    for (;;) {
      const generation = this.load(1);
      if (this.swap(0, 1)) return true;
      this.wait(generation, Infinity, 1);
    }
  }

  unlock(): void {
    this.atomics.store(this.words, 0, 0);
    this.advance();
    this.notify(1, 1);
  }

  protected advance(): void {
    this.atomics.add(this.words, 1, 1);
  }
}

export const WAITERS = 0x100;
export const GRANT = 0x200;
const OWNER = 0xff;

/**
 * Hands itself to a waiter. Word 0: owner's id (1 to 255) or 0, WAITERS somebody may be parked, GRANT nobody owns
 * it but one who has waited may claim it. A grant is claimed by compareExchange, so that it never belongs to a
 * thread that cannot come any more.
 */
export class HandOffMutex extends OnWords {
  lock(id: number, timeout: number = Infinity): boolean {
    const deadline = this.now() + timeout;
    let waited = false;
    for (;;) {
      const word = this.load();
      if (this.free(word) || (waited && (word & GRANT) !== 0)) {
        if (this.claim(word, id)) return true;
        continue;
      }
      if ((word & WAITERS) === 0 && !this.swap(word, word | WAITERS)) continue;
      const left = deadline - this.now();
      if (left <= 0) return false;
      waited = this.wait(word | WAITERS, left) !== 'not-equal' || waited;
    }
  }

  tryLock(id: number): boolean {
    const word = this.load();
    return this.free(word) && this.claim(word, id);
  }

  unlock(id: number): void {
    if (!this.owns(id)) throw new Error('not the owner');
    if (this.swap(id, 0)) return;
    // Nobody else changes the word of an owner who has waiters.
    this.atomics.store(this.words, 0, GRANT | WAITERS);
    if (this.hand() === 0 && this.swap(GRANT | WAITERS, 0)) this.notify(Infinity);
  }

  /** What a reaper does for a dead thread: frees what it held or was about to claim, and lets all try again. */
  bury(id: number): void {
    const word = this.load();
    if ((word & OWNER) === id || (word & GRANT) !== 0) this.atomics.store(this.words, 0, 0);
    this.notify(Infinity);
  }

  protected claim(word: number, id: number): boolean {
    return this.swap(word, (word & ~GRANT) | id);
  }

  /** Tells a waiter of the grant; how many were told. */
  protected hand(): number {
    return this.notify(1);
  }

  protected free(word: number): boolean {
    return (word & (OWNER | GRANT)) === 0;
  }

  protected owns(id: number): boolean {
    return (this.load() & OWNER) === id;
  }
}

/** Word 0: free permits. */
export class Semaphore extends OnWords {
  acquire(timeout: number = Infinity): boolean {
    const deadline = this.now() + timeout;
    for (;;) {
      const free = this.load();
      if (free > 0) {
        if (this.take(free)) return true;
        continue;
      }
      const left = deadline - this.now();
      if (left <= 0) return false;
      this.wait(0, left);
    }
  }

  release(): void {
    this.atomics.add(this.words, 0, 1);
    this.notify(1);
  }

  protected take(free: number): boolean {
    return this.swap(free, free - 1);
  }
}

/** Word 0: the number of readers, or -1 for a writer. Word 1 counts releases, and is what is waited on. */
export class ReadWriteLock extends OnWords {
  lockShared(): void {
    while (!this.tryShared()) this.park(() => this.load() < 0);
  }

  lockExclusive(): void {
    while (!this.swap(0, -1)) this.park(() => this.load() !== 0);
  }

  unlockShared(): void {
    if (this.atomics.sub(this.words, 0, 1) === 1) this.wake();
  }

  unlockExclusive(): void {
    this.atomics.store(this.words, 0, 0);
    this.wake();
  }

  protected tryShared(): boolean {
    const readers = this.load();
    return readers >= 0 && this.swap(readers, readers + 1);
  }

  /** Waits for the next release, unless it has come between the attempt and the reading of the count. */
  protected park(busy: () => boolean): void {
    const releases = this.load(1);
    if (busy()) this.wait(releases, Infinity, 1);
  }

  private wake(): void {
    this.atomics.add(this.words, 1, 1);
    this.notify(Infinity, 1);
  }
}
