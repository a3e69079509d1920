/** Contests between processes find out which lock excludes, and make the right figures of what they saw. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { absentFile } from '../bench/contestants/files.js';
import { buildNative } from '../bench/contestants/native.js';
import { alone } from '../bench/files/alone.js';
import { slowed } from '../bench/files/bystanders.js';
import { type Plan, contest, share, throughput } from '../bench/files/contest.js';
import { unpinnable } from '../bench/files/crew.js';
import { Board, newFile, withFolder } from '../bench/files/folder.js';
import { handOff } from '../bench/files/hand-off.js';
import { recovery } from '../bench/files/recovery.js';
import { group } from '../bench/files.js';
import { allowedCores } from './support/system.js';

const plan: Plan = { processes: 2, windows: 2, windowMs: 30 };
const noLock = { module: new URL('./support/no-file-lock.js', import.meta.url).href, name: 'no lock' };
const skip = unpinnable() ?? (allowedCores().length < 2 && 'nobody meets anybody on one core');
const without = (await absentFile('tierlock')) ?? false;
const withoutPeer = (await absentFile('fs-ext: flock')) ?? false;

test('a figure is made of what all processes did in a window', () => {
  const turns = [
    [30, 300],
    [60, 150],
  ];
  assert.deepEqual(throughput(turns, plan), [3, 15]);
  assert.equal(share(turns), 210 / 330);
});

test('numbers in a file are seen by all who have it open; at first they are 0', () =>
  withFolder((folder) => {
    const path = newFile(folder, 'board');
    const [one, two] = [new Board(path), new Board(path)];
    one.set(3, 0.1);
    assert.deepEqual(
      [0, 3, 4].map((at) => two.get(at)),
      [0, 0.1, 0],
    );
    assert.equal(readFileSync(path).length, 32);
    return Promise.resolve();
  }));

test('a lock on a file that lets everybody in fails the contest', { skip }, async () => {
  // On a busy machine the two are seldom on their cores at the same time.
  await assert.rejects(
    contest(noLock, { ...plan, windowMs: 300 }),
    /the lock does not exclude: \d+ sections counted to \d+/,
  );
});

test('a hand-off that nobody waited for fails', { skip }, async () => {
  await assert.rejects(handOff(noLock, true), /the lock does not exclude/);
});

test('what fails in a process of a contest fails the contest, and says how', { skip }, async () => {
  await assert.rejects(contest({ ...noLock, name: 'does not load' }, plan), /there is no such lock/);
});

test('several processes count under one lock, however they take it', { skip: skip || without }, async () => {
  for (const name of ['tierlock', 'tierlock: await']) {
    const long = { ...plan, windowMs: 300, processes: 3 };
    const turns = await contest(name, long);
    assert.deepEqual(
      turns.map((each) => each.length),
      [2, 2, 2],
    );
    // On a busy machine nobody may get anywhere in one of such short windows.
    assert.ok(
      throughput(turns, long).some((rate) => rate > 0),
      name,
    );
  }
});

test('a free lock, a hand-off and a death are timed', { skip: skip || without }, async () => {
  for (const ns of await alone('tierlock: await', true)) assert.ok(ns > 0);
  for (const name of ['tierlock: flock', 'tierlock: await']) assert.ok((await handOff(name, true)) > 1, name);
  for (const ms of await recovery('tierlock: await', true)) assert.ok(0 < ms && ms < 5_000, `${ms} ms`);
});

test('C takes the lock of a file', { skip: buildNative() ?? false }, async () => {
  for (const name of ['floor: C, ofd', 'floor: C, flock'])
    for (const ns of await alone(name, true)) assert.ok(ns > 50, `${name}: ${ns} ns`);
});

test('whoever waits in the pool of libuv is seen to fill it', { skip: skip || withoutPeer }, async () => {
  for (const times of await slowed('fs-ext: flock', 'fs.readFile', true)) assert.ok(times > 10, `${times}x`);
});

test('everybody who is named in the group is there, or says why not', async () => {
  const names = new Set(group.cases.flatMap((each) => each.contestants));
  for (const name of names) {
    const why = await absentFile(name);
    if (why !== undefined)
      assert.match(why, /does not work here: \w*Error: |needs a C compiler|as Linux does/);
  }
});
