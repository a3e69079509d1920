/**
 * The recorders: each gives back what it was told, on the sure side; and in real hammers between tasks, threads and
 * processes the checker tells a broken lock from a sound one.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LockEvent } from './support/events.js';
import { check, mustBeCorrect } from './support/history.js';
import {
  FileLog,
  hold,
  readFileLogs,
  readThreadLog,
  TaskLog,
  threadLog,
  threadRecorder,
} from './support/record.js';
import { brokenTaskLock, hammer, taskLock, type SampleLock, type ThreadHammer } from './support/samples.js';
import { turn } from '../src/testing/settled.js';
import { spawnTaker } from '../src/testing/taker.js';
import { waitUntil } from '../src/testing/wait.js';
import { runWorkers } from './support/workers.js';

const fail = (name: string) => (): never => {
  throw Object.assign(new Error(name), { name });
};

/** Runs with a folder of its own, which is gone afterwards. */
async function inFolder<T>(body: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tierlock-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a hold is logged on the sure side, whatever way it ends', async () => {
  const log = new TaskLog();
  const release = (): unknown => log.record('died', 9);
  const what = { who: 1, lock: 'a', mode: 2 } as const;
  assert.equal(await hold(log, what, () => ({ release, token: 7n })), true);
  assert.equal(await hold(log, what, () => null), false);
  await assert.rejects(hold(log, what, fail('LockTimeoutError')), /LockTimeoutError/);
  await assert.rejects(hold(log, what, fail('AbortError')), /AbortError/);
  await assert.rejects(
    hold(log, what, () => ({ release }), fail('BodyError')),
    /BodyError/,
  );
  const seen = log.events.map(({ kind, who }) => (who === 9 ? 'RELEASED' : kind));
  assert.deepEqual(seen.join(' ').split(' request ').slice(0, 5), [
    'request grant release RELEASED',
    'timeout',
    'timeout',
    'abort',
    'grant release RELEASED',
  ]);
  assert.equal(log.events[1]?.token, 7n);
});

test('shared memory gives back what was recorded', () => {
  const log = threadLog(2, 5, ['a', 'b']);
  const writers = [threadRecorder(log, 0), threadRecorder(log, 1)] as const;
  writers[0].record('request', 1, 'a');
  writers[1].record('request', 2, 'b', 'shared');
  writers[1].record('grant', 2, 'b', 'shared', 2n ** 62n + 3n);
  writers[0].record('grant', 1, 'a', 4, 2n ** 32n - 1n);
  writers[0].record('died', 2);
  assert.deepEqual(
    readThreadLog(log).toSorted((x, y) => x.at - y.at),
    [
      { at: 0, kind: 'request', who: 1, lock: 'a', mode: 'exclusive' },
      { at: 1, kind: 'request', who: 2, lock: 'b', mode: 'shared' },
      { at: 2, kind: 'grant', who: 2, lock: 'b', mode: 'shared', token: 2n ** 62n + 3n },
      { at: 3, kind: 'grant', who: 1, lock: 'a', mode: 4, token: 2n ** 32n - 1n },
      { at: 4, kind: 'died', who: 2, lock: '', mode: 'exclusive' },
    ],
  );
  assert.throws(() => writers[1].record('request', 1, 'c'), /no lock 'c'/);
  for (let i = 0; i < 2; i++) writers[0].record('release', 1, 'a');
  assert.throws(() => writers[0].record('release', 1, 'a'), /full at 5/);
});

test('files give back what was recorded, in the order of the clock', () =>
  inFolder((folder) => {
    const logs = [new FileLog(folder), new FileLog(folder)] as const;
    logs[0].record('request', 'one', 'a lock');
    logs[1].record('request', 2, 'b', 'shared');
    logs[1].record('grant', 2, 'b', 'shared', 2n ** 80n);
    logs[0].record('grant', 'one', 'a lock', 4);
    for (const log of logs) log.close();
    const torn = join(folder, readdirSync(folder)[0] ?? '');
    appendFileSync(torn, '["123","gra');
    const events = readFileLogs(folder).toSorted((a, b) => a.at - b.at);
    assert.deepEqual(
      events.map(({ kind, who, lock, mode, token }) => ({ kind, who, lock, mode, ...(token && { token }) })),
      [
        { kind: 'request', who: 'one', lock: 'a lock', mode: 'exclusive' },
        { kind: 'request', who: 2, lock: 'b', mode: 'shared' },
        { kind: 'grant', who: 2, lock: 'b', mode: 'shared', token: 2n ** 80n },
        { kind: 'grant', who: 'one', lock: 'a lock', mode: 4 },
      ],
    );
    assert.equal(events[0]?.at, 0);
  }));

const tasks = async (lock: SampleLock): Promise<LockEvent[]> => {
  const log = new TaskLog();
  await Promise.all(
    Array.from({ length: 8 }, (_, who) => hammer(log, lock, { who, rounds: 200, moment: () => turn() })),
  );
  return log.events;
};

test('tasks: a sound lock has a correct history, a broken one has not', async () => {
  const sound = await tasks(taskLock());
  assert.equal(sound.length, 8 * 200 * 3);
  mustBeCorrect(sound, { fifo: 0 });
  assert.ok(check(await tasks(brokenTaskLock())).some(({ fault }) => fault === 'exclusion'));
});

const threads = async (broken: boolean, rounds: number): Promise<LockEvent[]> => {
  const log = threadLog(3, rounds * 3, ['sample']);
  const data: ThreadHammer = { log, word: new Int32Array(new SharedArrayBuffer(4)), broken, rounds };
  const module = new URL('./support/samples.js', import.meta.url);
  await runWorkers({ count: 3, module, name: 'hammerThread', data }).results;
  return readThreadLog(log);
};

test('threads: a sound lock has a correct history, a broken one has not', async () => {
  const sound = await threads(false, 100);
  assert.equal(sound.length, 3 * 100 * 3);
  mustBeCorrect(sound);
  assert.ok(check(await threads(true, 30)).some(({ fault }) => fault === 'exclusion'));
});

const processes = (broken: boolean, rounds: number): Promise<LockEvent[]> =>
  inFolder(async (folder) => {
    const module = new URL('./support/samples.js', import.meta.url);
    await using first = await spawnTaker(module);
    await using second = await spawnTaker(module);
    const counts = await Promise.all(
      [first, second].map((taker) => taker.run('hammerProcess', folder, broken, rounds)),
    );
    assert.deepEqual(counts, [rounds, rounds]);
    return readFileLogs(folder);
  });

test('processes: a sound lock has a correct history, a broken one has not', async () => {
  const sound = await processes(false, 50);
  assert.equal(sound.length, 2 * 50 * 3);
  mustBeCorrect(sound);
  assert.ok(check(await processes(true, 30)).some(({ fault }) => fault === 'exclusion'));
});

test('processes: a history that was cut by a kill is correct up to the death', () =>
  inFolder(async (folder) => {
    await using taker = await spawnTaker(new URL('./support/samples.js', import.meta.url));
    const run = assert.rejects(taker.run('hammerProcess', folder, false, Infinity), /SIGKILL/);
    await waitUntil(() => readFileLogs(folder).length > 20, { what: 'some events are logged' });
    const log = new FileLog(folder);
    log.record('died', taker.pid);
    log.close();
    await taker.kill();
    await run;
    const events = readFileLogs(folder);
    mustBeCorrect(events);
    const last = Math.max(...events.map(({ at, kind }) => (kind === 'died' ? at : 0)));
    assert.ok(events.filter(({ at }) => at < last).length > 20);
  }));
