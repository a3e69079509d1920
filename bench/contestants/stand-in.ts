/**
 * STAND-IN, to be deleted: the least that lets the harness run while the library's own Mutex and Semaphore are
 * being written. `tierlock.ts` then imports them from '../../src/index.js'. Its figures say nothing about tierlock.
 */
class Guard {
  #owner: Semaphore | null;
  readonly #weight: number;

  constructor(owner: Semaphore, weight: number) {
    this.#owner = owner;
    this.#weight = weight;
  }

  release(): boolean {
    const owner = this.#owner;
    if (owner === null) return false;
    this.#owner = null;
    owner.put(this.#weight);
    return true;
  }
}

/** A waiter in the list; one that gave up has `grant` null and is skipped. */
interface Waiter {
  readonly weight: number;
  grant: ((guard: Guard) => void) | null;
  next: Waiter | null;
}

export class Semaphore {
  #free: number;
  #head: Waiter | null = null;
  #tail: Waiter | null = null;

  constructor(permits: number) {
    this.#free = permits;
  }

  tryAcquire(n = 1): Guard | null {
    if (this.#free < n || this.#head !== null) return null;
    this.#free -= n;
    return new Guard(this, n);
  }

  acquire(n = 1, options?: { timeout?: number }): Promise<Guard> {
    const guard = this.tryAcquire(n);
    if (guard !== null) return Promise.resolve(guard);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { weight: n, grant: resolve, next: null };
      if (this.#tail === null) this.#head = waiter;
      else this.#tail.next = waiter;
      this.#tail = waiter;
      if (options?.timeout === undefined) return;
      setTimeout(() => {
        if (waiter.grant === null) return;
        waiter.grant = null;
        reject(new Error('timeout'));
      }, options.timeout);
    });
  }

  put(n: number): void {
    this.#free += n;
    for (let waiter = this.#head; waiter !== null; waiter = this.#head) {
      if (waiter.grant !== null) {
        if (waiter.weight > this.#free) return;
        this.#free -= waiter.weight;
        waiter.grant(new Guard(this, waiter.weight));
        waiter.grant = null;
      }
      this.#head = waiter.next;
      // A dead node that was promoted would keep all those after it alive until the next full collection.
      waiter.next = null;
      if (this.#head === null) this.#tail = null;
    }
  }
}

export class Mutex {
  readonly #one = new Semaphore(1);

  tryLock(): Guard | null {
    return this.#one.tryAcquire();
  }

  lock(options?: { timeout?: number }): Promise<Guard> {
    return this.#one.acquire(1, options);
  }
}
