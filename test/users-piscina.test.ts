/** Locks by name in a piscina pool: its tasks, the main thread, and workers that are aborted, recycled or die. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { loadAddon } from '../src/addon.js';
import { configure, inspect, lock, lockSync, semaphore, tryLock } from '../src/index.js';
import { newFolder, runExample } from './support/examples.js';
import { count, newTask, visit, WORDS } from './support/pool-tasks.js';
import type { Task } from './support/pool-tasks.js';
import { mustBlock } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const tasks = fileURLToPath(new URL('./support/pool-tasks.js', import.meta.url));
type Options = ConstructorParameters<typeof Piscina>[0];

/**
 * Piscina loads tasks by require(), else by import. Node 22 can crash if a worker is terminated while it requires an ES
 * module, as the workers of these pools are that have nothing to do.
 */
const execArgv = ['--no-experimental-require-module'];

/** Two threads, unless told. */
function newPool(t: TestContext, options: Options = {}): Piscina {
  const pool = new Piscina({ filename: tasks, minThreads: 2, maxThreads: 2, execArgv, ...options });
  t.after(() => pool.destroy());
  return pool;
}

const four: Options = { minThreads: 4, maxThreads: 4 };

const reached = (task: Task, word: 'Begun' | 'Got', times = 1): Promise<boolean> =>
  waitUntil(() => Atomics.load(task.words, WORDS[word]) === times, { what: `${word} ${times} times` });

const go = ({ words }: Task): number => Atomics.store(words, WORDS.Go, 1);

/** So many other threads wait for the name. */
const waiters = (name: string, number: number): Promise<boolean> =>
  waitUntil(async () => ((await inspect(name))[0]?.waiters.length ?? 0) === number, {
    what: `${number} threads wait for ${name}`,
  });

/** The names that are open in any thread of the process. */
function openNames(): string[] {
  const names: string[] = [];
  for (let slot = 0; ; slot++) {
    const name = loadAddon().nameAt(slot);
    if (name === null) return names;
    if (name !== undefined) names.push(name);
  }
}

test('the example counts right', async (t) => {
  assert.deepEqual(await runExample('piscina-pool.mjs', newFolder(t)), {
    end: 0,
    stdout: '200 times counted: 200\n',
    stderr: '',
  });
});

test('tasks and the main thread keep each other out by the name alone, blocking and not', async (t) => {
  const pool = newPool(t, { ...four, concurrentTasksPerWorker: 2 });
  const task = newTask('counted');
  const own = Array.from({ length: 40 }, () => count(task));
  const theirs = Array.from({ length: 80 }, () => pool.run(task, { name: 'count' }));
  await Promise.all([...own, ...theirs]);
  assert.deepEqual([task.words[WORDS.Sum], task.words[WORDS.Broken]], [120 * 20, 0]);
});

// One task a thread: a thread that is blocked cannot run the other one that holds.
test('tasks that block, tasks that do not and the main thread keep each other out', async (t) => {
  const pool = newPool(t, four);
  const task = newTask('counted, blocking');
  const names = ['count', 'countSync'];
  const theirs = Array.from({ length: 80 }, (_, i) => pool.run(task, { name: names[i % 2] ?? '' }));
  for (let i = 0; i < 100; i++) {
    const hold = lockSync('counted, blocking');
    visit(task.words);
    hold.release();
    if (i % 10 === 0) await count(task);
  }
  await Promise.all(theirs);
  assert.deepEqual([task.words[WORDS.Sum], task.words[WORDS.Broken]], [80 * 20 + 100 + 10 * 20, 0]);
});

for (const name of ['pass', 'passSync']) {
  test(`${name}: tasks wait for the main thread, and go on when it lets go`, async (t) => {
    const pool = newPool(t);
    const task = newTask(`main holds, ${name}`);
    const guard = await lock(task.name);
    const runs = [pool.run(task, { name }), pool.run(task, { name })];
    await waiters(task.name, 2);
    assert.equal(task.words[WORDS.Got], 0);
    await guard.release();
    assert.deepEqual(await Promise.all(runs), [false, false]);
  });
}

