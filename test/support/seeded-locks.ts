/**
 * The reference locks with one mistake each, of the kinds that have been made in real locks. Whoever changes the
 * checker finds out here what it no longer sees.
 */
import {
  FutexMutex,
  GenerationMutex,
  GRANT,
  HandOffMutex,
  OnWords,
  ReadWriteLock,
  Semaphore,
  WAITERS,
} from './reference-locks.js';

/** Decides that nobody waits before it frees the lock: who parks in between sleeps for ever. */
export class DecidesBeforeStoring extends FutexMutex {
  override unlock(): void {
    const waiters = this.load() === 2;
    this.atomics.store(this.words, 0, 0);
    if (waiters) this.notify(1);
  }
}

/** Takes the lock with 1 after a wait, though others may still wait: they are forgotten. */
export class ForgetsContention extends FutexMutex {
  override lock(): boolean {
    while (!this.swap(0, 1)) {
      if (this.load() === 2 || this.swap(1, 2)) this.wait(2, Infinity);
    }
    return true;
  }
}

/** Gives up when it comes back late, even if what woke it was meant to let it in. */
export class SwallowsLateWakeUp extends FutexMutex {
  override lock(timeout: number = Infinity): boolean {
    const deadline = this.now() + timeout;
    if (this.swap(0, 1)) return true;
    while (this.contend() !== 0) {
      this.wait(2, deadline - this.now());
      if (this.now() > deadline) return false;
    }
    return true;
  }
}

/** Finds after its very first try that the time is over, and says no with the lock in its hand. */
export class KeepsWhatCameLate extends FutexMutex {
  override lock(timeout: number = Infinity): boolean {
    const deadline = this.now() + timeout;
    if (this.swap(0, 1)) return this.now() <= deadline;
    return super.lock(timeout);
  }
}

/** Waits for a change of one bit: after two changes it looks as if there had been none. */
export class OneBitGeneration extends GenerationMutex {
  protected override advance(): void {
    this.atomics.xor(this.words, 1, 1);
  }
}

/** When its time is over it says that nobody waits, though another may. */
export class ForgetsOtherWaiters extends HandOffMutex {
  override lock(id: number, timeout: number = Infinity): boolean {
    const taken = super.lock(id, timeout);
    if (!taken) this.atomics.and(this.words, 0, ~WAITERS);
    return taken;
  }
}

/** Its reaper wakes one for a grant that may have been another's: those behind it were counted on to be woken. */
export class WakesOneForTheDead extends HandOffMutex {
  override bury(id: number): void {
    const word = this.load();
    if ((word & 0xff) === id || (word & GRANT) !== 0) this.atomics.store(this.words, 0, 0);
    this.notify(1);
  }
}

/** A read and a write instead of one compareExchange. */
export class ReadsThenWrites extends FutexMutex {
  protected override swap(expected: number, next: number): boolean {
    if (this.load() !== expected) return false;
    this.atomics.store(this.words, 0, next);
    return true;
  }
}

/** Never parks: while the holder does nothing it spins for ever. */
export class SpinLock extends FutexMutex {
  override lock(): boolean {
    while (!this.swap(0, 1));
    return true;
  }

  override unlock(): void {
    this.atomics.store(this.words, 0, 0);
  }
}

/**
 * Counts in word 0 who holds or waits, and gives its grants in word 1. It is right until a waiter times out, which
 * takes itself off the count though its grant may be on the way: that one is left behind for somebody else.
 */
export class LeavesGrantBehind extends OnWords {
  lock(timeout: number = Infinity): boolean {
    if (this.atomics.add(this.words, 0, 1) === 0) return true;
    while (this.atomics.exchange(this.words, 1, 0) === 0) {
      if (this.wait(0, timeout, 1) !== 'timed-out') continue;
      this.atomics.sub(this.words, 0, 1);
      return false;
    }
    return true;
  }

  unlock(): void {
    if (this.atomics.sub(this.words, 0, 1) === 1) return;
    this.atomics.store(this.words, 1, 1);
    this.notify(1, 1);
  }
}

/** Wakes two for one grant, and both claim it by writing. */
export class GrantsTwice extends HandOffMutex {
  protected override claim(word: number, id: number): boolean {
    if ((word & GRANT) === 0) return super.claim(word, id);
    this.atomics.store(this.words, 0, WAITERS | id);
    return true;
  }

  protected override hand(): number {
    return this.notify(2);
  }
}

/** Its waiters claim without a look too, and its try-lock takes a lock that is on its way to one of them. */
export class BargesIntoGrant extends GrantsTwice {
  override tryLock(id: number): boolean {
    const word = this.load();
    return (this.free(word) || (word & GRANT) !== 0) && this.swap(word, (word & ~GRANT) | id);
  }
}

/** Its reaper frees the lock of a dead holder, but not the grant of a dead waiter that was just woken. */
export class BuriesHoldersOnly extends HandOffMutex {
  override bury(id: number): void {
    if ((this.load() & GRANT) === 0) super.bury(id);
  }
}

/** Lets anybody unlock. */
export class FreesForAnybody extends HandOffMutex {
  override unlock(): void {
    this.atomics.store(this.words, 0, 0);
    this.notify(Infinity);
  }
}

/** Counts permits in two steps. */
export class OverdrawnSemaphore extends Semaphore {
  protected override take(): boolean {
    this.atomics.sub(this.words, 0, 1);
    return true;
  }
}

/** A reader looks for a writer first and counts itself then. */
export class ReaderSlipsIn extends ReadWriteLock {
  protected override tryShared(): boolean {
    if (this.load() < 0) return false;
    this.atomics.add(this.words, 0, 1);
    return true;
  }
}

/** Reads the count of releases and parks, without another look at the lock in between. */
export class ParksWithoutLooking extends ReadWriteLock {
  protected override park(): void {
    this.wait(this.load(1), Infinity, 1);
  }
}
