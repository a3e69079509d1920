/** The taker: a child process that takes, blocks, releases, stops, and dies in every way, and never stays behind. */
import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hasStopped, stateOf } from '../src/testing/process-state.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/samples.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'tierlock-'));
after(() => rmSync(folder, { recursive: true }));

test('takes, blocks, releases, passes on', async () => {
  const path = join(folder, 'passes-on');
  await using first = await spawnTaker(module);
  await using second = await spawnTaker(module);
  const held = await first.take(path).acquired;
  assert.ok(held);
  assert.ok(existsSync(path));
  const wait = second.take(path);
  await wait.mustBlock();
  const before = process.hrtime.bigint();
  assert.equal(await first.release(), true);
  const next = await wait.acquired;
  assert.ok(next && held.at < before && before < next.at);
  assert.equal(await wait.release(), true);
  assert.equal(existsSync(path), false);
});

test('it obeys when all of it is there, however slowly its second thread starts', async () => {
  const slow = `import { isMainThread } from 'node:worker_threads';
    if (!isMainThread) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);`;
  const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(slow)}`];
  const by = ['sh', '-c', 'ulimit -n 300; exec "$0" "$@"'] as const;
  const attempts = new URL('./support/file-attempts.js', import.meta.url);
  await using taker = await spawnTaker(attempts, { execArgv, by });
  // From now on nothing can be loaded. It is the second thread that ends the first one's wait; else that ends too late.
  await taker.run('openAll');
  await (
    await taker.busy(2000)
  )();
  await taker.run('closeAll');
});

test('mustBlock fails for a lock that is free', async () => {
  await using taker = await spawnTaker(module);
  taker.take(join(folder, 'free'));
  await assert.rejects(taker.mustBlock(), /should have blocked, but the take had its result/);
});

test('mustBlock fails for a lock that comes while it looks', async () => {
  const path = join(folder, 'comes');
  await using first = await spawnTaker(module);
  await using second = await spawnTaker(module);
  await first.take(path).acquired;
  second.take(path);
  await second.mustBlock();
  const looking = assert.rejects(
    second.mustBlock({ rounds: Infinity }),
    /should have blocked, but the take had/,
  );
  await first.release();
  await looking;
});

test('mustBlock fails for a child whose loop does not run', async () => {
  const path = join(folder, 'silent');
  await using taker = await spawnTaker(module);
  mkdirSync(path);
  taker.take(path);
  await taker.mustBlock();
  const end = await taker.busy();
  await assert.rejects(
    taker.mustBlock({ timeoutMs: 100 }),
    /should have blocked, but .* 100 ms: is its loop blocked/,
  );
  await end();
  await taker.mustBlock();
});

const failed = (error: Error): boolean => {
  assert.equal(error.name, 'TypeError');
  assert.match(error.stack ?? '', /no path, no lock[^]*samples\.js[^]*in a taker/);
  return true;
};

test('an error of the strategy comes back with its stack', async () => {
  await using taker = await spawnTaker(module);
  await assert.rejects(taker.take('').acquired, failed);
  await assert.rejects(taker.mustBlock(), failed);
  await assert.rejects(taker.take(join(folder, 'no', 'way')).acquired, { code: 'ENOENT' });
  await assert.rejects(taker.release(), /does not hold/);
  await assert.rejects(taker.run('nonsense'), /no function 'nonsense'/);
});

test('a holder is killed: it is gone, its lock stays where the strategy leaves it', async () => {
  const path = join(folder, 'killed');
  await using holder = await spawnTaker(module);
  await using waiter = await spawnTaker(module);
  await holder.take(path).acquired;
  const wait = waiter.take(path);
  await wait.mustBlock();
  assert.deepEqual(await holder.kill(), { code: null, signal: 'SIGKILL' });
  assert.equal(stateOf(holder.pid), '');
  await wait.mustBlock();
  rmdirSync(path);
  assert.ok(await wait.acquired);
  await assert.rejects(holder.take(path).acquired, /gone/);
});

test('a waiter is killed: its take is rejected', async () => {
  const path = join(folder, 'waiter');
  mkdirSync(path);
  await using taker = await spawnTaker(module);
  const { acquired } = taker.take(path);
  await taker.mustBlock();
  await taker.kill();
  await assert.rejects(acquired, /ended by SIGKILL/);
});

test('a process is said to be stopped when all of its threads are', async (t) => {
  const thread = `for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);`;
  const source = `for (let i = 0; i < 20; i++) new (require('worker_threads').Worker)(${JSON.stringify(thread)}, { eval: true });`;
  const child = spawn(process.execPath, ['--eval', source]);
  t.after(() => child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const threads = (): string[] => readdirSync(`/proc/${pid}/task`);
  await waitUntil(() => threads().length > 20, { what: 'the threads run' });
  for (let round = 0; round < 50; round++) {
    child.kill('SIGSTOP');
    // Without a pause, in which they all would stop.
    for (const end = performance.now() + 30_000; !hasStopped(pid);) assert.ok(performance.now() < end);
    assert.deepEqual(
      threads().filter((id) => !/^\d+ .*\) T/.test(readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8'))),
      [],
    );
    child.kill('SIGCONT');
  }
});

test('a stopped taker does nothing until it goes on', async () => {
  const path = join(folder, 'stopped');
  mkdirSync(path);
  await using taker = await spawnTaker(module);
  const { acquired } = taker.take(path);
  await taker.mustBlock();
  await taker.stop();
  assert.match(stateOf(taker.pid), /^T/);
  rmdirSync(path);
  await assert.rejects(taker.mustBlock({ timeoutMs: 100 }), /did not answer/);
  assert.equal(existsSync(path), false);
  await taker.continue();
  assert.ok(await acquired);
});

test('a busy taker answers when it is done', async () => {
  await using taker = await spawnTaker(module);
  const end = await taker.busy();
  const { acquired } = taker.take(join(folder, 'busy'));
  await assert.rejects(taker.mustBlock({ timeoutMs: 100 }), /did not answer/);
  await end();
  assert.ok(await acquired);
  await taker.busy(10);
  assert.equal(await taker.release(), true);
});

test('no answer is an error, not a test that hangs', async () => {
  const path = join(folder, 'late');
  mkdirSync(path);
  await using taker = await spawnTaker(module, { timeoutMs: 100 });
  await assert.rejects(taker.take(path).acquired, /did not answer within 100 ms: take/);
});

test('exits and throws', async () => {
  await using polite = await spawnTaker(module);
  assert.deepEqual(await polite.exit(3), { code: 3, signal: null });
  await using rude = await spawnTaker(module);
  const { acquired } = rude.take(folder);
  await rude.mustBlock();
  assert.deepEqual(await rude.throw('out of order'), { code: 1, signal: null });
  await assert.rejects(acquired, /out of order/);
});

test('a module that cannot be used is told at the start', async () => {
  await assert.rejects(spawnTaker(new URL('./support/nowhere.js', import.meta.url)), /nowhere\.js/);
  await assert.rejects(
    spawnTaker(new URL('../src/testing/settled.js', import.meta.url)),
    /no function 'take'/,
  );
  await assert.rejects(spawnTaker(module, { execArgv: ['--nonsense'] }), /code 9[^]*--nonsense/);
});

const alive = (pid: number): boolean => !['', 'Z'].includes(stateOf(pid).slice(0, 1));

const ends = [
  ['idle', 'is killed'],
  ['idle', 'exits'],
  ['idle', 'forgets'],
  ['busy', 'is killed'],
  ['busy', 'exits'],
] as const;

for (const [state, way] of ends)
  test(`no orphan: the taker is ${state} and its parent ${way}`, async () => {
    const parent = fork(fileURLToPath(new URL('./support/samples-parent.js', import.meta.url)), [state, way]);
    try {
      const [pid]: number[] = await once(parent, 'message');
      assert.ok(pid);
      if (way !== 'forgets') assert.ok(alive(pid));
      if (way === 'is killed') parent.kill('SIGKILL');
      if (way === 'exits') parent.send('exit');
      await waitUntil(() => parent.exitCode !== null || parent.signalCode !== null, {
        what: 'the parent has ended',
      });
      await waitUntil(() => !alive(pid), { what: `the taker ${pid} is gone` });
    } finally {
      parent.kill('SIGKILL');
    }
  });
