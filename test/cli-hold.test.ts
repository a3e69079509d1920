/** `tierlock hold`: what it prints, when, and how it ends. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { lock, tryLock } from '../src/index.js';
import { Cli, cli } from './support/cli.js';
import { temporary } from './support/temporary.js';

const { newFolder, newPath } = temporary();

const at = (lockPath: string): { env: NodeJS.ProcessEnv } => ({ env: { TIERLOCK_PATH: lockPath } });

test('it holds until its input ends', async () => {
  const lockPath = newFolder();
  const options = { external: true, lockPath };
  await using holder = new Cli(['hold', 'job'], at(lockPath));
  const [, token = '0'] = await holder.printed(/^ACQUIRED (\d+)\n/);
  assert.equal(await tryLock('job', options), null);
  // What is written to it is not the end.
  holder.write('anything\n');
  const waiting = lock('job', options);
  assert.equal(await tryLock('job', options), null);
  holder.endInput();
  await using guard = await waiting;
  assert.ok(guard.token > BigInt(token));
  assert.deepEqual(await holder.ended, { end: 0, stdout: `ACQUIRED ${token}\nRELEASED\n`, stderr: '' });
});

test('it gives up in time, and says so', async () => {
  const lockPath = newFolder();
  await using guard = await lock('job', { external: true, lockPath });
  for (const late of [['-n'], ['--timeout', '0.05'], ['--timeout', '0'], ['-s', '-n']])
    assert.deepEqual(await cli(['hold', ...late, 'job'], at(lockPath)), {
      end: 75,
      stdout: 'TIMEOUT\n',
      stderr: '',
    });
  assert.equal(await guard.release(), true);
});

test('readers hold beside readers', async () => {
  const lockPath = newFolder();
  await using first = new Cli(['hold', '--shared', 'job'], at(lockPath));
  await first.printed(/ACQUIRED/);
  const second = await cli(['hold', '-sn', 'job'], at(lockPath));
  assert.match(second.stdout, /^ACQUIRED \d+\nRELEASED\n$/);
  assert.equal((await cli(['hold', '-n', 'job'], at(lockPath))).end, 75);
});

test('a signal ends it, and it is ours to the end', async () => {
  const lockPath = newFolder();
  await using holder = new Cli(['hold', 'job'], at(lockPath));
  await holder.printed(/ACQUIRED/);
  holder.send('SIGTERM');
  const { end, stdout } = await holder.ended;
  assert.equal(end, 'SIGTERM');
  assert.match(stdout, /^ACQUIRED \d+\nRELEASED\n$/);
});

test('it is kept as long as it is to be, if no signal ends that', async () => {
  const lockPath = newFolder();
  await using holder = new Cli(['hold', '--min-hold', '600', 'job'], at(lockPath));
  await holder.printed(/ACQUIRED/);
  holder.endInput();
  assert.equal((await cli(['hold', '-n', 'job'], at(lockPath))).end, 75);
  holder.send('SIGTERM');
  assert.match((await holder.ended).stdout, /\nRELEASED\n$/);
});

test('what goes wrong is a line, and an exit code that says how', async () => {
  const file = newPath();
  writeFileSync(file, '');
  const noFolder = await cli(['hold', '--lock-path', file, 'job']);
  assert.equal(noFolder.end, 74);
  assert.match(noFolder.stdout, /^ERROR '.*' or a part of it is no folder: .*\n$/);
  const noAddon = await cli(['hold', 'job'], { env: { TIERLOCK_ADDON: 'off' } });
  assert.equal(noAddon.end, 78);
  assert.match(noAddon.stdout, /^ERROR the native addon of tierlock is missing/);
  // So it is where programs are run.
  assert.equal((await cli(['run', '--lock-path', file, 'job', 'true'])).end, 74);
  assert.equal((await cli(['run', 'job', 'true'], { env: { TIERLOCK_ADDON: 'off' } })).end, 78);
  assert.equal((await cli(['run', 'job', 'true'], { env: { TIERLOCK_PATH: 'relative' } })).end, 78);
});