test('the main thread waits for a task', async (t) => {
  const pool = newPool(t);
  const task = newTask('task holds');
  const run = pool.run(task, { name: 'holdUntilGo' });
  await reached(task, 'Got');
  assert.equal(await tryLock(task.name), null);
  const { wait } = await mustBlock(lock(task.name));
  go(task);
  const guard = await wait;
  assert.equal(guard.recovered, false);
  await guard.release();
  await run;
});

for (const name of ['holdForEver', 'holdForEverSync']) {
  test(`${name}: what an aborted task holds goes to the next one, who is told`, async (t) => {
    const pool = newPool(t);
    const task = newTask(`aborted holder, ${name}`);
    const controller = new AbortController();
    const run = pool.run(task, { name, signal: controller.signal });
    await reached(task, 'Got');
    const next = pool.run(task, { name: 'pass' });
    await waiters(task.name, 1);
    controller.abort();
    await assert.rejects(run, { name: 'AbortError' });
    assert.equal(await next, true);
    const guard = await lock(task.name);
    assert.equal(guard.recovered, false);
    await guard.release();
  });

  test(`${name}: the main thread is told as well`, async (t) => {
    const pool = newPool(t);
    const task = newTask(`aborted holder, main, ${name}`);
    const controller = new AbortController();
    const run = pool.run(task, { name, signal: controller.signal });
    await reached(task, 'Got');
    const { wait } = await mustBlock(lock(task.name));
    controller.abort();
    await assert.rejects(run, { name: 'AbortError' });
    const guard = await wait;
    assert.equal(guard.recovered, true);
    await guard.release();
  });
}

for (const name of ['pass', 'passSync']) {
  test(`${name}: an aborted task that waits leaves nothing behind`, async (t) => {
    const pool = newPool(t);
    const task = newTask(`aborted waiter, ${name}`);
    const guard = await lock(task.name);
    const controller = new AbortController();
    const aborted = pool.run(task, { name, signal: controller.signal });
    await waiters(task.name, 1);
    const behind = pool.run(task, { name });
    await waiters(task.name, 2);
    controller.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    await waiters(task.name, 1);
    await guard.release();
    assert.equal(await behind, false);
    assert.equal(task.words[WORDS.Got], 1);
  });
}

test('tasks that the pool refuses, or that are aborted in its queue, take nothing', async (t) => {
  const pool = newPool(t, { minThreads: 1, maxThreads: 1, maxQueue: 2 });
  const task = newTask('refused');
  const first = pool.run(task, { name: 'holdUntilGo' });
  await reached(task, 'Got');
  const second = pool.run(task, { name: 'pass' });
  const controller = new AbortController();
  const queued = pool.run(task, { name: 'pass', signal: controller.signal });
  await assert.rejects(pool.run(task, { name: 'pass' }), /queue is at limit/);
  controller.abort();
  await assert.rejects(queued, { name: 'AbortError' });
  go(task);
  await Promise.all([first, second]);
  assert.deepEqual([task.words[WORDS.Begun], task.words[WORDS.Got]], [2, 2]);
  const guard = await tryLock(task.name);
  assert.equal(guard?.recovered, false);
  await guard?.release();
});

test('workers that are recycled when they are idle leave nothing behind', async (t) => {
  const pool = newPool(t, { minThreads: 0, maxThreads: 2, idleTimeout: 1 });
  const threads = new Set<number>();
  for (let i = 0; i < 5; i++) {
    const task = newTask(`recycled ${i}`);
    go(task);
    const { thread, recovered } = await pool.run(task, { name: 'holdUntilGo' });
    threads.add(thread);
    assert.equal(recovered, false);
    await waitUntil(() => pool.threads.length === 0, { what: 'no worker is there any more' });
  }
  assert.equal(threads.size, 5);
  await waitUntil(() => !openNames().some((name) => name.includes('recycled')), { what: 'no name is open' });
});

