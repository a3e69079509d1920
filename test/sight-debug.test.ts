/** `configure({ debug: true })`: where the holder has asked for the lock, in the errors of time-outs and deadlocks. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import {
  configure,
  detach,
  lock,
  lockAll,
  lockSync,
  semaphore,
  synchronized,
  tryLock,
  withPrefix,
} from '../src/index.js';
import type { Hold } from '../src/hold.js';
import { holdOf } from '../src/lock-guard.js';
import { mustBlock } from '../src/testing/settled.js';

beforeEach(() => configure({ debug: true }));
afterEach(() => configure({ debug: undefined }));

const HERE = String.raw`taken at holdsIt \([^)]*sight-debug\.test\.(js|ts):\d+:\d+\)`;

async function holdsIt(): Promise<AsyncDisposable> {
  return lock('held');
}

test('a time-out tells where', async () => {
  await using guard = await holdsIt();
  assert.ok(guard);
  const told = new RegExp(`held by a task of this thread since [^ ]+Z, ${HERE}; others waiting: 0`);
  await assert.rejects(lock('held', { timeout: 0 }), { name: 'LockTimeoutError', message: told });
  await assert.rejects(lock('held', { timeout: 1 }), { name: 'LockTimeoutError', message: told });
});

test('of several the one who has held it longest', async () => {
  function first(): Promise<AsyncDisposable> {
    return lock('many', { shared: true });
  }
  function second(): Promise<AsyncDisposable> {
    return lock('many', { shared: true });
  }
  await using one = await first();
  await using two = await second();
  assert.ok(one !== two);
  await assert.rejects(lock('many', { timeout: 0 }), /taken at first \(/);
});

test('deadlocks tell where', async () => {
  await using guard = await holdsIt();
  assert.ok(guard);
  assert.throws(() => lockSync('held'), {
    name: 'LockDeadlockError',
    message: new RegExp(`a task of this thread holds it \\(${HERE}\\), and could not`),
  });
  async function outer(): Promise<void> {
    await lock('a', async () => {
      await lock('a');
    });
  }
  await assert.rejects(outer(), /run inside of it \('a', held since [^ ]+Z \(taken at outer \(/);
  async function readsAndWrites(): Promise<void> {
    await using reader = await lock('r', { shared: true });
    await lock('r', { within: reader });
  }
  await assert.rejects(readsAndWrites(), /shared here \(taken at readsAndWrites \(/);
});

test('a circle tells of each in it', async () => {
  let other: Promise<unknown> | undefined;
  function right(): Promise<unknown> {
    return lock('right', () => lock('left', async () => undefined));
  }
  function left(): Promise<unknown> {
    return lock('left', async () => {
      await mustBlock((other = detach(right)));
      await lock('right');
    });
  }
  await assert.rejects(left(), /circle of waits: 'right', held since [^ ]+ \(taken at right \(/);
  await other;
});

test('the line is that of the program, however it asks', async () => {
  const forms: Record<string, () => Hold | Promise<Hold>> = {
    lock: async () => holdOf(await lock('f')),
    options: async () => holdOf(await lock('f', { timeout: 1 })),
    fn: () => lock('f', (guard) => holdOf(guard)),
    try: async () => holdOf((await tryLock('f')) ?? assert.fail()),
    sync: () => lockSync('f'),
    prefix: async () => holdOf(await withPrefix('f').lock('f')),
    all: async () => holdOf((await lockAll(['f'])).all[0] ?? assert.fail()),
    permits: async () => holdOf(await semaphore('f', 2).acquire()),
    wrapped: async () => {
      const seen: unknown[] = [];
      await synchronized('w')(() => seen.push(lockSync('f')))();
      return seen[0] as Hold;
    },
  };
  for (const [form, take] of Object.entries(forms)) {
    const hold = await take();
    assert.match(hold.site ?? '', /sight-debug\.test\.(js|ts):\d+:\d+/, form);
    assert.doesNotMatch(hold.site ?? '', /src\//, form);
    hold.release();
  }
});

test('without it no stack is taken', async (t) => {
  configure({ debug: false, slowWait: 60_000 });
  t.after(() => configure({ slowWait: undefined }));
  await using guard = await lock('none');
  assert.equal(holdOf(guard).site, undefined);
  assert.ok(holdOf(guard).note);
  await assert.rejects(lock('none', { timeout: 0 }), /held by a task of this thread since [^ ]+Z; others/);
});

test('the length of stacks stays as it is', async () => {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 3;
  try {
    using hold = lockSync('limit');
    assert.match(hold.site ?? '', /sight-debug/);
    assert.equal(Error.stackTraceLimit, 3);
  } finally {
    Error.stackTraceLimit = before;
  }
});
