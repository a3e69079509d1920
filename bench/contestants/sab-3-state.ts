/**
 * The mutex of three states from Drepper's "Futexes Are Tricky": 0 is free, 1 taken, 2 taken and somebody may wait.
 * Only a release of the last wakes. It knows no owner, no time-out and no order, and survives no dead holder.
 */
import { tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

/** The word's index: away from both ends, so that its cache line is nobody else's. */
const at = 16;

function make(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(256));
}

function unlock(words: Int32Array): void {
  if (Atomics.exchange(words, at, 0) === 2) Atomics.notify(words, at, 1);
}

function openSync(words: Int32Array): Access {
  const lock = (): void => {
    if (Atomics.compareExchange(words, at, 0, 1) === 0) return;
    while (Atomics.exchange(words, at, 2) !== 0) Atomics.wait(words, at, 2);
  };
  return {
    loop(n) {
      for (let i = 0; i < n; i++) {
        lock();
        tally.entered++;
        unlock(words);
      }
    },
    turns(n, section) {
      for (let i = 0; i < n; i++) {
        lock();
        section();
        unlock(words);
      }
    },
    hold() {
      lock();
      return () => unlock(words);
    },
  };
}

/** The types of this language level do not know it. */
const atomics: unknown = Atomics;
interface WaitAsync {
  waitAsync(words: Int32Array, index: number, value: number): { async: boolean; value: unknown };
}

function openAsync(words: Int32Array): Access {
  const lock = async (): Promise<void> => {
    if (Atomics.compareExchange(words, at, 0, 1) === 0) return;
    while (Atomics.exchange(words, at, 2) !== 0) {
      const wait = (atomics as WaitAsync).waitAsync(words, at, 2);
      if (!wait.async) continue;
      // The wait itself keeps no thread alive.
      const alive = setInterval(() => {}, 0x7fff_ffff);
      await wait.value;
      clearInterval(alive);
    }
  };
  return {
    async turns(n, section) {
      for (let i = 0; i < n; i++) {
        await lock();
        section();
        unlock(words);
      }
    },
    async hold() {
      await lock();
      return () => unlock(words);
    },
  };
}

export const contestants: SharedModule['contestants'] = {
  'SAB 3-state': { make, open: openSync },
  'SAB 3-state: waitAsync': { make, open: openAsync },
};
