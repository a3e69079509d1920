/**
 * What the language itself costs. No lock that is awaited can be cheaper than the first two; the third is what
 * people write when they have no library.
 */
import { type Contestants, tally } from './contestant.js';

/** The promise chain everybody has written once: no timeout, no cancelling, no ownership. */
class PromiseMutex {
  #last: Promise<void> = Promise.resolve();

  lock(): Promise<() => void> {
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const granted = this.#last.then(() => release);
    this.#last = released;
    return granted;
  }
}

const shared = Promise.resolve();
const mutex = new PromiseMutex();

/** The waiters of `floor: new Promise`, in an array with a moving head; `hold` starts it afresh. */
let resolvers: (() => void)[] = [];
let head = 0;

export const contestants: Contestants = {
  'floor: await': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        await shared;
        tally.entered++;
      }
    },
  },

  'floor: new Promise': {
    hold() {
      resolvers = [];
      head = 0;
      return Promise.resolve(() => resolvers[head++]?.());
    },
    async task() {
      await new Promise<void>((resolve) => {
        resolvers.push(resolve);
      });
      tally.entered++;
      resolvers[head++]?.();
    },
  },

  'floor: promise mutex': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const release = await mutex.lock();
        tally.entered++;
        release();
      }
    },
    hold: () => mutex.lock(),
    async task() {
      const release = await mutex.lock();
      tally.entered++;
      release();
    },
  },
};
