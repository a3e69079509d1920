/** Processes of every sort contend for one file: none of what they write is lost, and the history of it all is right. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import { counterOf, grantsIn, sorts, start } from './support/contenders.js';
import type { Contest } from './support/contenders.js';
import type { LockEvent } from './support/events.js';
import { check, mostAtOnce, mustBeCorrect } from './support/history.js';
import { readFileLogs } from './support/record.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newPath, newFolder } = temporary();
const factor = process.env['TIERLOCK_TEST'] === 'full' ? 20 : 1;

type Plan = Pick<Contest, 'kind' | 'processes' | 'unlocked' | 'meeting'> & {
  readonly sort: (typeof sorts)[number];
  readonly how: 'async' | 'sync' | 'mixed';
};

/** Has them all begin at once, and tells what they have seen, and to what they have counted. */
async function contest({
  sort,
  how,
  ...plan
}: Plan): Promise<[events: LockEvent[], counter: number, sections: number]> {
  const folder = newFolder();
  const path = newPath();
  writeFileSync(counterOf(folder), '0');
  // Without a lock they only meet: what else they did would go wrong in too many ways.
  const rounds = plan.unlocked === true ? 0 : (factor * 400) / plan.processes;
  const guard = new FileLock(path, { kind: plan.kind ?? 'ofd' }).lockSync();
  const runs = Array.from({ length: plan.processes }, (_, i) => {
    const sync = how === 'sync' || (how === 'mixed' && i % 2 === 0);
    return start(sort, {
      ...plan,
      path,
      folder,
      rounds,
      ...(sync ? { how: 'sync', tasks: 1 } : { tasks: 3 }),
    });
  });
  const begun = waitUntil(() => readFileLogs(folder).length >= plan.processes, {
    what: 'all have asked for it',
    timeoutMs: 30_000,
  });
  await Promise.race([begun, Promise.all(runs)]);
  guard.release();
  await Promise.all(runs);
  return [
    readFileLogs(folder),
    Number(readFileSync(counterOf(folder), 'utf8')),
    (rounds + 1) * plan.processes,
  ];
}

async function mustExclude(plan: Omit<Plan, 'meeting'>): Promise<void> {
  const [events, counter, sections] = await contest({ ...plan, meeting: 'shared' });
  mustBeCorrect(events);
  assert.equal(mostAtOnce(events, 'exclusive'), 1);
  assert.ok(mostAtOnce(events, 'shared') >= plan.processes, 'readers share');
  assert.equal(counter, grantsIn(events, 'exclusive'), 'an update was lost');
  assert.equal(grantsIn(events, 'shared') + counter, sections);
}

for (const sort of sorts) {
  for (const how of ['async', 'sync'] as const) {
    test(`2, 4 and 8 ${sort} processes exclude each other, ${how}`, async () => {
      for (const processes of [2, 4, 8]) await mustExclude({ sort, how, processes });
    });
  }
}

for (const kind of ['flock', 'posix'] as const) {
  test(`${kind}: processes exclude each other, some of them blocking`, async () => {
    await mustExclude({ sort: 'plain', how: 'mixed', kind, processes: 4 });
  });
}

test('without a lock the history tells', async () => {
  const plan = { sort: 'plain', how: 'async', processes: 3, unlocked: true } as const;
  // Here they can only meet if nothing excludes them.
  const [events] = await contest({ ...plan, meeting: 'exclusive' });
  assert.ok(check(events).some(({ fault }) => fault === 'exclusion'));
  assert.ok(mostAtOnce(events, 'exclusive') >= 3);
});