test('what a task has forgotten to give back comes back when its worker is recycled', async (t) => {
  const pool = newPool(t, { minThreads: 0, maxThreads: 1, idleTimeout: 100 });
  const task = newTask('forgotten');
  const { wait } = await mustBlock(
    (async () => {
      await pool.run(task, { name: 'forget' });
      return lock(task.name);
    })(),
  );
  const guard = await wait;
  assert.equal(guard.recovered, true);
  await guard.release();
});

for (const name of ['exit', 'eat']) {
  test(`${name}: a worker that dies in a task does not stop the others`, async (t) => {
    const pool = newPool(t, { resourceLimits: { maxOldGenerationSizeMb: 16 } });
    const task = newTask(`dies, ${name}`);
    const run = pool.run(task, { name });
    const dies = assert.rejects(run);
    await reached(task, 'Got');
    const next = pool.run(task, { name: 'pass' });
    await dies;
    assert.equal(await next, true);
  });
}

test('the end of the pool gives back what its tasks hold', async () => {
  const pool = new Piscina({ filename: tasks, minThreads: 2, maxThreads: 2, execArgv });
  const task = newTask('destroyed');
  const holds = assert.rejects(pool.run(task, { name: 'holdForEver' }));
  await reached(task, 'Got');
  // If the worker of the first one ends before its own, it gets the lock, and is told; then it must not let go.
  const waits = assert.rejects(pool.run(task, { name: 'holdForEver' }));
  await waiters(task.name, 1);
  await pool.destroy();
  await Promise.all([holds, waits]);
  const guard = await lock(task.name);
  assert.equal(guard.recovered, true);
  await guard.release();
});

test('a semaphore lets so many tasks of the pool in, and no more', async (t) => {
  const pool = newPool(t, { ...four, concurrentTasksPerWorker: 3 });
  const task = newTask('permits');
  await Promise.all(Array.from({ length: 40 }, () => pool.run(task, { name: 'permit' })));
  assert.deepEqual([task.words[WORDS.Sum], task.words[WORDS.Most]], [40, 2]);

  const full = newTask('permits');
  const runs = [1, 2, 3].map(() => pool.run(full, { name: 'holdPermit' }));
  await reached(full, 'Got', 2);
  assert.equal(await semaphore('permits', 2).tryAcquire(), null);
  go(full);
  await Promise.all(runs);
  const all = await semaphore('permits', 2).tryAcquire(2);
  assert.equal(all?.held, true);
  await all?.release();
});

test('configure() before the pool reaches its workers: their external locks keep out other processes', async (t) => {
  const lockPath = newFolder(t);
  configure({ lockPath });
  t.after(() => configure({ lockPath: undefined }));
  const pool = newPool(t, { minThreads: 1, maxThreads: 1 });
  const task: Task = { ...newTask('configured'), external: true };
  await using taker = await spawnTaker(new URL('./support/external.js', import.meta.url));

  const run = pool.run(task, { name: 'holdUntilGo' });
  await reached(task, 'Got');
  assert.ok(existsSync(join(lockPath, 'configured.lock')));
  const theirs = taker.take({ name: 'configured', lockPath });
  await theirs.mustBlock();
  go(task);
  await run;
  assert.ok(await theirs.acquired);
  await theirs.release();
});

test("minHold counts on in an idle worker with { atomics: 'disabled' }", async (t) => {
  const pool = newPool(t, { minThreads: 1, maxThreads: 1, atomics: 'disabled' });
  const begin: bigint = await pool.run({ name: 'short', minHold: 200 }, { name: 'short' });
  const guard = await lock('short');
  const took = Number(process.hrtime.bigint() - begin) / 1e6;
  assert.ok(took >= 200, `it was free after ${took} ms`);
  assert.equal(guard.recovered, false);
  await guard.release();
});

test('when all pools are gone, no name is left', async () => {
  await waitUntil(() => openNames().length === 0, { what: `none of ${openNames().join(', ')} is open` });
});
