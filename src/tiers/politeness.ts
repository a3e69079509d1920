/**
 * How those come in who wait for a file elsewhere, after it has gone round in this thread for as long as it may. The
 * kernel wakes them when the file is given back, but does not keep it for them: whoever is next here would be faster,
 * every time. So he tries once, in vain if others wait, and then waits until one of them has got it, or does not come.
 */
import { setImmediate } from 'node:timers/promises';
import type { FileQueue } from '../files/file-queue.js';
import type { RWGuard } from '../rw-guard.js';

/** How long those who have been woken may take to come, in ms. */
const PATIENCE_MS = 20;

export class Politeness {
  readonly #queue: FileQueue;
  /** Of flock nobody knows whether others wait. */
  readonly #knows: boolean;
  #asked = false;
  #refused = false;

  constructor(queue: FileQueue, kind: 'ofd' | 'flock') {
    this.#queue = queue;
    this.#knows = kind === 'ofd';
  }

  /** From now on whoever is next lets others in first. */
  ask(): void {
    this.#asked = true;
  }

  /** Takes the file; of one who was asked it is in vain if others wait. */
  tryTake(units: number): RWGuard | null {
    const queue = this.#queue;
    if (!this.#asked) return queue.tryAcquire(units);
    this.#asked = false;
    queue.outer?.stepAside();
    // The only try: `tryAcquire` might look twice.
    if (queue.length === 0 && queue.takePastLine(units)) return queue.newGuard(units);
    this.#refused = true;
    return null;
  }

  /** To be called by whoever goes on to wait. */
  letIn(): Promise<void> | undefined {
    if (!this.#refused) return undefined;
    this.#refused = false;
    return this.#outlast();
  }

  async #outlast(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    do await setImmediate();
    while (this.#knows && this.#queue.outer?.holder() === 0 && performance.now() < end);
  }
}
