/** A store in memory that is far away: on the way there and back things happen as on the way to a server. */
import { setImmediate } from 'node:timers/promises';
import type { Backend } from '../../src/backend.js';
import { memory } from '../../src/backends/memory.js';
import type { Faults } from '../../src/conformance.js';

const broken = (code: string): Error => Object.assign(new Error(code), { code });

/** The way. */
export class Wire {
  #state: 'up' | 'silent' | 'refusing' = 'up';
  #losesReply = false;
  #changed!: () => void;
  /** Resolves when something happens to it. */
  #change: Promise<void> = Promise.resolve();
  #cut!: () => void;
  /** Resolves when all that is on its way is lost. */
  cut: Promise<void> = Promise.resolve();
  readonly #restart: () => Promise<void>;

  /** `restart` is what it does to the store. */
  constructor(restart: () => Promise<void>) {
    this.#restart = restart;
    this.#set('up');
    this.breakAll();
  }

  #set(state: 'up' | 'silent' | 'refusing'): void {
    this.#state = state;
    this.#changed?.();
    this.#change = new Promise((resolve) => (this.#changed = resolve));
  }

  breakAll(): void {
    this.#cut?.();
    this.cut = new Promise((resolve) => (this.#cut = resolve));
  }

  /** One way. */
  async #pass(): Promise<void> {
    await setImmediate();
    while (this.#state === 'silent') await this.#change;
    if (this.#state === 'refusing') throw broken('ECONNREFUSED');
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    const cut = this.cut.then(() => {
      throw broken('ECONNRESET');
    });
    const there = this.#pass().then(async () => {
      const answer = await work();
      if (this.#losesReply) {
        this.#losesReply = false;
        throw broken('ECONNRESET');
      }
      await this.#pass();
      return answer;
    });
    return Promise.race([there, cut]);
  }

  readonly faults: Required<Faults> = {
    silence: async () => this.#set('silent'),
    refuse: async () => {
      this.#set('refusing');
      this.breakAll();
    },
    heal: async () => this.#set('up'),
    cut: async () => this.breakAll(),
    loseReply: async () => void (this.#losesReply = true),
    restart: async () => {
      await this.#restart();
      this.breakAll();
    },
  };
}

/** Memory at the other end of it. Its tokens survive what `faults.restart` does, and its records do not. */
export function farMemory(name: string, wire: Wire): Required<Omit<Backend, 'acquire'>> {
  const store = memory(name) as Required<Omit<Backend, 'acquire'>>;
  let closed = false;
  // Nothing goes over the wire that it can answer itself.
  const call = <T>(work: () => Promise<T>): Promise<T> => (closed ? work() : wire.call(work));
  return {
    name: 'far memory',
    supports: { ...store.supports, token: 'durable' },
    tryAcquire: async (request) => {
      const grant = await call(() => store.tryAcquire(request));
      if (grant === null) return null;
      const { token } = grant;
      return {
        token,
        renew: (ttl) => call(async () => grant.renew?.(ttl)),
        release: () => call(() => grant.release()),
      };
    },
    watch: async (request) => {
      const watch = await call(() => store.watch(request));
      let cut = wire.cut;
      return {
        changed: async () => {
          // What has happened behind a broken connection nobody can tell.
          await Promise.race([watch.changed(), cut]);
          cut = wire.cut;
        },
        close: () => watch.close(),
      };
    },
    forget: (request) => call(() => store.forget(request)),
    inspect: (key) => call(() => store.inspect(key)),
    break: (key) => call(() => store.break(key)),
    list: (prefix) => call(() => store.list(prefix)),
    close: () => {
      closed = true;
      return store.close();
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}
