/** The few signatures used here of the peers whose own types are missing or cannot be resolved. */
declare module 'async-lock' {
  export default class AsyncLock {
    constructor(options: { maxPending: number });
    acquire(key: string, section: () => void | Promise<void>, options?: { timeout: number }): Promise<void>;
  }
}

declare module 'async-mutex' {
  export class Mutex {
    acquire(): Promise<() => void>;
  }
  export class Semaphore {
    constructor(permits: number);
    acquire(weight?: number): Promise<[value: number, release: () => void]>;
  }
  export function withTimeout(mutex: Mutex, ms: number): Mutex;
}
