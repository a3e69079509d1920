/** A lock by proper-lockfile, between real processes: ours with each other, and with those who use it without us. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs, {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LockBackendError, LockTimeoutError, LockUnsupportedError } from '../src/errors.js';
import { ALL } from '../src/files/kernel-file.js';
import { LeasedFile } from '../src/files/lockfile.js';
import { FileQueue } from './support/lockfiles.js';
import type { Request, State } from './support/lockfiles.js';
import { spawnTaker } from '../src/testing/taker.js';
import type { Acquired, Taker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const module = new URL('./support/lockfiles.js', import.meta.url);
const full = process.env['TIERLOCK_TEST'] === 'full';
const folder = mkdtempSync(join(tmpdir(), 'tierlock-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
/** In a folder of its own, to see what is left there. */
function newPath(): string {
  const own = join(folder, `place-${files++}`);
  mkdirSync(own);
  return join(own, 'data');
}
const left = (path: string): string[] => readdirSync(join(path, '..')).toSorted();

const STALE = 2000;
const idOf = (path: string): bigint => lstatSync(`${path}.lock`, { bigint: true }).ino;
const timeOf = (path: string): number => lstatSync(`${path}.lock`).mtimeMs;

/** When it was acquired, on the clock by which others judge who is stale. */
function wallTime(acquired: Acquired | null): number {
  assert.ok(acquired);
  return Number(acquired.at - process.hrtime.bigint()) / 1e6 + Date.now();
}

const takers = (count: number): Promise<Taker[]> =>
  Promise.all(Array.from({ length: count }, () => spawnTaker(module)));
const dismiss = (all: readonly Taker[]): Promise<unknown> => Promise.all(all.map((one) => one.kill()));

const pairs = [
  [false, false],
  [false, true],
  [true, false],
] as const;
const side = (plain: boolean): string => (plain ? 'one without us' : 'one of ours');

for (const [holderIsPlain, waiterIsPlain] of pairs) {
  test(`${side(waiterIsPlain)} waits until ${side(holderIsPlain)} lets go`, async () => {
    const path = newPath();
    await using holder = await spawnTaker(module);
    await using waiter = await spawnTaker(module);
    await holder.take({ path, plain: holderIsPlain }).acquired;
    assert.equal(await waiter.take({ path, plain: waiterIsPlain, how: 'try' }).acquired, null);
    const wait = waiter.take({ path, plain: waiterIsPlain });
    await wait.mustBlock();
    const before = process.hrtime.bigint();
    assert.equal(await holder.release(), true);
    const next = await wait.acquired;
    assert.ok(next && before < next.at);
    assert.equal(await wait.release(), true);
    assert.deepEqual(left(path), []);
  });
}

for (const [what, all] of Object.entries({
  'two processes': [{}, { how: 'sync' }],
  'four processes': [{}, { how: 'sync' }, {}, { how: 'sync' }],
  'two of ours and two without us': [{}, { plain: true }, { how: 'sync' }, { plain: true }],
} satisfies Record<string, Partial<Request>[]>)) {
  test(`${what} add to one number, and none of it is lost`, async () => {
    const path = newPath();
    const counter = newPath();
    writeFileSync(counter, '0');
    const rounds = full ? 1000 : 50;
    const team = await takers(all.length);
    await Promise.all(
      all.map((how, i) => (team[i] as Taker).run('count', { path, ...how, counter, rounds })),
    );
    assert.equal(readFileSync(counter, 'utf8'), String(all.length * rounds));
    assert.deepEqual(left(path), []);
    await dismiss(team);
  });
}

test('several who meet a stale one: just one of them gets it', async () => {
  const team = await takers(4);
  const path = newPath();
  for (let round = 0; round < (full ? 300 : 25); round++) {
    mkdirSync(`${path}.lock`);
    utimesSync(`${path}.lock`, 1000, 1000);
    const from = Date.now() + 10;
    const had = await Promise.all(team.map((one) => one.run('rush', { path }, from)));
    assert.deepEqual(
      had.filter((one) => one === true),
      [true],
    );
    await Promise.all(team.map((one) => one.run('endRush')));
    assert.deepEqual(left(path), []);
  }
  await dismiss(team);
});

