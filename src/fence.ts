/**
 * The resource's side of a lock that can be lost: it refuses whoever shows a token smaller than one it has seen. Only that
 * stops a holder who has stood still past his lease and goes on writing, because he cannot know in time.
 *
 * Invariants
 * - The largest token of a resource is kept before anybody acts under it; it never gets smaller.
 * - Those who act on one resource do so one after the other: nobody who was let in with a smaller token is still at it
 *   when a larger one acts.
 */
import { LockLostError } from './errors.js';
import { Mutex } from './mutex.js';
import { checkCallable, checkKeys, wrongType } from './options.js';

/**
 * Where the largest tokens are kept. In memory, they are forgotten when the program ends: then a late one is let in if it
 * comes before the next.
 *
 * @example
 * import { Fence } from 'tierlock';
 * import type { FenceOptions } from 'tierlock';
 *
 * const kept = new Map<string, bigint>();
 * const options: FenceOptions = {
 *   load: async (resource) => kept.get(resource),
 *   save: async (resource, token) => void kept.set(resource, token),
 * };
 * await new Fence(options).run('report', 7n, () => undefined);
 * console.log(kept.get('report')); // 7n
 */
export interface FenceOptions {
  /** The largest token that was saved. Asked once for each resource. */
  readonly load?: (resource: string) => Promise<bigint | undefined>;
  /** Keeps a larger one, before anybody acts under it. */
  readonly save?: (resource: string, token: bigint) => Promise<void>;
}

interface Resource {
  readonly mutex: Mutex;
  largest: bigint | undefined;
  loaded: boolean;
}

/**
 * Lets nobody act on a resource who shows an older token than the largest seen.
 *
 * @example
 * import { Fence } from 'tierlock';
 *
 * const fence = new Fence();
 * console.log(await fence.run('report', 8n, () => 'written')); // written
 * const late = await fence.run('report', 7n, () => 'written').catch((error: Error) => error.name);
 * console.log(late); // LockLostError
 */
export class Fence {
  readonly #options: FenceOptions;
  readonly #resources: Map<string, Resource> = new Map();

  constructor(options: FenceOptions = {}) {
    checkKeys(options, ['load', 'save']);
    for (const [name, value] of Object.entries(options)) if (value !== undefined) checkCallable(name, value);
    this.#options = options;
  }

  /** The largest token seen of a resource. */
  largest(resource: string): bigint | undefined {
    return this.#resources.get(resource)?.largest;
  }

  /** Runs `fn` if no larger token has been seen, when all who came before have ended. Else a `LockLostError`. */
  async run<T>(resource: string, token: bigint, fn: () => T | PromiseLike<T>): Promise<T> {
    if (typeof resource !== 'string') throw wrongType('resource', 'a string', resource);
    if (typeof token !== 'bigint') throw wrongType('token', 'a bigint', token);
    let known = this.#resources.get(resource);
    if (known === undefined) {
      known = { mutex: new Mutex(), largest: undefined, loaded: this.#options.load === undefined };
      this.#resources.set(resource, known);
    }
    const state = known;
    return state.mutex.run(async () => {
      await this.#admit(resource, state, token);
      return fn();
    });
  }

  async #admit(resource: string, state: Resource, token: bigint): Promise<void> {
    if (!state.loaded) {
      state.largest = await this.#options.load?.(resource);
      state.loaded = true;
    }
    const { largest } = state;
    if (largest !== undefined && token < largest) {
      const message =
        `'${resource}' refuses the token ${token}: it has seen ${largest}. Whoever shows it has lost the lock since, ` +
        'and must not go on';
      throw new LockLostError(message, { lock: resource });
    }
    if (largest === token) return;
    await this.#options.save?.(resource, token);
    state.largest = token;
  }
}
