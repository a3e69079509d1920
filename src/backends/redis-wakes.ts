/**
 * Who waits, and how Redis tells him to try again: by a message with his id on the one channel of this backend, which is
 * subscribed when somebody waits for the first time. A message may get lost, with its connection or with who was told
 * before. So all try again when the connection is made anew, when something is due to lapse, and in any case now and
 * then: no free lock stays unused for a second.
 *
 * The subscribed connection keeps the process alive while somebody waits, and is made again only then.
 */
import { randomUUID } from 'node:crypto';
import type { Watch } from '../backend.js';
import { LockError } from '../errors.js';
import { nobody } from '../nobody.js';
import type { RedisCommands, Subscription } from './redis-commands.js';
import { judge } from './redis-errors.js';

/** In ms: when to try although nothing was heard. */
const anyway = (): number => 400 + 500 * Math.random();
const LONGEST_PAUSE = 1000;

export class Wakes {
  readonly channel: string;
  readonly #commands: RedisCommands;
  /** By the ids of their requests. */
  readonly #watches: Map<string, Set<RedisWatch>> = new Map();
  #subscription: Subscription | undefined = undefined;
  /** The attempt to subscribe. Settles in any case: what cannot be heard is polled. */
  #attempt: Promise<void> | undefined = undefined;
  #pause: NodeJS.Timeout | undefined = undefined;
  #failures = 0;
  #closed = false;

  constructor(commands: RedisCommands, prefix: string) {
    this.#commands = commands;
    this.channel = `${prefix}wake:${randomUUID()}`;
  }

  /** Resolves once subscribed, or when that was tried in vain. Rejects if it makes no sense to try again. */
  async watch(id: string): Promise<Watch> {
    const watch = new RedisWatch(() => this.#drop(id, watch));
    const known = this.#watches.get(id);
    if (known) known.add(watch);
    else this.#watches.set(id, new Set([watch]));
    this.#subscription?.ref(true);
    try {
      if (!this.#subscription && !this.#pause) await this.#subscribe();
    } catch (error) {
      watch.close();
      throw error;
    }
    return watch;
  }

  /** It was refused, and something lapses after so many ms. */
  due(id: string, ms: number): void {
    const at = performance.now() + ms + 2;
    for (const watch of this.#watches.get(id) ?? []) watch.due = at;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#subscription?.close();
    // Whoever waits learns at his next try that the store was closed.
    this.#tellAll();
    for (const watches of this.#watches.values()) for (const watch of watches) watch.close();
  }

  #drop(id: string, watch: RedisWatch): void {
    const watches = this.#watches.get(id);
    if (!watches?.delete(watch) || watches.size > 0) return;
    this.#watches.delete(id);
    if (this.#watches.size > 0) return;
    this.#subscription?.ref(false);
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  // Not in the context of who happens to wait first.
  #subscribe(): Promise<void> {
    return (this.#attempt ??= nobody.runInAsyncScope(() => this.#trySubscribe()));
  }

  async #trySubscribe(): Promise<void> {
    let lost = false;
    const onLost = (): void => {
      if (lost) return;
      lost = true;
      if (this.#subscription === undefined) return;
      this.#subscription.close();
      this.#subscription = undefined;
      // What was said since is lost.
      this.#tellAll();
      this.#later();
    };
    try {
      const subscription = await this.#commands.subscribe(this.channel, (id) => this.#heard(id), onLost);
      if (this.#closed || lost) {
        subscription.close();
        this.#later();
        return;
      }
      this.#failures = 0;
      this.#subscription = subscription;
      subscription.ref(this.#watches.size > 0);
      this.#tellAll();
    } catch (error) {
      const judged = judge(error, this.channel);
      if (judged instanceof LockError) throw judged;
      this.#later();
    } finally {
      this.#attempt = undefined;
    }
  }

  #later(): void {
    if (this.#closed || this.#watches.size === 0 || this.#pause) return;
    const ms = Math.min(LONGEST_PAUSE, 20 * 2 ** Math.min(this.#failures++, 10)) * (0.5 + Math.random() / 2);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      // Who waits polls; whoever comes to wait is told.
      this.#subscribe().catch(() => undefined);
    }, ms);
  }

  #heard(id: string): void {
    for (const watch of this.#watches.get(id) ?? []) watch.tell();
  }

  #tellAll(): void {
    for (const watches of this.#watches.values()) for (const watch of watches) watch.tell();
  }
}

class RedisWatch implements Watch {
  /** By performance.now(). */
  due = 0;
  readonly #closed: () => void;
  #told = false;
  #wake: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(closed: () => void) {
    this.#closed = closed;
  }

  tell(): void {
    this.#told = true;
    this.#wake?.();
  }

  async changed(): Promise<void> {
    if (!this.#told) {
      const due = this.due - performance.now();
      const ms = Math.min(anyway(), due > 0 ? due : Infinity);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, ms);
      });
      clearTimeout(this.#timer);
    }
    this.#told = false;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed();
  }
}
