/** Requests to a store, made by hand, for tests of a driver alone. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, BackendRequest, Grant, Watch } from '../../src/backend.js';
import { LockError } from '../../src/errors.js';

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

/** Waits as the core does, for as long as it takes. */
export async function acquire(store: Backend, request: BackendRequest): Promise<Grant> {
  let watch: Watch | undefined;
  try {
    for (;;) {
      try {
        const grant = await store.tryAcquire(request);
        if (grant !== null) return grant;
        // It may have changed before the watch stood.
        if (watch === undefined) watch = await store.watch?.(request);
        else await watch.changed();
      } catch (error) {
        if (error instanceof LockError) throw error;
        await sleep(20);
      }
    }
  } finally {
    watch?.close();
  }
}

/** Waits as the core does: he has asked again since the watch stood. */
export async function stand(store: Backend, request: BackendRequest): Promise<Watch> {
  assert.equal(await store.tryAcquire(request), null);
  const watch = await store.watch?.(request);
  assert.ok(watch);
  assert.equal(await store.tryAcquire(request), null);
  return watch;
}

/** One who holds the key, and six who wait for it, in their order. */
export async function lineFor(store: Backend, key: string): Promise<{ held: Grant; line: TestRequest[] }> {
  const held = await store.tryAcquire(requestOf(key));
  assert.ok(held);
  const line = Array.from({ length: 6 }, () => requestOf(key, { waits: true }));
  for (const request of line) assert.equal(await store.tryAcquire(request), null);
  return { held, line };
}

/** Of that line, he who is the fourth before one who comes behind it. */
export const SCOUT = 2;

/** Some tasks of each store take the key again and again: one at a time, and each token is larger. Closes the stores. */
export async function fight(
  stores: readonly Backend[],
  key: string,
  { tasks, rounds }: { readonly tasks: number; readonly rounds: number },
): Promise<void> {
  let inside = 0;
  let last = 0n;
  const work = async (store: Backend): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      const grant = await acquire(store, requestOf(key, { waits: true }));
      assert.equal(++inside, 1);
      assert.ok(grant.token > last);
      last = grant.token;
      await new Promise(setImmediate);
      inside--;
      assert.equal(await grant.release(), true);
    }
  };
  await Promise.all(stores.flatMap((store) => Array.from({ length: tasks }, () => work(store))));
  await Promise.all(stores.map((store) => store.close()));
}
