/** What other threads and processes do with synchronized functions. */
import { setImmediate } from 'node:timers/promises';
import { synchronized } from '../../src/index.js';
import { spinUntil } from '../../src/testing/wait.js';

/** A count that loses some if two are at it. */
export interface Task {
  readonly name: string;
  readonly words: Int32Array;
  readonly rounds: number;
}

export async function count(_: number, { name, words, rounds }: Task): Promise<void> {
  class Counter {
    @synchronized(name)
    async add(): Promise<void> {
      const before = Atomics.load(words, 0);
      await setImmediate();
      Atomics.store(words, 0, before + 1);
    }
  }
  const counter = new Counter();
  for (let i = 0; i < rounds; i++) await counter.add();
}

export function countSync(_: number, { name, words, rounds }: Task): void {
  class Counter {
    @synchronized.sync(name)
    add(): void {
      const before = Atomics.load(words, 0);
      Atomics.wait(words, 2, 0, 1);
      Atomics.store(words, 0, before + 1);
    }
  }
  const counter = new Counter();
  for (let i = 0; i < rounds; i++) counter.add();
}

/** Is inside, and says so in the second word, until somebody takes that back. */
export function stay(_: number, { name, words }: Task): void {
  synchronized.sync(name)(() => {
    Atomics.store(words, 1, 1);
    spinUntil(() => Atomics.load(words, 1) === 0, { what: 'it may leave' });
  })();
}

/** For takers (taker.ts): holds as long as a synchronized function runs. */
export function take({
  lockPath,
  name,
}: {
  lockPath: string;
  name: string;
}): Promise<{ release(): boolean }> {
  return new Promise((resolve, reject) => {
    const hold = synchronized(name, { external: true, lockPath })(
      () => new Promise<void>((end) => resolve({ release: () => (end(), true) })),
    );
    hold().catch(reject);
  });
}
