/** navigator.locks, which Node has since 24: the critical section is a callback. */
import { type Contestants, enter } from './contestant.js';

/** The part of it that is used here: the types of Node 20 do not know it. */
interface WebLocks {
  request(name: string, section: () => void | Promise<void>): Promise<void>;
}

/** Asynchronous, although it need not be: with a plain one, Node 24 runs out of stack at a few hundred waiters. */
async function section(): Promise<void> {
  enter();
}

const { locks }: { locks: WebLocks } = Reflect.get(globalThis, 'navigator');

export const contestants: Contestants = {
  'navigator.locks': {
    async loop(n) {
      for (let i = 0; i < n; i++) await locks.request('bench', enter);
    },
    hold: () =>
      new Promise((held) => {
        void locks.request('bench', () => new Promise<void>((release) => held(release)));
      }),
    task: () => locks.request('bench', section),
  },
};
