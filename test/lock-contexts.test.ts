/** Who runs inside of what: let in again, or told that he would wait for himself. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  configure,
  detach,
  lock,
  lockAll,
  LockDeadlockError,
  LockLostError,
  LockMisuseError,
  lockSync,
  LockTimeoutError,
  releaseAll,
  semaphore,
  tryLock,
  tryLockSync,
} from '../src/index.js';
import type { Guard } from '../src/index.js';
import { locks } from '../src/registry.js';
import { ProcessTier } from '../src/tiers/process.js';
import type { Climbed } from '../src/tiers/tier.js';
import { leftOver, newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { waitUntil } from '../src/testing/wait.js';

const lockPath = newFolder();
const external = { external: true, lockPath } as const;
const again = { reentrant: true } as const;

test('inside of a lock, to wait for it is an error at once, with the lock and since when', async () => {
  await lock('self', async () => {
    for (const wait of [
      () => lock('self'),
      () => lock('self', { timeout: 1000 }),
      () => lock('self', { shared: true }),
      () => lock('self', external),
      () => lock('self', () => undefined),
      () => lockAll(['a', 'self']),
      async () => lockSync('self'),
    ]) {
      await assert.rejects(wait(), { name: 'LockDeadlockError', lock: 'self', message: /'self'/ });
    }
    await assert.rejects(lock('self'), /held since \d{4}-.*reentrant: true.*detach\(\)/);
    assert.equal(await tryLock('self'), null);
    assert.equal(tryLockSync('self'), null);
    await assert.rejects(
      (async () => {
        await setImmediate();
        await lock('self');
      })(),
      LockDeadlockError,
    );
  });
  assert.deepEqual(await leftOver(), []);
});

test('what is asked for outside of the function forms has no context', async () => {
  const guard = await lock('outside');
  await mustBlock(lock('outside', () => undefined));
  await assert.rejects(lock('outside', { reentrant: true, timeout: 5 }), LockTimeoutError);
  const inside = guard.run(async (same) => {
    assert.equal(same, guard);
    await assert.rejects(lock('outside'), LockDeadlockError);
    await lock('outside', again, (inner) => assert.equal(inner.token, guard.token));
    return 1;
  });
  assert.equal(await inside, 1);
  await guard.release();
  await assert.rejects(
    guard.run(() => 1),
    LockMisuseError,
  );
});

test('reentrant lets in who runs inside, with the same token, in every form', async () => {
  await lock('again', async (outer) => {
    const inner = await lock('again', again);
    assert.equal(inner.token, outer.token);
    assert.equal(inner.mode, 'exclusive');
    using sync = lockSync('again', again);
    assert.equal(sync.token, outer.token);
    assert.equal((await tryLock('again', again))?.token, outer.token);
    assert.equal(tryLockSync('again', { ...again, shared: true })?.mode, 'shared');
    assert.equal(await lock('again', again, () => lock('again', again, ({ token }) => token)), outer.token);
    const group = await lockAll(['again', 'more'], again);
    assert.equal(group.all[0]?.token, outer.token);
    await releaseAll();
  }).catch((error: unknown) => assert.ok(error instanceof LockLostError));
  assert.deepEqual(await leftOver(), []);
});

test('the last release frees, whichever it is', async () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const parts: Guard[] = [await lock('last', external)];
    parts.push(await lock('last', { ...external, within: parts[0] as Guard }));
    parts.push(await lock('last', { within: parts[1] as Guard, shared: true }));
    const next = lock('last', external);
    for (const i of order) {
      await mustBlock(next);
      assert.equal(await parts[i]?.release(), true);
      assert.equal(await parts[i]?.release(), true);
      assert.equal(parts[i]?.held, false);
    }
    await (await next).release();
    assert.deepEqual(await leftOver(), []);
  }
});

test('siblings who were let in again do not exclude each other', async () => {
  await lock('siblings', async () => {
    let inside = 0;
    let most = 0;
    const sibling = (): Promise<void> =>
      lock('siblings', again, async () => {
        most = Math.max(most, ++inside);
        await setImmediate();
        inside--;
      });
    await Promise.all([sibling(), sibling(), sibling()]);
    assert.equal(most, 3);
  });
});

test('shared goes inside of exclusive; the other way round nobody could ever get in', async () => {
  await lock('modes', () =>
    lock('modes', { ...again, shared: true }, ({ mode }) => assert.equal(mode, 'shared')),
  );
  await lock('modes', { shared: true }, async (guard) => {
    await lock('modes', { ...again, shared: true }, () => undefined);
    await assert.rejects(lock('modes', again), LockDeadlockError);
    await assert.rejects(lock('modes', { within: guard }), LockDeadlockError);
    assert.throws(() => lockSync('modes', again), LockDeadlockError);
  });
  const hold = lockSync('modes');
  assert.equal(hold.release(), true);
});

test('a guard that is shown must be one of that lock, and held', async () => {
  const guard = await lock('shown');
  const other = await lock('other');
  const permit = await semaphore('shown', 1).acquire();
  await assert.rejects(lock('shown', { within: other }), {
    name: 'LockMisuseError',
    message: /'shown'.*other/,
  });
  await assert.rejects(lock('shown', { within: permit }), LockMisuseError);
  await assert.rejects(lock('shown', { within: {} as Guard }), { name: 'TypeError', message: /'within'/ });
  await other.release();
  await permit.release();
  await guard.release();
  await assert.rejects(lock('shown', { within: guard }), {
    name: 'LockMisuseError',
    message: /was released/,
  });
});

test('whoever is let in again gets no tier that is not held', async () => {
  await lock('tiers', async (guard) => {
    await assert.rejects(lock('tiers', { ...again, ...external }), {
      name: 'LockMisuseError',
      message: /external/,
    });
    await assert.rejects(lock('tiers', { within: guard, ...external }), LockMisuseError);
  });
  await lock('tiers', external, async () => {
    await lock('tiers', { ...again, ...external }, () => undefined);
    await lock('tiers', again, () => undefined);
    await assert.rejects(lock('tiers', { ...again, ...external, lockPath: newFolder() }), LockMisuseError);
  });
  assert.deepEqual(await leftOver(), []);
});

test('a circle of contexts is found by whoever closes it, and printed', async () => {
  const names = ['one', 'two', 'three'];
  const gate: (() => void)[] = [];
  const all = names.map((name, i) =>
    lock(name, async () => {
      await new Promise<void>((resolve) => gate.push(resolve));
      return lock(names[(i + 1) % 3] ?? '', () => name);
    }),
  );
  await setImmediate();
  for (const open of gate) open();
  const ends = await Promise.allSettled(all);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  const [, , last] = ends;
  assert.ok(last?.status === 'rejected' && last.reason instanceof LockDeadlockError);
  assert.match(
    last.reason.message,
    /'one' would close a circle of waits: 'one', held since \S+, whose holder waits for 'two', held since \S+, whose holder waits for 'three', held since/,
  );
  assert.deepEqual(await leftOver(), []);
});

test('a circle through readers, and through what an inner task waits for', async () => {
  const open: Record<string, () => void> = {};
  const pause = (name: string): Promise<void> => new Promise((resolve) => (open[name] = resolve));
  const reader = lock('r', { shared: true }, async () => {
    await pause('reader');
    await Promise.all([lock('w', () => 1), setImmediate()]);
  });
  const writer = lock('w', async () => {
    await pause('writer');
    await lock('x', async () => {
      await assert.rejects(lock('r'), LockDeadlockError);
    });
  });
  await setImmediate();
  open['reader']?.();
  await setImmediate();
  open['writer']?.();
  await Promise.all([reader, writer]);
  assert.deepEqual(await leftOver(), []);
});

test('what waits for others, in no circle, is left alone', async () => {
  const outer = lock('p', async () => {
    const both = [1, 2].map((n) => lock('q', async () => (await setImmediate(), n)));
    return Promise.all(both);
  });
  assert.deepEqual(await outer, [1, 2]);
  // Taken in one order by many.
  const all = Array.from({ length: 20 }, (_, n) => lock('p', () => lock('q', () => lock('r', () => n))));
  assert.equal((await Promise.all(all)).length, 20);
  assert.deepEqual(await leftOver(), []);
});

test('detached work is inside of nothing', async () => {
  let later: Promise<string> | undefined;
  await lock('detach', async () => {
    later = detach(() => lock('detach', () => 'my turn'));
    await mustBlock(later);
    await assert.rejects(
      detach(() => lock('detach', { reentrant: true, timeout: 0 })),
      LockTimeoutError,
    );
  });
  assert.equal(await later, 'my turn');
  assert.equal(
    detach(() => 3),
    3,
  );
});

test('a mark dies with its guard', async () => {
  let late: Promise<void> | undefined;
  await lock('mark', async (guard) => {
    await guard.release();
    const other = await lock('mark');
    // Not held by us, as far as anybody can tell: this is an ordinary wait.
    const { wait } = await mustBlock(lock('mark', again));
    await other.release();
    await (await wait).release();
    late = setImmediate().then(async () => lock('mark', again, () => undefined));
  });
  await late;
  assert.deepEqual(await leftOver(), []);
});

test('waits that end in any way leave no entries', async () => {
  await lock('around', async () => {
    const holder = await detach(() => lock('leak'));
    for (let i = 0; i < 100; i++) {
      const control = new AbortController();
      const waits = [lock('leak', { timeout: 1 }), lock('leak', { signal: control.signal })];
      control.abort();
      await Promise.allSettled(waits);
    }
    await holder.release();
    await lock('leak', () => undefined);
    const mark = locks.find('around')?.marks;
    assert.ok(mark);
    assert.equal(mark.waits?.size, 0);
  });
  assert.deepEqual(await leftOver(), []);
});

test('without detection nobody is let in again, and waits for oneself just wait', async () => {
  configure({ deadlock: 'off' });
  try {
    await lock('off', async () => {
      await assert.rejects(lock('off', again), { name: 'LockMisuseError', message: /deadlock: 'off'/ });
      await assert.rejects(lock('off', { timeout: 5 }), LockTimeoutError);
      const control = new AbortController();
      const { wait } = await mustBlock(lock('off', { signal: control.signal }));
      control.abort();
      await assert.rejects(wait, { name: 'AbortError' });
    });
  } finally {
    configure({ deadlock: undefined });
  }
  assert.deepEqual(await leftOver(), []);
});

test('lockSync never waits for a task of its own thread', async () => {
  const guard = await lock('sync', { shared: true });
  lockSync('sync', { shared: true }).release();
  assert.throws(() => lockSync('sync'), LockDeadlockError);
  const climber = lock('sync');
  assert.throws(() => lockSync('sync', { shared: true }), LockDeadlockError);
  await guard.release();
  assert.throws(() => lockSync('sync', { timeout: 1000 }), LockDeadlockError);
  await (await climber).release();
  lockSync('sync').release();
});

test('what an inner one asks for himself counts, too: minHold, maxHold', async () => {
  const guard = await lock('inner');
  const inner = await lock('inner', { within: guard, maxHold: 5 });
  assert.equal(guard.signal.aborted, false);
  await waitUntil(() => inner.signal.aborted, { what: 'the signal tells of maxHold' });
  assert.ok(inner.signal.reason instanceof LockLostError);
  assert.equal(guard.signal.aborted, false);
  const before = performance.now();
  const slow = await lock('inner', { within: guard, minHold: 30 });
  await Promise.all([slow.release(), inner.release(), guard.release()]);
  await (await lock('inner')).release();
  assert.ok(performance.now() - before >= 29);
});

test('what is lost is lost by all who were let in again, whoever has been released', async () => {
  const original = Object.getOwnPropertyDescriptor(ProcessTier.prototype, 'tryTake') as PropertyDescriptor;
  let climbed: Climbed | undefined;
  ProcessTier.prototype.tryTake = function tryTake(units, bound) {
    return (climbed = original.value.call(this, units, bound));
  };
  try {
    const whole = await lock('lost', external);
    const parts = [
      await lock('lost', { within: whole }),
      await lock('lost', { within: whole, shared: true }),
    ];
    const other = await lock('other-lost');
    assert.equal(await whole.release(), true);
    assert.equal(await parts[0]?.release(), true);
    const last = parts[1] as Guard;
    const { signal } = last;
    climbed?.onLost?.(new LockLostError('gone', { lock: 'lost' }));
    assert.equal(signal.aborted, true);
    assert.equal(last.held, false);
    assert.throws(() => last.assertHeld(), LockLostError);
    assert.equal(await tryLock('lost'), null, 'nobody comes in before he has let go');
    assert.equal(await last.release(), false);
    assert.equal(await parts[0]?.release(), true);
    assert.equal(other.held, true);
    await other.release();
  } finally {
    Object.defineProperty(ProcessTier.prototype, 'tryTake', original);
  }
  assert.deepEqual(await leftOver(), []);
});

test('whether a lock file is still ours is looked at for all who were let in again', async () => {
  const folder = newFolder();
  const options = { external: true, lockPath: folder, via: 'lockfile' } as const;
  const whole = await lock('leased', options);
  const part = await lock('leased', { ...options, within: whole });
  assert.equal(await whole.release(), true);
  for (const file of readdirSync(folder)) {
    if (file.includes('leased')) rmSync(join(folder, file), { recursive: true });
  }
  assert.equal(await part.release(), false);
  assert.deepEqual(await leftOver(), []);
});
