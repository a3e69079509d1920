/** `synchronized` as a wrapper, its options and names, and `synchronized.sync`: among tasks, threads and processes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  lock,
  LockDeadlockError,
  LockMisuseError,
  LockTimeoutError,
  lockSync,
  synchronized,
  tryLock,
  withPrefix,
} from '../src/index.js';
import type { LockCallOptions } from '../src/index.js';
import { locks } from '../src/registry.js';
import { mustBlock, settled, turn } from '../src/testing/settled.js';
import type { Task } from './support/synchronized-programs.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/synchronized-programs.js', import.meta.url);
const lockPath = mkdtempSync(join(tmpdir(), 'tierlock-synchronized-'));
after(() => rmSync(lockPath, { recursive: true, force: true }));

// oxlint-disable-next-line typescript/no-explicit-any -- JavaScript callers
const untyped: any = synchronized;

const isFree = async (name: string): Promise<boolean> => {
  await using guard = await tryLock(name);
  return guard !== null;
};

function countMarks(name: string): number {
  let count = 0;
  for (let mark = locks.find(name)?.marks; mark !== undefined; mark = mark.older) count++;
  return count;
}

test('a plain function becomes one that returns a promise, with its this, arguments, name and length', async () => {
  function total(this: { factor: number }, a: number, b: number): number {
    return this.factor * (a + b);
  }
  const wrapped = synchronized('total')(total);
  assert.deepEqual([wrapped.name, wrapped.length], ['total', 2]);
  const promise = wrapped.call({ factor: 2 }, 1, 2);
  assert.ok(promise instanceof Promise);
  assert.equal(await promise, 6);
  assert.equal(await synchronized('rest')((...all: number[]) => all.length)(1, 2, 3), 3);
  assert.throws(() => Reflect.construct(wrapped, []), /not a constructor/);
});

test('what a function throws is a rejection, and what it returns may be any thenable', async () => {
  const error = new RangeError('mine');
  const fails = synchronized('fails')((): number => {
    throw error;
  });
  const promise = fails();
  await assert.rejects(promise, (caught) => caught === error);
  assert.ok(await isFree('fails'));
  const thenable = { then: (done: (value: number) => void): void => done(42) };
  assert.equal(await synchronized('thenable')(() => thenable)(), 42);
});

test('it is held until the promise has settled, and by one wrapper as by another', async () => {
  let end!: (value: string) => void;
  const slow = synchronized('slow')(() => new Promise<string>((resolve) => (end = resolve)));
  const quick = synchronized('slow')(() => 'quick');
  const first = slow();
  const { wait } = await mustBlock(quick());
  const { wait: bare } = await mustBlock(lock('slow'));
  end('slow');
  assert.deepEqual([await first, await wait], ['slow', 'quick']);
  assert.equal(await (await bare).release(), true);
});

test('a time-out, or an abort, rejects before the function has run', async () => {
  await using guard = await lock('taken');
  let ran = 0;
  const run = (): number => ++ran;
  await assert.rejects(synchronized('taken', { timeout: 0 })(run)(), LockTimeoutError);
  await assert.rejects(synchronized('taken', { timeout: 5 })(run)(), LockTimeoutError);
  const reason = new Error('enough');
  const controller = new AbortController();
  const wait = synchronized('taken', { signal: controller.signal })(run)();
  controller.abort(reason);
  await assert.rejects(wait, (caught) => caught === reason);
  await guard.release();
  await assert.rejects(synchronized('taken', { signal: controller.signal })(run)(), /enough/);
  assert.equal(ran, 0);
  assert.equal(await synchronized('taken', { timeout: 0 })(run)(), 1);
});

test('options are checked where it is put on, and are those of that moment', async () => {
  assert.throws(() => untyped('x', { timeuot: 1 }), /unknown option 'timeuot'/);
  assert.throws(() => untyped.sync('x', { shared: 1 }), /'shared' must be true or false/);
  assert.throws(() => untyped.sync('x', { distributed: true }), { code: 'ERR_LOCK_UNSUPPORTED' });
  const options: { timeout: number } = { timeout: 0 };
  const wrapped = synchronized('fixed', options)(() => 1);
  options.timeout = Infinity;
  await using guard = await lock('fixed');
  await assert.rejects(wrapped(), LockTimeoutError);
  assert.equal(guard.held, true);
});

test('every option of lock() counts: a prefix, a hold that lasts, and shared', async () => {
  const shared: LockCallOptions = { prefix: 'shop-', shared: true };
  const both: Promise<void>[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let inside = 0;
  const reader = synchronized(
    'orders',
    shared,
  )(() => {
    inside++;
    return ended;
  });
  both.push(reader(), reader());
  await turn();
  assert.equal(inside, 2);
  const { wait } = await mustBlock(lock('shop-orders'));
  end();
  await Promise.all(both);
  await (await wait).release();
  await synchronized('once', { minHold: 30 })(() => undefined)();
  assert.equal(await isFree('once'), false);
  await (await lock('once')).release();
});

test('withPrefix has it too', async () => {
  const shop = withPrefix('shop-');
  await using guard = await lock('shop-stock');
  const { wait } = await mustBlock(shop.synchronized('stock')(() => 1)());
  assert.throws(() => shop.synchronized.sync('stock')(() => 1)(), LockDeadlockError);
  await guard.release();
  assert.equal(await wait, 1);
  const deeper = shop.withPrefix('a-').synchronized;
  const refused = deeper.sync((id: string) => id)((id: string) => lockSync(`shop-a-${id}`));
  assert.throws(() => refused('b'), { name: 'LockDeadlockError', message: /'shop-a-b'/ });
});

test('a name must be one: told at once if it is a string, by each call if it is computed', async () => {
  assert.throws(() => untyped(''), /'name' must not be empty/);
  assert.throws(() => untyped(5), /'name' must be a string, got number/);
  assert.throws(() => untyped.sync(), /'name' must be a string, got undefined/);
  let ran = false;
  const work = (): void => void (ran = true);
  const wrapped = untyped((name: unknown) => name)(work);
  const sync = untyped.sync((name: unknown) => name)(work);
  for (const [bad, message] of [
    [undefined, /^'name' that is computed for 'work' must be a string, got undefined$/],
    [Promise.resolve('x'), /^'name' that is computed for 'work' must be a string, got object$/],
    ['', /^'name' that is computed for 'work' must not be empty$/],
  ] as const) {
    const promise = wrapped(bad);
    await assert.rejects(promise, { name: 'TypeError', message });
    assert.throws(() => sync(bad), { name: 'TypeError', message });
  }
  const error = new Error('no name');
  const nameless = synchronized((): string => {
    throw error;
  })(() => 1);
  await assert.rejects(nameless(), (caught) => caught === error);
  assert.equal(ran, false);
});

test('it wraps functions, and nothing else', () => {
  for (const bad of [undefined, null, 5, 'x', {}])
    assert.throws(() => untyped('x')(bad), { name: 'TypeError', message: /'fn' must be a function/ });
  assert.throws(() => [() => 1].map(untyped('x')), /wraps one function: call it with nothing else/);
  assert.throws(() => untyped('x')(Map), /not for this class, 'Map'/);
  assert.throws(() => untyped('x')(function* all() {}), /not for generators \('all'\)/);
  assert.throws(() => untyped.sync('x')(async function* all() {}), /synchronized.sync is not for generators/);
  // These look like a class to who reads only the beginning.
  const methods = { class: () => 1, classify: () => 2 };
  assert.equal(untyped.sync('x')(methods.class)(), 1);
  assert.equal(untyped.sync('x')(methods.classify)(), 2);
});

test('who calls himself waits for himself: told with the name, and let in if he asks', async () => {
  const fall: (n: number) => Promise<number> = synchronized('fall')(async (n: number) =>
    n === 0 ? 0 : fall(n - 1),
  );
  assert.equal(await fall(0), 0);
  await assert.rejects(fall(1), {
    name: 'LockDeadlockError',
    message: /waiting for the lock 'fall' would never end/,
  });
  const deep: (n: number) => Promise<number> = synchronized('deep', { reentrant: true })(async (n: number) =>
    n === 0 ? 0 : 1 + (await deep(n - 1)),
  );
  assert.equal(await deep(4), 4);
  const other = deep(1);
  assert.equal(await settled(other), true);
  assert.ok(await isFree('deep'));
});

test('a reader who is let in again is no reader more', async () => {
  const options: LockCallOptions = { shared: true, reentrant: true };
  const tokens = await lock('again', options, async (outer) =>
    lock('again', options, (inner) => [outer.token, inner.token]),
  );
  assert.equal(tokens[0], tokens[1]);
});

test('two that call each other across are told of the circle', async () => {
  let both = 0;
  let meet!: () => void;
  const met = new Promise<void>((resolve) => (meet = resolve));
  const through = (mine: string, other: string): (() => Promise<unknown>) =>
    synchronized(mine)(async () => {
      if (++both === 2) meet();
      await met;
      return synchronized(other)(() => other)();
    });
  const results = await Promise.allSettled([through('left', 'right')(), through('right', 'left')()]);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  assert.equal(errors.length, 1);
  assert.ok(errors[0] instanceof LockDeadlockError);
  assert.match(errors[0].message, /would close a circle of waits: '(left|right)'/);
});

for (const order of ['123', '132', '213', '231', '312', '321']) {
  test(`of readers inside together, who stays is known, when the others go in the order ${order}`, async () => {
    const ends: (() => void)[] = [];
    const read = synchronized('many', { shared: true })(async () => {
      await new Promise<void>((end) => ends.push(end));
      return 'read';
    });
    const stays = synchronized('many', { shared: true })(async () => {
      await new Promise<void>((end) => ends.push(end));
      return lock('many');
    });
    for (const place of [0, 1, 2, 3]) {
      ends.length = 0;
      const readers: Promise<unknown>[] = [];
      for (let i = 0; i < 4; i++) readers.push(i === place ? stays() : read());
      await turn();
      const others = [0, 1, 2, 3].filter((i) => i !== place);
      let inside = 4;
      for (const digit of order) {
        const i = others[Number(digit) - 1] ?? assert.fail();
        ends[i]?.();
        assert.equal(await readers[i], 'read');
        inside--;
        assert.equal(countMarks('many'), inside);
      }
      ends[place]?.();
      await assert.rejects(readers[place] ?? assert.fail(), { name: 'LockDeadlockError', message: /'many'/ });
      assert.equal(countMarks('many'), 0);
      assert.ok(await isFree('many'));
    }
  });
}

test('sync: this, arguments, result, error, name and length', () => {
  function total(this: { factor: number }, a: number, b: number): number {
    if (b < 0) throw new RangeError('mine');
    return this.factor * (a + b);
  }
  const wrapped = synchronized.sync('sync total')(total);
  assert.deepEqual([wrapped.name, wrapped.length, wrapped.call({ factor: 2 }, 1, 2)], ['total', 2, 6]);
  assert.throws(() => wrapped.call({ factor: 2 }, 1, -1), /RangeError: mine/);
  lockSync('sync total', { timeout: 0 }).release();
});

test('sync: held while it runs; who calls himself is told, or let in', () => {
  const inside = synchronized.sync('inside')(() => lockSync('inside'));
  assert.throws(inside, { name: 'LockDeadlockError', message: /'inside'/ });
  const fall: (n: number) => number = synchronized.sync('fall', { reentrant: true })((n: number) =>
    n === 0 ? 0 : 1 + fall(n - 1),
  );
  assert.equal(fall(3), 3);
  lockSync('inside', { timeout: 0 }).release();
});

test('sync: refuses functions that are async, and tells of promises that it did not wait for', async () => {
  assert.throws(() => untyped.sync('x')(async function store() {}), {
    name: 'TypeError',
    message: "synchronized.sync is not for async functions ('store'): use synchronized",
  });
  function save(): Promise<void> {
    return Promise.reject(new Error('nobody must stumble over this one'));
  }
  const wrapped = untyped.sync('saved')(save);
  assert.throws(wrapped, (error) => {
    assert.ok(error instanceof LockMisuseError);
    assert.equal(error.lock, 'saved');
    assert.match(
      error.message,
      /'save' has returned a promise.* the lock 'saved' was released before.* Use synchronized$/,
    );
    return true;
  });
  assert.ok(await isFree('saved'));
  let asked = 0;
  const lazy = { then: (): void => void asked++ };
  assert.throws(() => untyped.sync('saved')(() => lazy)(), LockMisuseError);
  assert.equal(asked, 0, 'a thenable that begins when it is asked has not begun');
});

for (const [name, rounds] of [
  ['count', 100],
  ['countSync', 50],
] as const) {
  test(`threads: ${name} loses nothing`, async () => {
    const data: Task = { name, words: new Int32Array(new SharedArrayBuffer(12)), rounds };
    await using team = runWorkers({ count: 3, module, name, data });
    await team.results;
    assert.equal(data.words[0], 3 * rounds);
  });
}

test('threads: the same name elsewhere keeps out methods and functions here', async () => {
  const data: Task = { name: 'stay', words: new Int32Array(new SharedArrayBuffer(12)), rounds: 0 };
  await using team = runWorkers({ count: 1, module, name: 'stay', data });
  await waitUntil(() => Atomics.load(data.words, 1) === 1, { what: 'the worker is inside' });
  let ran = 0;
  const run = (): number => ++ran;
  await assert.rejects(synchronized('stay', { timeout: 20 })(run)(), LockTimeoutError);
  assert.throws(() => synchronized.sync('stay', { timeout: 20 })(run)(), LockTimeoutError);
  assert.equal(ran, 0);
  const wait = synchronized('stay')(run)();
  Atomics.store(data.words, 1, 0);
  assert.equal(await wait, 1);
  await team.results;
  assert.equal(synchronized.sync('stay')(run)(), 2);
});

test('processes: external keeps out other processes, and a killed one lets go', async () => {
  await using one = await spawnTaker(module);
  await using two = await spawnTaker(module);
  const request = { lockPath, name: 'far' };
  const first = one.take(request);
  await first.acquired;
  const second = two.take(request);
  await second.mustBlock();
  await assert.rejects(
    synchronized('far', { external: true, lockPath, timeout: 20 })(() => 1)(),
    LockTimeoutError,
  );
  assert.throws(
    () => synchronized.sync('far', { external: true, lockPath, timeout: 20 })(() => 1)(),
    LockTimeoutError,
  );
  await first.release();
  await second.acquired;
  await two.kill();
  assert.equal(await synchronized('far', { external: true, lockPath })(() => 1)(), 1);
  assert.equal(synchronized.sync('far', { external: true, lockPath })(() => 2)(), 2);
});