// Each of these takes as long as one takes to become stale: all at the same time.
void describe('whoever does not refresh it', { concurrency: true }, () => {
  for (const [holderIsPlain, waiterIsPlain] of pairs) {
    test(`${side(holderIsPlain)} is killed: ${side(waiterIsPlain)} takes it over, not before it is stale`, async () => {
      const path = newPath();
      const holder = await spawnTaker(module);
      await using waiter = await spawnTaker(module);
      await holder.take({ path, stale: STALE, plain: holderIsPlain }).acquired;
      const wait = waiter.take({ path, stale: STALE, plain: waiterIsPlain });
      await wait.mustBlock();
      await holder.kill();
      const since = timeOf(path);
      const next = await wait.acquired;
      assert.ok(wallTime(next) >= since + STALE);
      assert.notEqual(timeOf(path), since);
      if (!waiterIsPlain) {
        const state = (await waiter.run('state', { path, stale: STALE })) as State;
        assert.deepEqual([state.held, state.recovered], [true, true]);
      }
      assert.equal(await wait.release(), true);
      assert.deepEqual(left(path), []);
    });

    test(`${side(holderIsPlain)} lives, and holds it longer than it takes to be stale: ${side(waiterIsPlain)} waits`, async () => {
      const path = newPath();
      await using holder = await spawnTaker(module);
      await using waiter = await spawnTaker(module);
      await holder.take({ path, stale: STALE, plain: holderIsPlain }).acquired;
      const wait = waiter.take({ path, stale: STALE, plain: waiterIsPlain });
      await wait.mustBlock();
      const [id, began] = [idOf(path), timeOf(path)];
      await waitUntil(() => Date.now() > began + STALE + 500 && timeOf(path) > began + STALE, {
        what: 'it is refreshed',
      });
      await wait.mustBlock();
      assert.equal(idOf(path), id);
      assert.equal(await holder.release(), true);
      await wait.acquired;
    });
  }

  for (const plain of [false, true]) {
    test(`a holder is stopped, ${side(plain)} takes it over: the holder is told, and removes nothing`, async () => {
      const path = newPath();
      const request = { path, stale: STALE };
      const [holder, waiter, third] = await takers(3);
      assert.ok(holder && waiter && third);
      await holder.take(request).acquired;
      const wait = waiter.take({ ...request, plain });
      await wait.mustBlock();
      await holder.stop();
      await wait.acquired;
      const id = idOf(path);
      await holder.continue();
      const state = (await holder.run('state', request)) as State;
      assert.equal(state.held, false);
      assert.equal(state.aborted, true);
      assert.equal(state.losses.length, 1);
      assert.match(state.losses[0] ?? '', /was lost: it was not refreshed for \d{4} ms.*longer 'stale'/);
      assert.equal(await holder.release(), false);
      assert.equal(idOf(path), id);
      assert.equal(await third.take({ ...request, how: 'try' }).acquired, null);
      assert.equal(await wait.release(), true);
      assert.deepEqual(left(path), []);
      // It can have it again.
      assert.ok(await holder.take(request).acquired);
      assert.equal(await holder.release(), true);
      await dismiss([holder, waiter, third]);
    });
  }

  test('a thread stands still: it knows at the first look, before any timer, and removes nothing', async () => {
    const path = newPath();
    const request = { path, stale: STALE };
    const [holder, waiter, third] = await takers(3);
    assert.ok(holder && waiter && third);
    const still = holder.run('standStill', request, `${path}.go`);
    await waitUntil(() => existsSync(`${path}.go.began`), { what: 'it holds it' });
    await waiter.take(request).acquired;
    const id = idOf(path);
    writeFileSync(`${path}.go`, '');
    const { state, released } = (await still) as { state: State; released: boolean };
    assert.deepEqual([state.held, released, state.losses.length], [false, false, 1]);
    assert.equal(idOf(path), id);
    assert.equal(await third.take({ ...request, how: 'try' }).acquired, null);
    assert.equal(await waiter.release(), true);
    await dismiss([holder, waiter, third]);
  });

  test('the same without us: it removes what is ours, and we are told', async () => {
    const path = newPath();
    const request = { path, stale: STALE };
    const [holder, waiter, third] = await takers(3);
    assert.ok(holder && waiter && third);
    const still = holder.run('standStill', { ...request, plain: true }, `${path}.go`);
    await waitUntil(() => existsSync(`${path}.go.began`), { what: 'it holds it' });
    await waiter.take(request).acquired;
    writeFileSync(`${path}.go`, '');
    assert.deepEqual(await still, { state: undefined, released: true });
    assert.ok(await third.take({ ...request, how: 'try' }).acquired);
    const told = async (): Promise<string | undefined> => {
      const { losses } = (await waiter.run('state', request)) as State;
      return losses[0];
    };
    assert.match(String(await waitUntil(told, { what: 'it is told' })), /was lost: somebody else has it now/);
    assert.equal(await waiter.release(), false);
    assert.equal(await third.release(), true);
    await dismiss([holder, waiter, third]);
  });
});

