/** Warnings of slow waits: once for each, with the holder and since when; and none unless asked for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { configure, connect, inspect, lock, lockSync, semaphore } from '../src/index.js';
import { SlowWait } from '../src/slow-wait.js';
import { warnings } from './support/listen.js';
import { newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const lockPath = newFolder();
const TIME = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;

afterEach(() => configure({ slowWait: undefined, debug: undefined }));

/** The one warning of a wait that nobody ends. */
async function warningOf(start: (signal: AbortSignal) => Promise<unknown>): Promise<string> {
  const abort = new AbortController();
  const found = await warnings(async () => {
    let warned = false;
    const hear = (): void => void (warned = true);
    process.once('warning', hear);
    const wait = start(abort.signal);
    wait.catch(() => undefined);
    await waitUntil(() => warned, { what: 'a warning' });
    await mustBlock(wait);
    abort.abort();
    await assert.rejects(wait, { name: 'AbortError' });
  });
  assert.deepEqual(
    found.map(({ code }) => code),
    ['TIERLOCK_SLOW_WAIT'],
  );
  return found[0]?.message ?? '';
}

test('held by a task of this thread: since when, and that it may be oneself', async () => {
  configure({ slowWait: 5 });
  await using guard = await lock('own');
  const message = await warningOf((signal) => lock('own', { signal }));
  const told = `^the lock 'own' has been waited for since \\d+ ms: held by a task of this thread since ${TIME}; waiting here: 1`;
  assert.match(message, new RegExp(told));
  assert.match(message, /suspected self-wait: if whoever holds the guard waits here, it never ends/);
  await guard.release();
});

test('held inside of lock(name, fn): a wait for itself would have been refused, so it is none', async () => {
  configure({ slowWait: 5 });
  let end = (): void => undefined;
  const inside = lock('marked', () => new Promise<void>((resolve) => (end = resolve)));
  const message = await warningOf((signal) => lock('marked', { signal }));
  assert.match(message, /held by a task of this thread since /);
  assert.doesNotMatch(message, /self-wait/);
  end();
  await inside;
});

test('with debug: where the holder has asked for it', async () => {
  configure({ slowWait: 5, debug: true });
  async function holdsIt(): Promise<{ release(): Promise<boolean> }> {
    return lock('site');
  }
  const guard = await holdsIt();
  const message = await warningOf((signal) => lock('site', { signal }));
  assert.match(message, /since [^ ]+Z, taken at holdsIt \(.*sight-slow\.test\.(js|ts):\d+:\d+\)/);
  await guard.release();
});

test('held by another thread: since when, where it watches too', async () => {
  for (const slowWait of [5, undefined]) {
    configure({ slowWait });
    const words = new Int32Array(new SharedArrayBuffer(16));
    const data = { name: 'far', options: {}, sync: false, words };
    await using team = runWorkers({
      count: 1,
      module: new URL('./support/lock-workers.js', import.meta.url),
      name: 'stay',
      data,
    });
    await team.started;
    await waitUntil(() => Atomics.load(words, 0) === 2, { what: 'the worker holds it' });
    configure({ slowWait: 5 });
    const message = await warningOf((signal) => lock('far', { signal }));
    const since = slowWait === undefined ? '' : ` since ${TIME}`;
    assert.match(message, new RegExp(`ms: held by thread \\d+${since}; waiting here: 1$`));
  }
});

test('held by another process: its number, and since when', async () => {
  configure({ slowWait: 5 });
  await using taker = await spawnTaker(new URL('./support/locks.js', import.meta.url));
  await using store = connect('memory:');
  for (const options of [{}, { distributed: store }]) {
    const held = taker.take({ name: 'theirs', external: true, lockPath });
    const { token } = (await held.acquired) ?? assert.fail();
    const wait = (signal: AbortSignal): Promise<unknown> =>
      lock('theirs', { external: true, lockPath, signal, ...options });
    const message = await warningOf(wait);
    const told = `ms: held by process ${taker.pid} since ${TIME}, token ${token}; waiting here behind it: 0$`;
    assert.match(message, new RegExp(told));
    await held.release();
    if (!('distributed' in options)) continue;
    const request = { id: 'a rival', shared: false, units: 1, ttl: 30_000, waits: false, fifo: false };
    const { signal } = new AbortController();
    await store.tryAcquire({ ...request, owner: undefined, permits: 1, key: 'lock:theirs', signal });
    assert.match(await warningOf(wait), /ms: held by a rival in memory, token/, 'the file is ours now');
  }
});

test('a wait is warned of once, although it goes on in another tier', async () => {
  configure({ slowWait: 5 });
  await using taker = await spawnTaker(new URL('./support/locks.js', import.meta.url));
  const theirs = taker.take({ name: 'twice', external: true, lockPath });
  await theirs.acquired;
  const guard = await lock('twice');
  const found = await warnings(async () => {
    let warned = false;
    process.once('warning', () => void (warned = true));
    const wait = lock('twice', { external: true, lockPath });
    await waitUntil(() => warned, { what: 'a warning' });
    await guard.release();
    const waits = async (): Promise<unknown> =>
      (await inspect('twice', { external: true, lockPath }))[0]?.waitsBy;
    await waitUntil(waits, { what: 'it waits for the file' });
    // Another wait for the same file is warned of: so the first one has had its chance.
    await assert.rejects(lock('twice', { timeout: 20 }), { name: 'LockTimeoutError' });
    await theirs.release();
    await (await wait).release();
  });
  const messages = found.map(({ message }) => message);
  assert.equal(messages.filter((message) => message.includes('task of this thread since')).length, 1);
  assert.equal(
    messages.filter((message) => message.includes(`process ${taker.pid}`)).length,
    0,
    messages.join('\n'),
  );
});

