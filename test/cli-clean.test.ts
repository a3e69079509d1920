/** `tierlock clean`: removes what nobody uses, and splits nobody who does. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Cli, cli } from './support/cli.js';
import type { Count } from './support/file-locks.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';

const locks = new URL('./support/file-locks.js', import.meta.url);
const { newFolder, newPath } = temporary();

const at = (lockPath: string): { env: NodeJS.ProcessEnv } => ({ env: { TIERLOCK_PATH: lockPath } });

test('it removes the files that nobody holds, and says which', async () => {
  const folder = newFolder();
  await using holder = new Cli(['hold', 'held'], at(folder));
  await holder.printed(/ACQUIRED/);
  for (const name of ['free', 'a/b']) await cli(['run', name, 'true'], at(folder));
  writeFileSync(join(folder, 'yarn.lock'), 'not ours');
  const all = ['.tierlock', 'a%2Fb.lock', 'free.lock', 'held.lock', 'yarn.lock'];
  assert.deepEqual(readdirSync(folder).toSorted(), all);

  const dry = await cli(['clean', '--dry-run'], at(folder));
  assert.deepEqual(dry, {
    end: 0,
    stdout: 'would remove a%2Fb.lock\nwould remove free.lock\n2 can be removed, 1 in use\n',
    stderr: '',
  });
  assert.deepEqual(readdirSync(folder).toSorted(), all);

  const { end, stdout } = await cli(['clean', '--json'], at(folder));
  assert.equal(end, 0);
  const { removed, ...rest } = JSON.parse(stdout) as { removed: string[] };
  assert.deepEqual(removed.toSorted(), ['a%2Fb.lock', 'free.lock']);
  assert.deepEqual(rest, { folder, dryRun: false, inUse: ['held.lock'] });
  assert.deepEqual(readdirSync(folder).toSorted(), ['.tierlock', 'held.lock', 'yarn.lock']);
  // What is held is held by who held it.
  assert.equal((await cli(['run', '-n', 'held', 'true'], at(folder))).end, 1);
});

test('nothing is lost while it runs all the time', async () => {
  const folder = newFolder();
  await cli(['run', 'job', 'true'], at(folder));
  const counter = newPath();
  writeFileSync(counter, '0');
  await using one = await spawnTaker(locks);
  await using two = await spawnTaker(locks);
  let rounds = 0;
  let removed = 0;
  const request: Count = { path: join(folder, 'job.lock'), counter, rounds: 200 };
  // Until it has met them often enough.
  for (let met = 0; met < 10; met += removed > 0 ? 1 : 0) {
    const counting = Promise.all([one.run('count', request), two.run('count', request)]);
    const cleaned = await cli(['clean', '--json'], at(folder));
    removed += (JSON.parse(cleaned.stdout) as { removed: string[] }).removed.length;
    await counting;
    rounds += 2 * request.rounds;
  }
  assert.equal(readFileSync(counter, 'utf8'), String(rounds));
});

test('a folder that is no folder is an error', async () => {
  const path = newPath();
  writeFileSync(path, '');
  const { end, stderr } = await cli(['clean', '--lock-path', path]);
  assert.equal(end, 74);
  assert.match(stderr, /^tierlock clean: '.*' or a part of it is no folder/);
  assert.ok(existsSync(path));
});
