/** Those who hold names and look at them, in other processes (for takers: taker.ts) and in worker threads of this one. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connect, inspect, lock, semaphore } from '../../src/index.js';
import type { Guard, Inspection } from '../../src/index.js';
import { threadId } from '../../src/words/thread.js';

export interface Taking {
  readonly name: string;
  readonly shared: boolean;
  readonly external: boolean;
  readonly distributed: boolean;
  /** Of a semaphore of so many; else a lock. */
  readonly permits?: number;
  readonly units?: number;
}

export interface Places {
  readonly lockPath: string;
  readonly url: string;
}

let places: Places;
export function settle(where: Places): void {
  places = where;
}

export function take({ name, shared, external, distributed, permits, units }: Taking): Promise<Guard> {
  const store = { ...(distributed && { distributed: connect(places.url) }) };
  if (permits !== undefined) return semaphore(name, permits, store).acquire(units);
  return lock(name, { shared, external, lockPath: places.lockPath, ...store });
}

export const self = (): readonly [pid: number, thread: number] => [process.pid, threadId];

/** All that is known under that prefix. */
export function view(prefix: string): Promise<Inspection[]> {
  const { lockPath, url } = places;
  return inspect(undefined, { external: true, lockPath, distributed: connect(url), prefix });
}

/** One who can be told to do these things. */
export interface Viewer extends AsyncDisposable {
  self(): Promise<readonly [pid: number, thread: number]>;
  take(taking: Taking): Promise<{ readonly token: bigint; release(): Promise<unknown> }>;
  view(prefix: string): Promise<Inspection[]>;
}

/** A worker thread of this process. */
export async function viewerThread(where: Places): Promise<Viewer> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { viewer: where } });
  const answers = new Map<number, (answer: unknown) => void>();
  let count = 0;
  worker.on('message', ({ id, answer }: { id: number; answer: unknown }) => answers.get(id)?.(answer));
  const ask = (name: string, argument?: unknown): Promise<unknown> => {
    const id = count++;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage({ id, name, argument });
    return new Promise((resolve) => answers.set(id, resolve));
  };
  return {
    self: () => ask('self') as ReturnType<Viewer['self']>,
    view: (prefix) => ask('view', prefix) as Promise<Inspection[]>,
    async take(taking) {
      const token = (await ask('take', taking)) as bigint;
      return { token, release: () => ask('release', taking.name) };
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}

if (!isMainThread && workerData?.viewer !== undefined) {
  settle(workerData.viewer);
  const held = new Map<string, Guard>();
  const obey: Record<string, (argument: never) => unknown> = {
    self,
    view,
    async take(taking: Taking) {
      const guard = await take(taking);
      held.set(taking.name, guard);
      return guard.token;
    },
    release: (name: string) => held.get(name)?.release(),
  };
  const answer = async (id: number, name: string, argument: never): Promise<void> => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
    parentPort?.postMessage({ id, answer: await obey[name]?.(argument) });
  };
  parentPort?.on('message', ({ id, name, argument }: { id: number; name: string; argument: never }) => {
    void answer(id, name, argument);
  });
}
