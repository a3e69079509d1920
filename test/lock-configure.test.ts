/** Options of calls and of the whole program: what they mean, and that nothing is taken before they are right. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  configure,
  lock,
  lockAll,
  lockSync,
  LockMisuseError,
  tryLock,
  tryLockSync,
  withPrefix,
} from '../src/index.js';
import type { LockCallOptions } from '../src/index.js';
import { leftOver, newFolder } from './support/locks.js';

after(() => configure({ lockPath: undefined }));

const wrong: Record<string, readonly unknown[]> = {
  external: ['yes', 1, null],
  shared: [0],
  fair: ['very', 1],
  reentrant: ['true'],
  within: [{}, 1, 'guard'],
  timeout: ['1', null],
  signal: [{}, 1],
  minHold: ['1', null],
  maxHold: ['1', {}],
  handover: [1, 'x', null, { ms: 'x' }, { millis: 1 }],
  via: ['lock', 1],
  prefix: [1, null],
  lockPath: ['', 1, 'a\0b'],
};

test('a wrong type is a TypeError that names the option, in every call, before anything is taken', async () => {
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      const options = { [key]: value } as LockCallOptions;
      const refused = { name: 'TypeError', message: new RegExp(`'?${key}|millis`) };
      await assert.rejects(lock('a', options), refused, `${key} ${String(value)}`);
      await assert.rejects(
        lock('a', options, () => assert.fail()),
        refused,
      );
      await assert.rejects(lockAll(['a'], options), refused);
      await assert.rejects(tryLock('a', options), { name: 'TypeError' });
      assert.throws(() => lockSync('a', options), refused);
      assert.throws(() => tryLockSync('a', options), { name: 'TypeError' });
    }
  }
  assert.deepEqual(await leftOver(), []);
});

test('what makes no sense is a RangeError, what is unknown a TypeError with its name', async () => {
  for (const options of [
    { timeout: -1 },
    { timeout: NaN },
    { minHold: -1 },
    { maxHold: NaN },
    { handover: { ms: -1 } },
    { handover: { grants: NaN } },
  ])
    await assert.rejects(lock('a', options), RangeError);
  for (const key of ['timeuot', 'Shared', 'constructor', 'toString', '__proto__x'])
    await assert.rejects(lock('a', { [key]: undefined } as object), {
      name: 'TypeError',
      message: new RegExp(`unknown option '${key}'`),
    });
  const inherited = Object.create({ unknown: 1 }) as LockCallOptions;
  await assert.rejects(lock('a', inherited), /unknown option 'unknown'/);
  for (const options of [null, 1, 'x', new AbortController().signal]) {
    await assert.rejects(lock('a', options as LockCallOptions), TypeError);
    await assert.rejects(tryLock('a', options as LockCallOptions), TypeError);
  }
  assert.deepEqual(await leftOver(), []);
});

test('names and functions are checked', async () => {
  for (const name of ['', undefined, null, 1, {}]) {
    await assert.rejects(lock(name as string), { name: 'TypeError', message: /'name'/ });
    await assert.rejects(tryLock(name as string), { name: 'TypeError', message: /'name'/ });
    assert.throws(() => lockSync(name as string), { name: 'TypeError', message: /'name'/ });
    assert.throws(() => tryLockSync(name as string), { name: 'TypeError', message: /'name'/ });
  }
  await assert.rejects(lock('a', {}, 1 as unknown as () => void), { name: 'TypeError', message: /'fn'/ });
  assert.deepEqual(await leftOver(), []);
});

test('what only locks in stores have is refused by its name', async () => {
  for (const [key, value] of Object.entries({
    owner: 'me',
    ttl: 1000,
    renew: false,
    lockDelay: 1,
    onBackendDown: 'lower',
  })) {
    await assert.rejects(lock('a', { [key]: value } as object), {
      name: 'TypeError',
      message: new RegExp(`'${key}'.*distributed`),
    });
  }
  for (const [key, value] of Object.entries({
    distributed: 'redis://localhost',
    owner: '',
    ttl: '1000',
    renew: 1,
    lockDelay: '1',
    onBackendDown: 'ignore',
  })) {
    await assert.rejects(lock('a', { [key]: value } as object), {
      name: 'TypeError',
      message: new RegExp(`'${key}'`),
    });
  }
  await assert.rejects(lock('a', { distributed: true }), {
    name: 'LockUnsupportedError',
    message: /configure\(\{ backend/,
  });
  await (await lock('a', { distributed: false, ttl: undefined } as object)).release();
  for (const options of [
    { fair: 'strict', external: true },
    { via: 'mapped', external: true },
  ] as const)
    await assert.rejects(lock('a', options), { name: 'LockUnsupportedError' });
  await (await lock('a', { fair: 'strict' })).release();
});

test('a try has no time to wait', async () => {
  for (const options of [{ timeout: 0 }, { timeout: 10 }, { signal: new AbortController().signal }]) {
    await assert.rejects(tryLock('a', options as object), {
      name: 'TypeError',
      message: /'(timeout|signal)' makes no sense/,
    });
    assert.throws(() => tryLockSync('a', options as object), TypeError);
  }
});

test('options are read once, and an aborted signal takes nothing', async () => {
  let reads = 0;
  const options = {
    get timeout() {
      return ++reads === 1 ? 10 : -1;
    },
  };
  await (await lock('a', options)).release();
  assert.equal(reads, 1);
  const reason = new Error('why');
  for (const how of [{}, { shared: true }, { external: true, lockPath: newFolder() }]) {
    await assert.rejects(
      lock('a', { ...how, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    assert.throws(
      () => lockSync('a', { ...how, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
  }
  assert.deepEqual(await leftOver(), []);
});

test('a prefix is part of the name', async () => {
  const shop = withPrefix('shop-');
  await using guard = await shop.lock('orders');
  assert.equal(guard.name, 'shop-orders');
  assert.equal(await tryLock('shop-orders'), null);
  assert.equal(await tryLock('orders', { prefix: 'shop-' }), null);
  assert.equal(withPrefix('sh').withPrefix('op-').tryLockSync('orders'), null);
  assert.equal(await shop.lock('stock', ({ name }) => name), 'shop-stock');
  assert.equal(await shop.lock('stock', { prefix: 'x-' }, ({ name }) => name), 'shop-x-stock');
  await using both = await shop.lockAll(['b', 'a']);
  assert.deepEqual(
    both.all.map(({ name }) => name),
    ['shop-a', 'shop-b'],
  );
  using permit = shop.semaphore('n', 2).acquireSync();
  assert.equal(permit.name, 'shop-n');
  await assert.rejects(shop.lock(''), TypeError);
  assert.throws(() => withPrefix(1 as unknown as string), TypeError);
});

test('configure() sets defaults, is callable again, and reaches later workers', async () => {
  const [one, two] = [newFolder(), newFolder()];
  configure({ lockPath: one });
  await (await lock('here', { external: true })).release();
  configure({ lockPath: two });
  configure({ network: false });
  await (await lock('here', { external: true })).release();
  for (const folder of [one, two]) assert.ok(existsSync(join(folder, 'here.lock')));
  const source = `import(require('node:worker_threads').workerData).then(async ({ lock }) => {
    await lock('from-worker', { external: true }, () => undefined);
  });`;
  const worker = new Worker(source, {
    eval: true,
    workerData: new URL('../src/index.js', import.meta.url).href,
  });
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  assert.ok(readdirSync(two).includes('from-worker.lock'));
  for (const settings of [
    { lockPath: 1 },
    { via: 'x' },
    { network: 1 },
    { threads: 'no' },
    { deadlock: true },
    { handover: 1 },
    { lockpath: '' },
  ])
    assert.throws(() => configure(settings as object), TypeError);
  await (await lock('still', { external: true })).release();
  assert.ok(readdirSync(two).includes('still.lock'));
});

test('a folder has one way to take its locks', async () => {
  const lockPath = newFolder();
  await (await lock('a', { external: true, lockPath, via: 'flock' })).release();
  await (await lock('a', { external: true, lockPath })).release();
  await assert.rejects(lock('a', { external: true, lockPath, via: 'ofd' }), LockMisuseError);
  assert.deepEqual(await leftOver(), []);
});

test('the number of waiting threads is a whole number', () => {
  for (const waitingThreads of [-1, 1.5, 10_001, NaN])
    assert.throws(() => configure({ waitingThreads }), { name: 'RangeError', message: /waitingThreads/ });
  configure({ waitingThreads: 1 });
  configure({ waitingThreads: undefined });
});
