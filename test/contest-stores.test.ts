/** Contests for locks in stores find out which lock excludes and who goes on without it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absentStore, storeOrigin } from '../bench/contestants/stores.js';
import { group } from '../bench/distributed.js';
import { unpinnable } from '../bench/files/crew.js';
import { contest, crowd, share } from '../bench/stores/contest.js';
import { damage } from '../bench/stores/faults.js';
import { aged, commandsOfCycle, free } from '../bench/stores/free.js';
import { commandsOfHandOff, gapWhileKilling, handOff, handOffOf } from '../bench/stores/hand-off.js';
import { withServers } from '../bench/stores/servers.js';
import { requireServer } from './support/servers/available.js';

const module = new URL('./support/no-store-lock.js', import.meta.url).href;
const noLock = { module, name: 'no lock' };
const alone = unpinnable() ?? false;
const skip = alone || requireServer('redis');
const skipEtcd = alone || requireServer('etcd');
const ours = 'tierlock: redis';

test('a lock in a store that lets everybody in fails the contest', { skip: alone }, async () => {
  const plan = { tasks: [3, 3], ms: 400 };
  await assert.rejects(contest(noLock, [], plan), /the lock does not exclude: \d+ sections counted to \d+/);
});

test('a hand-off that nobody waited for fails', { skip: alone }, async () => {
  await assert.rejects(handOffOf(noLock, [], 5, true), /the lock does not exclude/);
});

test('writes of a holder who knows nothing of its loss are counted', { skip }, async () => {
  const knowsNothing = { module, name: 'knows nothing' };
  for (const fault of ['wiped', 'silent'] as const) {
    const { bad, release } = await withServers(ours, (servers) => damage(knowsNothing, servers, fault, 400));
    assert.ok(bad > 5, `${fault}: ${bad} writes`);
    assert.equal(release, true);
  }
});

test('we write no more when our record has lapsed, and our release says so', { skip }, async () => {
  const { bad, told, release } = await withServers(ours, (servers) =>
    damage(storeOrigin(ours), servers, 'silent', 1_000),
  );
  assert.deepEqual([bad, release], [0, false]);
  assert.ok(told < 0, `${told} ms after the loss`);
});

test('what a free lock and a hand-off cost in Redis is timed and counted', { skip }, async () => {
  for (const us of await free(ours, true, 1)) assert.ok(us > 0);
  assert.deepEqual(await commandsOfCycle(ours), [2]);
  const [ratio = 0] = await aged(ours, 10);
  assert.ok(ratio > 0);
  assert.ok((await handOff(ours, 2, true)) > 0);
  // By ten clients: at least one that takes and one that gives back.
  const commands = await commandsOfHandOff(ours, 9, true);
  assert.ok(2 <= commands && commands < 20, `${commands} commands`);
  // A busy machine may leave a process no time for a tenth of a second.
  assert.ok((await crowd(ours, 1000)) > 0);
});

test('hand-offs go on while connections are killed', { skip }, async () => {
  const gap = await gapWhileKilling(ours, 100, 60_000);
  assert.ok(gap > 0);
});

test('a free lock in etcd is two calls', { skip: skipEtcd }, async () => {
  assert.deepEqual(await commandsOfCycle('tierlock: etcd'), [2]);
  const [us = 0] = await free('floor: txn and delete', true, 1);
  assert.ok(us > 0);
});

test('the shares of processes are compared', { skip }, async () => {
  const least = await share(ours, 300);
  assert.ok(0 <= least && least <= 1, String(least));
});

test('everybody who is named in the group is there, or says why not', async () => {
  for (const name of new Set(group.cases.flatMap((each) => each.contestants))) {
    const why = await absentStore(name);
    if (why !== undefined) assert.match(why, /there is no \S+ on the PATH/);
  }
});
