/**
 * Random storms against a model that is too simple to be wrong: an array of requests, served from the front. After
 * every step the queue and the model must agree on who holds, who waits and what is free.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RWLock, Semaphore } from '../src/index.js';
import type { SyncGuard } from '../src/index.js';
import { random } from '../src/testing/random.js';
import { turn } from '../src/testing/settled.js';

const storms = process.env['TIERLOCK_TEST'] === 'full' ? 2000 : 60;

interface Request {
  readonly units: number;
  readonly controller: AbortController;
  state: 'waits' | 'holds' | 'ended';
  guard?: SyncGuard;
}

class Model {
  free: number;
  line: Request[] = [];

  constructor(capacity: number) {
    this.free = capacity;
  }

  serve(): void {
    for (let first = this.line[0]; first !== undefined && first.units <= this.free; first = this.line[0]) {
      this.line.shift();
      this.free -= first.units;
      first.state = 'holds';
    }
  }
}

interface Subject {
  acquire(units: number, options: { signal: AbortSignal; timeout?: number }): Promise<SyncGuard>;
  tryAcquire(units: number): SyncGuard | null;
  free(): number;
  weights(next: (n: number) => number): number;
  readonly capacity: number;
}

function semaphore(capacity: number): Subject {
  const lock = new Semaphore(capacity);
  return {
    capacity,
    acquire: (units, options) => lock.acquire(units, options),
    tryAcquire: (units) => lock.tryAcquire(units),
    free: () => lock.available,
    weights: (next) => 1 + next(capacity),
  };
}

// A writer takes all units, a reader one; the model needs no more than a number that readers never reach.
function readersAndWriter(): Subject {
  const lock = new RWLock();
  const all = 1000;
  return {
    capacity: all,
    acquire: (units, options) => (units === 1 ? lock.read(options) : lock.write(options)),
    tryAcquire: (units) => (units === 1 ? lock.tryRead() : lock.tryWrite()),
    free: () => (lock.writer ? 0 : all - lock.readers),
    weights: (next) => (next(3) === 0 ? all : 1),
  };
}

async function storm(seed: number, subject: Subject): Promise<void> {
  const next = random(seed);
  const model = new Model(subject.capacity);
  const requests: Request[] = [];
  const pick = (state: Request['state']): Request | undefined => {
    const those = requests.filter((request) => request.state === state);
    return those[next(Math.max(1, those.length))];
  };
  const ask = (): void => {
    const request: Request = {
      units: subject.weights(next),
      controller: new AbortController(),
      state: 'waits',
    };
    requests.push(request);
    model.line.push(request);
    model.serve();
    const timeout = next(4) === 0 ? { timeout: 1_000_000 } : {};
    void subject.acquire(request.units, { signal: request.controller.signal, ...timeout }).then(
      (guard) => (request.guard = guard),
      (reason: unknown) => assert.equal(reason, 'storm'),
    );
  };
  const release = (request: Request | undefined): void => {
    if (request?.guard === undefined) return;
    request.state = 'ended';
    model.free += request.units;
    model.serve();
    assert.equal(request.guard.release(), true);
  };
  const abort = (request: Request | undefined): void => {
    if (request === undefined) return;
    request.state = 'ended';
    model.line = model.line.filter((other) => other !== request);
    request.controller.abort('storm');
    model.serve();
  };
  for (let step = 0; step < 200; step++) {
    const batch = 1 + next(3);
    for (let i = 0; i < batch; i++) {
      const what = next(10);
      if (what < 4) ask();
      else if (what < 7) release(pick('holds'));
      else if (what < 9) abort(pick('waits'));
      else {
        const units = subject.weights(next);
        const possible = model.line.length === 0 && model.free >= units;
        const guard = subject.tryAcquire(units);
        assert.equal(guard !== null, possible, 'a try agrees with the model');
        guard?.release();
      }
    }
    assert.equal(subject.free(), model.free, 'units change hands at once, not when somebody wakes');
    await turn();
    for (const request of requests) {
      assert.equal(request.guard !== undefined && request.state !== 'ended', request.state === 'holds');
      if (request.state === 'holds') assert.equal(request.guard?.held, true);
    }
  }
  for (const request of requests) abort(request.state === 'waits' ? request : undefined);
  await turn();
  for (const request of requests) release(request.state === 'holds' ? request : undefined);
  assert.equal(subject.free(), subject.capacity);
}

for (const [name, make] of [
  ['a mutex', () => semaphore(1)],
  ['a semaphore of 5', () => semaphore(5)],
  ['readers and a writer', readersAndWriter],
] as const) {
  test(`${storms} storms on ${name} agree with the model`, async () => {
    for (let seed = 1; seed <= storms; seed++) {
      await storm(seed, make()).catch((error: unknown) => {
        throw new Error(`storm with seed ${seed}: ${String(error)}`, { cause: error });
      });
    }
  });
}
