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

declare module 'fs-ext' {
  export const constants: { readonly LOCK_EX: number; readonly LOCK_UN: number };
  export function flock(fd: number, flags: number, done: (error: Error | null | undefined) => void): void;
  export function flockSync(fd: number, flags: number): number;
}

declare module 'fs-native-extensions' {
  export function waitForLock(fd: number): Promise<void>;
  export function waitForLockSync(fd: number): void;
  export function unlock(fd: number): void;
}

declare module 'proper-lockfile' {
  interface Options {
    readonly realpath: boolean;
    readonly retries?: Readonly<Record<string, number | boolean>>;
    readonly stale?: number;
    readonly onCompromised?: (error: Error) => void;
  }
  export function lock(path: string, options: Options): Promise<() => Promise<void>>;
  export function lockSync(path: string, options: Options): () => void;
}

declare module 'redlock' {
  import type { Redis } from 'ioredis';
  interface Settings {
    readonly retryCount: number;
  }
  export default class Redlock {
    constructor(clients: Iterable<Redis>, settings?: Settings);
    acquire(resources: string[], ms: number): Promise<{ release(): Promise<unknown> }>;
    using<T>(
      resources: string[],
      ms: number,
      settings: Settings,
      routine: (signal: AbortSignal) => Promise<T>,
    ): Promise<T>;
  }
}
