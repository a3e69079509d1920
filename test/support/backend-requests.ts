/** Requests to a store, made by hand, for tests of a driver alone. */
import { randomUUID } from 'node:crypto';
import type { Backend, BackendRequest, Grant } from '../../src/backend.js';

export interface TestRequest extends BackendRequest {
  readonly aborts: AbortController;
}

export function requestOf(key: string, init: Partial<BackendRequest> = {}): TestRequest {
  const aborts = new AbortController();
  return {
    key,
    id: randomUUID(),
    shared: false,
    units: 1,
    permits: 1,
    ttl: 30_000,
    waits: false,
    fifo: false,
    owner: undefined,
    signal: aborts.signal,
    ...init,
    aborts,
  };
}

/** Waits as the core does, without its timeouts and retries. */
export async function acquire(store: Backend, request: BackendRequest): Promise<Grant> {
  const first = await store.tryAcquire(request);
  if (first !== null) return first;
  const watch = await store.watch?.(request);
  if (watch === undefined) throw new Error('nothing tells when to try again');
  try {
    for (;;) {
      const grant = await store.tryAcquire(request);
      if (grant !== null) return grant;
      await watch.changed();
    }
  } finally {
    watch.close();
  }
}