test('what stood still may be the clock of the system: the other one counts, too', async (t) => {
  const queue = new FileQueue({ path: newPath(), stale: 10_000 });
  const now = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now });
  const holding = await queue.take();
  assert.deepEqual([queue.file.passable, holding.held], [true, true]);
  t.mock.timers.setTime(now + 6000);
  // Not enough to let the next one of this thread begin with.
  assert.deepEqual([queue.file.passable, holding.held], [false, true]);
  t.mock.timers.setTime(now + 9001);
  assert.deepEqual([queue.file.passable, holding.held], [false, false]);
  t.mock.timers.setTime(now);
  assert.equal(holding.held, false, 'it stays lost');
  assert.equal(holding.release(), false);
});

test('somebody removes it: the holder is told by a timer, and the next one of the thread does not get it so', async () => {
  const path = newPath();
  const queue = new FileQueue({ path, stale: STALE });
  const holding = await queue.take();
  const { signal } = holding;
  const next = queue.take();
  rmdirSync(`${path}.lock`);
  mkdirSync(`${path}.lock`);
  const id = idOf(path);
  assert.equal(holding.held, true, 'it was not told yet');
  await waitUntil(() => signal.aborted, { what: 'it is told' });
  assert.equal(holding.held, false);
  assert.match(String(signal.reason), /LockLostError: .* somebody else has it now/);
  assert.equal(queue.queue.length, 1);
  assert.equal(holding.release(), false);
  assert.equal(queue.queue.length, 1);
  assert.equal(idOf(path), id);
  rmdirSync(`${path}.lock`);
  assert.equal((await next).release(), true);
});

for (const [what, spoil, message] of [
  ['removes', (dir: string) => rmdirSync(dir), /somebody has removed it/],
  [
    'touches',
    (dir: string) => writeFileSync(join(dir, 'file'), ''),
    /has changed its time, or what is in it,/,
  ],
] as const) {
  test(`somebody ${what} it: a release says so`, async () => {
    const path = newPath();
    const queue = new FileQueue({ path });
    const holding = await queue.take();
    spoil(`${path}.lock`);
    assert.equal(holding.release(), false);
    assert.match(queue.losses[0]?.message ?? '', message);
    assert.equal(existsSync(`${path}.lock`), what === 'touches');
  });
}

/** Has something happen before the next folder is renamed. */
function beforeRename(t: TestContext, happen: (from: string) => void): void {
  const { renameSync } = fs;
  const restore = (): void => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  };
  t.mock.method(fs, 'renameSync', (from: string, to: string) => {
    restore();
    happen(from);
    renameSync(from, to);
  });
  syncBuiltinESMExports();
  t.after(restore);
}

test('another comes between the last look and the removal: his gets its name back', (t) => {
  const path = newPath();
  const file = new LeasedFile(path);
  assert.equal(file.tryTake(ALL), true);
  let id: bigint | undefined;
  beforeRename(t, (from) => {
    rmdirSync(from);
    mkdirSync(from);
    id = idOf(path);
  });
  file.give(ALL);
  assert.equal(idOf(path), id);
  assert.deepEqual(left(path), ['data.lock']);
});

test("another's does not lose its name for a moment, if it was there at the last look", () => {
  const path = newPath();
  const file = new LeasedFile(path);
  assert.equal(file.tryTake(ALL), true);
  rmdirSync(`${path}.lock`);
  mkdirSync(`${path}.lock`);
  const changed = (): bigint => lstatSync(join(path, '..'), { bigint: true }).mtimeNs;
  const before = changed();
  file.give(ALL);
  assert.equal(changed(), before);
});

test('while one takes over what is stale, nobody else does; who has died then does not keep others out', (t) => {
  const path = newPath();
  const [file, other] = [new LeasedFile(path), new LeasedFile(path)];
  mkdirSync(`${path}.lock`);
  utimesSync(`${path}.lock`, 1000, 1000);
  let had: boolean | undefined;
  beforeRename(t, () => (had = other.tryTake(ALL)));
  assert.deepEqual([file.tryTake(ALL), had], [true, false]);
  assert.equal(file.recovered, true);
  file.give(ALL);

  mkdirSync(`${path}.lock`);
  utimesSync(`${path}.lock`, 1000, 1000);
  mkdirSync(`${path}.lock.takeover`);
  assert.deepEqual([file.tryTake(ALL), left(path)], [false, ['data.lock', 'data.lock.takeover']]);
  utimesSync(`${path}.lock.takeover`, 1000, 1000);
  assert.equal(file.take(ALL, 1000), true);
  file.give(ALL);
  assert.deepEqual(left(path), []);
});

