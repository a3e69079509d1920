/** This thread as a member of a block: it has a life slot there, which says DEAD when the thread has ended. */
import { tryAddon } from '../addon.js';
import type { Words } from '../addon.js';
import { LockUnsupportedError } from '../errors.js';
import { DEAD, join, leave, slotOf } from './life.js';
import type { Memory } from './memory.js';
import type { Place } from './seat.js';
import { threadId } from './thread.js';

export class Member {
  readonly memory: Memory;
  readonly name: number;
  readonly slot: number;
  readonly #ticket: number | undefined;

  constructor(memory: Memory) {
    const name = join(memory, threadId);
    if (name === undefined) {
      throw new LockUnsupportedError(
        `${memory.layout.threads} threads share this memory already, and there is no room for more`,
        { lock: 'shared memory' },
      );
    }
    this.memory = memory;
    this.name = name;
    this.slot = slotOf(name);
    this.#ticket = tryAddon()?.onThreadEnd(memory.words as Words, memory.life + 2 * this.slot, DEAD);
  }

  place(lock: number): Place {
    return { memory: this.memory, lock, name: this.name, slot: this.slot };
  }

  /** Before that, let go of everything in the block. */
  leave(): void {
    // In this order: a promise that outlives the membership would be kept in a slot that is somebody else's.
    if (this.#ticket !== undefined) tryAddon()?.forgetThreadEnd(this.#ticket);
    leave(this.memory, this.name);
  }
}