test('whoever cannot be asked is not known, and nothing goes wrong by it', async () => {
  configure({ slowWait: 0 });
  const slow = SlowWait.begin();
  const describeHolder = (): never => {
    throw new Error('unable');
  };
  const message = await warningOf((signal) => {
    const wait = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return slow?.above(wait, { kind: 'the lock', length: 0 }, { describeHolder }) ?? assert.fail();
  });
  assert.match(message, /^the lock has been waited for since \d+ ms: held by nobody knows whom$/);
});

test('held in a store, by whoever the store names', async () => {
  configure({ slowWait: 5 });
  const [store, rivals] = [connect('memory:slow'), connect('memory:slow')];
  const request = {
    id: 'a rival',
    shared: false,
    units: 1,
    ttl: 30_000,
    waits: false,
    fifo: false,
    owner: undefined,
  };
  const { signal: never } = new AbortController();
  for (const kind of ['lock', 'semaphore']) {
    const grant = await rivals.tryAcquire({ ...request, permits: 1, key: `${kind}:s`, signal: never });
    const message = await warningOf((signal) =>
      kind === 'lock'
        ? lock('s', { distributed: store, signal })
        : semaphore('s', 1, { distributed: store }).acquire(1, { signal }),
    );
    assert.match(
      message,
      new RegExp(`^the ${kind} 's' has been .* held by a rival in memory, token ${grant?.token}`),
    );
    await grant?.release();
  }
  await Promise.all([store.close(), rivals.close()]);
});

test('who waits behind one who waits outside is told so, and not of a self-wait', async () => {
  await using taker = await spawnTaker(new URL('./support/locks.js', import.meta.url));
  const held = taker.take({ name: 'behind', external: true, lockPath });
  await held.acquired;
  const abort = new AbortController();
  const first = lock('behind', { external: true, lockPath, signal: abort.signal });
  first.catch(() => undefined);
  configure({ slowWait: 5 });
  const message = await warningOf((signal) => lock('behind', { external: true, lockPath, signal }));
  assert.match(message, /held by a task of this thread; waiting here: 1$/);
  abort.abort();
  await assert.rejects(first);
  await held.release();
});

test('permits: those who hold them', async () => {
  configure({ slowWait: 5 });
  const permits = semaphore('permits', 2);
  await using two = await permits.acquire(2);
  const message = await warningOf((signal) => permits.acquire(1, { signal }));
  assert.match(
    message,
    /^the semaphore 'permits' has been waited for .* held by a task of this thread since /,
  );
  await two.release();
});

test('a call that has blocked the thread for long is told of afterwards, and one that has not is not', async () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  await using team = runWorkers({
    count: 1,
    module: new URL('./support/lock-workers.js', import.meta.url),
    name: 'releaseWhenAwaited',
    data: { name: 'sync', ms: 20, words },
  });
  await team.started;
  await waitUntil(() => Atomics.load(words, 0) === 1, { what: 'the worker holds it' });
  configure({ slowWait: 15 });
  const found = await warnings(() => lockSync('sync').release());
  assert.equal(found.length, 1);
  assert.match(
    found[0]?.message ?? '',
    /^the lock 'sync' was waited for by a call that has blocked the thread for \d+ ms$/,
  );
  await team.results;
  configure({ slowWait: 60_000 });
  assert.deepEqual(await warnings(() => lockSync('sync').release()), []);
});

test('the page shows them as they are', async () => {
  configure({ slowWait: 5 });
  await using taker = await spawnTaker(new URL('./support/locks.js', import.meta.url));
  await taker.take({ name: 'orders', external: true, lockPath }).acquired;
  const above = await warningOf((signal) => lock('orders', { external: true, lockPath, signal }));
  await using guard = await lock('orders');
  const inside = await warningOf((signal) => lock('orders', { signal }));
  const page = readFileSync(new URL('../../docs/sight.md', import.meta.url), 'utf8');
  const [, shown = ''] = /```text\n([^]*?)```/.exec(page) ?? [];
  const shape = (text: string): string => text.replaceAll(new RegExp(`${TIME}|\\d+`, 'g'), '#');
  const short = inside.replace(/\. This is a suspected self-wait: .*/, '');
  assert.equal(shape(shown), shape(`${short}\n${above}\n`));
  await guard.release();
});

test('a wait that ends in time is not warned of, nor is one that nobody has asked to be warned of', async () => {
  configure({ slowWait: 60_000 });
  const settings = [60_000, undefined];
  for (const slowWait of settings) {
    configure({ slowWait });
    const found = await warnings(async () => {
      const guard = await lock('short');
      const { wait } = await mustBlock(lock('short', () => 1));
      const started = performance.now();
      while (performance.now() - started < 20);
      await guard.release();
      await wait;
    });
    assert.deepEqual(found, []);
  }
});

test('what is no time is refused', () => {
  for (const slowWait of [-1, NaN])
    assert.throws(() => configure({ slowWait }), {
      name: 'RangeError',
      message: /'slowWait' must not be negative/,
    });
  assert.throws(() => configure({ slowWait: '1' } as object), {
    name: 'TypeError',
    message: /'slowWait' must be a number/,
  });
  assert.throws(() => configure({ debug: 1 } as object), {
    name: 'TypeError',
    message: /'debug' must be true or false/,
  });
});