test('whoever gives up leaves nothing', async () => {
  const path = newPath();
  await using holder = await spawnTaker(module);
  await holder.take({ path }).acquired;
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const queue = new FileQueue({ path });
  await waitUntil(() => timers() === 0, { what: 'nothing else waits' });
  const controller = new AbortController();
  const aborted = queue.take({ signal: controller.signal });
  const late = queue.take({ timeout: 30 });
  await assert.rejects(late, LockTimeoutError);
  controller.abort(new Error('enough'));
  await assert.rejects(aborted, /^Error: enough$/);
  assert.throws(() => queue.takeSync({ timeout: 30 }), LockTimeoutError);
  assert.deepEqual([queue.queue.length, timers()], [0, 0]);
  assert.deepEqual(left(path), ['data.lock']);
  assert.equal(await holder.release(), true);
  assert.deepEqual(left(path), []);
});

test('a thread that waits blocked can be terminated', async () => {
  const path = newPath();
  const holding = await new FileQueue({ path }).take();
  const words = new Int32Array(new SharedArrayBuffer(8));
  await using team = runWorkers({ count: 1, module, name: 'waitSync', data: { path, words } });
  await waitUntil(() => Atomics.load(words, 0) === 1, { what: 'it is about to wait' });
  await team.terminate(0);
  assert.equal(holding.release(), true);
  assert.deepEqual([Atomics.load(words, 1), ...left(path)], [0]);
});

for (const how of ['exit', 'SIGTERM'] as const) {
  test(`a holder that ends lets go at once: ${how}`, async () => {
    const path = newPath();
    const holder = await spawnTaker(module);
    await holder.take({ path }).acquired;
    if (how === 'exit') assert.equal((await holder.exit(3)).code, 3);
    else assert.equal((await holder.kill(how)).signal, how);
    assert.deepEqual(left(path), []);
  });
}

test('it refuses what it cannot do, and says what to do', () => {
  const path = newPath();
  const file = new LeasedFile(path);
  assert.throws(
    () => file.tryTake(1),
    (error: Error) => {
      assert.ok(error instanceof LockUnsupportedError);
      return /cannot be shared: take it alone, or use the kernel's locks/.test(error.message);
    },
  );
  assert.throws(() => new LeasedFile(path, { stale: 1999 }), RangeError);
  assert.throws(() => new LeasedFile(path, { stale: '5 s' as never }), TypeError);
  const fails = (at: string, message: RegExp): void => {
    const other = new LeasedFile(at);
    assert.throws(
      () => other.tryTake(ALL),
      (error: Error) => {
        assert.ok(error instanceof LockBackendError);
        assert.match(error.message, message);
        return true;
      },
    );
  };
  fails(`${path}/no/such`, /no\/such\.lock' could not be made \(ENOENT\): its folder does not exist/);
  writeFileSync(`${path}.lock`, '');
  fails(path, /data\.lock' is no lock of proper-lockfile: it is no folder. Remove it/);
  mkdirSync(`${path}2.lock/inside`, { recursive: true });
  utimesSync(`${path}2.lock`, 1000, 1000);
  fails(`${path}2`, /there is something in it. Remove it/);
  assert.deepEqual(left(path), ['data.lock', 'data2.lock']);
});

test('without proper-lockfile it says how to get it', async () => {
  const copy = newPath();
  for (const part of ['dist/src', 'native', 'package.json']) {
    cpSync(fileURLToPath(new URL(`../../${part}`, import.meta.url)), join(copy, part), { recursive: true });
  }
  const program = `
    import { LeasedFile } from ${JSON.stringify(join(copy, 'dist/src/files/lockfile.js'))};
    try { new LeasedFile('x'); } catch (error) { console.log(error.code, error.message); }`;
  const env = { ...process.env, NODE_PATH: '' };
  const args = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: folder });
  assert.match(
    stdout,
    /^ERR_LOCK_UNSUPPORTED .*Cannot find module 'proper-lockfile'.*: npm install proper-lockfile$/m,
  );
});
