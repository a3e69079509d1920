/** What a program may get wrong: each row is told what was wrong, at once, and nothing is left locked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Condition, LockLostError, LockMisuseError, Mutex, RWLock, Semaphore } from '../src/index.js';
import type { WaitOptions } from '../src/index.js';
import { control } from '../src/guard.js';

const badOptions: [what: string, options: unknown, error: typeof Error, message: RegExp][] = [
  ['negative timeout', { timeout: -1 }, RangeError, /'timeout' must not be negative/],
  ['NaN timeout', { timeout: NaN }, RangeError, /'timeout' must not be negative or NaN, got NaN/],
  ['timeout of a wrong type', { timeout: '5' }, TypeError, /'timeout' must be a number .* got string/],
  ['an array as timeout', { timeout: [5] }, TypeError, /'timeout' must be a number .* got an array/],
  ['null timeout', { timeout: null }, TypeError, /'timeout' must be a number .* got null/],
  ['something else as signal', { signal: {} }, TypeError, /'signal' must be an AbortSignal, got object/],
  [
    'the controller as signal',
    { signal: new AbortController() },
    TypeError,
    /'signal' must be an AbortSignal/,
  ],
  [
    'the signal as options',
    new AbortController().signal,
    TypeError,
    /'options' must be an object such as { signal }, got an AbortSignal/,
  ],
  ['unknown option', { timeOut: 5 }, TypeError, /unknown option 'timeOut'; known here: timeout, signal/],
  ['inherited name as option', { toString: 5 }, TypeError, /unknown option 'toString'/],
  ['options that are a number', 5, TypeError, /'options' must be an object, got number/],
  ['options that are null', null, TypeError, /'options' must be an object, got null/],
  [
    'a bad value from a prototype',
    new (class {
      get timeout() {
        return NaN;
      }
    })(),
    RangeError,
    /'timeout'/,
  ],
  [
    'a bad signal from a prototype',
    Object.create({ signal: {} }),
    TypeError,
    /'signal' must be an AbortSignal/,
  ],
  [
    'a signal that cannot be left',
    { signal: { aborted: false, addEventListener() {} } },
    TypeError,
    /'signal'/,
  ],
  [
    'a signal that cannot be heard',
    { signal: { aborted: false, removeEventListener() {} } },
    TypeError,
    /'signal'/,
  ],
  ['a signal that cannot be asked', { signal: new EventTarget() }, TypeError, /'signal'/],
];

const takes: [name: string, take: (options: WaitOptions) => Promise<unknown>][] = [
  ['Mutex.lock', (options) => new Mutex().lock(options)],
  ['Mutex.run', (options) => new Mutex().run(() => 1, options)],
  ['RWLock.read', (options) => new RWLock().read(options)],
  ['RWLock.write', (options) => new RWLock().write(options)],
  ['Semaphore.acquire', (options) => new Semaphore(2).acquire(1, options)],
  ['Semaphore.run', (options) => new Semaphore(2).run(() => 1, 1, options)],
  ['Condition.wait', async (options) => waitForNobody(options)],
];

async function waitForNobody(options: WaitOptions): Promise<void> {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  try {
    await new Condition(mutex).wait(guard, options);
  } finally {
    assert.equal(guard.held, true, 'what was refused has not let go');
  }
}

for (const [name, take] of takes) {
  for (const [what, options, kind, message] of badOptions) {
    test(`${name}: ${what} rejects`, async () => {
      // A rejection, never a throw: the call itself must give a promise.
      const promise = take(options as WaitOptions);
      const error = await promise.then(
        () => assert.fail('it was granted'),
        (e: unknown) => e,
      );
      assert.ok(error instanceof kind);
      assert.match(error.message, message);
    });
  }
}

test('bad options take nothing', async () => {
  const mutex = new Mutex();
  await assert.rejects(mutex.lock({ timeout: -1 }), RangeError);
  assert.equal(mutex.locked, false);
});

test('options are read once: what was checked is what counts', async () => {
  const mutex = new Mutex();
  await mutex.lock();
  let reads = 0;
  const options = {
    get timeout() {
      return reads++ === 0 ? 1 : NaN;
    },
  };
  await assert.rejects(mutex.lock(options), /timed out after 1 ms/);
  assert.equal(reads, 1);
});

test('an option that is undefined is one that was not given', async () => {
  // @ts-expect-error exactOptionalPropertyTypes would have it left out; JavaScript callers do this
  (await new Mutex().lock({ timeout: undefined, signal: undefined })).release();
});

const badPermits: [permits: unknown, error: typeof Error, message: RegExp][] = [
  [0, RangeError, /'permits' must be a whole number of at least 1, got 0/],
  [-1, RangeError, /got -1/],
  [1.5, RangeError, /got 1.5/],
  [NaN, RangeError, /got NaN/],
  [Infinity, RangeError, /got Infinity/],
  [6, RangeError, /'permits' must be at most 5, got 6: it could never be granted/],
  ['1', TypeError, /'permits' must be a number, got string/],
  [null, TypeError, /got null/],
  [{ timeout: 5 }, TypeError, /got object/],
];

for (const [permits, kind, message] of badPermits) {
  test(`Semaphore(5): asking for ${JSON.stringify(permits)} (${String(permits)}) permits is refused, not waited for`, async () => {
    const semaphore = new Semaphore(5);
    const wrong = permits as number;
    const expected = (error: unknown): boolean => error instanceof kind && message.test(error.message);
    await assert.rejects(semaphore.acquire(wrong), expected);
    assert.throws(() => semaphore.tryAcquire(wrong), expected);
    await assert.rejects(
      semaphore.run(() => 1, wrong),
      expected,
    );
    if (permits !== 6) {
      const ofCapacity = (error: unknown): boolean => error instanceof kind;
      assert.throws(() => new Semaphore(wrong), ofCapacity);
    }
    assert.equal(semaphore.available, 5);
  });
}

test('a semaphore has at most as many permits as a shared word can count', () => {
  assert.equal(new Semaphore(2 ** 29 - 1).available, 2 ** 29 - 1);
  assert.throws(() => new Semaphore(2 ** 29), /'permits' must be at most 536870911, got 536870912$/);
});

test('notify wants a whole number of waiters', () => {
  const condition = new Condition(new Mutex());
  assert.throws(() => condition.notify(0), /RangeError: 'count' must be a whole number of at least 1, got 0/);
  assert.throws(
    () => condition.notify(Infinity),
    /'count' must be a whole number of at least 1, got Infinity/,
  );
  // @ts-expect-error a number is wanted
  assert.throws(() => condition.notify('all'), /TypeError: 'count' must be a number, got string/);
});

test('a lock is made with options that exist, of their types', () => {
  for (const Lock of [Mutex, RWLock]) {
    assert.ok(new Lock({ fair: true }));
    // @ts-expect-error a wrong type
    assert.throws(() => new Lock({ fair: 1 }), /'fair' must be true or false, got number/);
    // @ts-expect-error an unknown option
    assert.throws(() => new Lock({ timeout: 5 }), /unknown option 'timeout'; known here: fair/);
    // @ts-expect-error no options at all
    assert.throws(() => new Lock(5), /'options' must be an object, got number/);
  }
});

test('run wants a function, and takes nothing without one', async () => {
  const mutex = new Mutex();
  // @ts-expect-error a function is wanted
  await assert.rejects(mutex.run(undefined), /'fn' must be a function, got undefined/);
  // @ts-expect-error a function is wanted
  await assert.rejects(new Semaphore(1).run({}), /'fn' must be a function, got object/);
  assert.equal(mutex.locked, false);
});

test('release twice: the second frees nobody, and both tell the truth', async () => {
  const semaphore = new Semaphore(2);
  const guard = await semaphore.acquire();
  await semaphore.acquire();
  assert.equal(guard.release(), true);
  assert.equal(guard.release(), true);
  assert.equal(semaphore.available, 1, 'a second release must not make a permit');
});

test('release after loss: false, however often; the rival waits until we let go', async () => {
  const mutex = new Mutex();
  const guard = await mutex.lock();
  const before = guard.signal;
  assert.equal(before.aborted, false);
  control.lose(guard, new LockLostError('the store has forgotten us', { lock: 'the mutex' }));
  assert.equal(guard.held, false);
  assert.equal(before.aborted, true);
  assert.equal(guard.signal, before, 'a guard has one signal');
  assert.ok(before.reason instanceof LockLostError);
  assert.throws(() => guard.assertHeld(), { name: 'LockLostError', message: 'the store has forgotten us' });
  assert.equal(mutex.tryLock(), null, 'what is not lost stays held until release');
  assert.equal(guard.release(), false);
  const successor = mutex.tryLock();
  assert.equal(successor?.held, true);
  assert.equal(guard.release(), false);
  assert.equal(mutex.tryLock(), null, 'a second release must not free the successor');
});

test('a signal asked for after the loss is aborted too; loss after release changes nothing', async () => {
  const mutex = new Mutex();
  const loss = new LockLostError('lost', { lock: 'the mutex' });
  const lost = await mutex.lock();
  control.lose(lost, loss);
  assert.equal(lost.signal.aborted, true);
  lost.release();
  const released = await mutex.lock();
  assert.equal(released.release(), true);
  control.lose(released, loss);
  assert.equal(released.release(), true);
  assert.equal(released.signal.aborted, false);
});

test('a block that ends with a lost guard throws, with using and with await using', async () => {
  const mutex = new Mutex();
  const loss = new LockLostError('lost', { lock: 'the mutex' });
  const synchronous = (): void => {
    using guard = mutex.tryLock();
    assert.ok(guard);
    control.lose(guard, loss);
  };
  assert.throws(synchronous, (error) => error instanceof LockLostError && error.cause === loss);
  const asynchronous = async (): Promise<void> => {
    await using guard = await mutex.lock();
    control.lose(guard, loss);
  };
  await assert.rejects(asynchronous, LockLostError);
  assert.equal(mutex.locked, false);
});

test('assertHeld after release says that it was released', async () => {
  const guard = await new Mutex().lock();
  guard.assertHeld();
  guard.release();
  assert.throws(() => guard.assertHeld(), { name: LockMisuseError.name, code: 'ERR_LOCK_MISUSE' });
});

test('a released guard of a reader-writer lock neither upgrades nor downgrades', async () => {
  const lock = new RWLock();
  const guard = await lock.write();
  guard.release();
  assert.throws(() => guard.downgrade(), LockMisuseError);
  assert.throws(() => guard.tryUpgrade(), LockMisuseError);
  assert.deepEqual([lock.readers, lock.writer], [0, false]);
});
