/** `tierlock ls`, `show` and `break` of lock files: who holds what, and what cannot be taken from him. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandOfPid } from '../src/cli/looking.js';
import { FileLock, lock } from '../src/index.js';
import { Cli, cli, program } from './support/cli.js';
import { kernelLocks } from './support/system.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newFolder, newPath } = temporary();

const at = (lockPath: string): { env: NodeJS.ProcessEnv } => ({ env: { TIERLOCK_PATH: lockPath } });

async function hold(lockPath: string, ...line: string[]): Promise<Cli & { token: string }> {
  const holder = new Cli(['hold', ...line], at(lockPath));
  const [, token = ''] = await holder.printed(/ACQUIRED (\d+)\n/);
  return Object.assign(holder, { token });
}

interface Shown {
  readonly holders: readonly Record<string, unknown>[];
}

test('ls lists what is held, and nothing else', async () => {
  const folder = newFolder();
  await using first = await hold(folder, 'a/b');
  await using second = await hold(folder, '--shared', 'reads');
  assert.ok(second.pid > 0);
  assert.equal((await cli(['run', 'was held', 'true'], at(folder))).end, 0);
  const { end, stdout } = await cli(['ls', '--json'], at(folder));
  assert.equal(end, 0);
  const listed = JSON.parse(stdout) as ({ name: string; kind: string } & Shown)[];
  assert.deepEqual(
    listed.map(({ name, kind, holders }) => [name, kind, holders.length, holders[0]?.['mode']]),
    [
      ['a/b', 'lock', 1, 'exclusive'],
      ['reads', 'lock', 1, 'shared'],
    ],
  );
  const [{ tier, pid, thread, token, since, command } = {}] = listed[0]?.holders ?? [];
  const { pid: holder } = first;
  assert.deepEqual([tier, pid, thread, token], ['process', holder, holder, first.token]);
  assert.equal(new Date(since as string).toISOString(), since);
  assert.equal(command, `${process.execPath} ${program} hold a/b`);
  const table = (await cli(['ls'], at(folder))).stdout.split('\n');
  assert.match(table[0] ?? '', /^NAME +KIND +MODE +TIER +HOST +PID +SINCE +TOKEN +COMMAND$/);
  assert.match(
    table[1] ?? '',
    new RegExp(`^a/b +lock +exclusive +process +${hostname()} +${holder} .* hold a/b$`),
  );
  assert.match(table[2] ?? '', /^reads +lock +shared/);
  assert.equal(table.length, 4);
});

test('where nothing is held nothing is listed, and nothing is made', async () => {
  const path = newPath();
  for (const line of [['ls'], ['ls', '--json'], ['clean'], ['clean', '--dry-run']])
    assert.equal((await cli([...line, '--lock-path', path])).end, 0);
  assert.equal((await cli(['ls', '--lock-path', path])).stdout, '');
  assert.equal((await cli(['show', '--lock-path', path, 'job'])).end, 1);
  assert.ok(!existsSync(path));
});

test('show tells who holds a name and who waits for it', async () => {
  const folder = newFolder();
  await using holder = await hold(folder, 'job');
  await using waiter = new Cli(['run', 'job', 'echo', 'waited'], at(folder));
  const waits = (): boolean => kernelLocks(join(folder, 'job.lock')).some((each) => each.waits);
  await waitUntil(waits, { what: 'it waits in the kernel', timeoutMs: 30_000 });
  const { end, stdout } = await cli(['show', 'job', '--json'], at(folder));
  assert.equal(end, 0);
  const { name, found, waiters } = JSON.parse(stdout);
  assert.deepEqual(
    [name, found[0].holders[0].pid, found[0].holders[0].token],
    ['job', holder.pid, holder.token],
  );
  const command = `${process.execPath} ${program} run job echo waited`;
  assert.deepEqual(waiters, { threads: 1, processes: [{ pid: waiter.pid, command }] });
  const text = (await cli(['show', 'job'], at(folder))).stdout;
  assert.match(text, new RegExp(`^the lock 'job' is held by\nMODE .*\nexclusive .*${holder.pid} .*\n`));
  assert.match(
    text,
    new RegExp(`\none waits for its file on ${hostname()}\nPID .*\n${waiter.pid} .* waited\n$`),
  );
  holder.endInput();
  assert.equal((await waiter.ended).stdout, 'waited\n');
  assert.deepEqual(await cli(['show', 'job'], at(folder)), {
    end: 1,
    stdout: "nobody holds 'job'\n",
    stderr: '',
  });
});

test('who has the file open and does not wait is no waiter', async () => {
  const folder = newFolder();
  await using holder = await hold(folder, 'job');
  const fd = openSync(join(folder, 'job.lock'), 'r+');
  try {
    const { found, waiters } = JSON.parse((await cli(['show', 'job', '--json'], at(folder))).stdout);
    assert.deepEqual([found[0].holders[0].pid, waiters], [holder.pid, { threads: 0, processes: [] }]);
  } finally {
    closeSync(fd);
  }
});

test('who does not use this package is seen, too, but not who he is', async () => {
  const folder = newFolder();
  // So that the folder has its page.
  assert.equal((await cli(['run', 'job', 'true'], at(folder))).end, 0);
  const file = new FileLock(join(folder, 'job.lock'));
  using guard = await file.lock();
  assert.ok(guard.held);
  const { end, stdout } = await cli(['show', 'job'], at(folder));
  assert.equal(end, 0);
  assert.match(stdout, /\nunknown +process +\S+ +unknown$/m);
});

test('no name moves the cursor of who looks', async () => {
  const folder = newFolder();
  await using holder = await hold(folder, 'red \u001b[31m\n\u202e');
  const { stdout } = await cli(['ls'], at(folder));
  assert.match(stdout, /^red \\u\{1b\}\[31m\\u\{a\}\\u\{202e\} +lock /m);
  assert.equal(stdout.split('\n').length, 3);
  assert.ok(stdout.includes(String(holder.pid)));
});

test('passwords in the command lines of others are not shown', async () => {
  await using holder = new Cli(undefined, {
    by: ['sh', '-c', 'echo runs; cat', 'x', 'redis://user:secret@host:1/0', 'etcd://a:b@c,d'],
  });
  await holder.printed(/runs/);
  const command = commandOfPid(holder.pid) ?? '';
  assert.match(command, /redis:\/\/user:\*\*\*@host:1\/0 etcd:\/\/a:\*\*\*@c,d$/);
  assert.equal(commandOfPid(2 ** 22 + 1), undefined);
});

test('break takes no file from a process that lives, and says which one it is', async () => {
  const lockPath = newFolder();
  assert.deepEqual(await cli(['break', '--yes', 'job'], at(lockPath)), {
    end: 1,
    stdout: "nobody holds the lock 'job': nothing was done\n",
    stderr: '',
  });
  await using guard = await lock('job', { external: true, lockPath });
  const { end, stderr } = await cli(['break', 'job'], at(lockPath));
  assert.equal(end, 1);
  assert.match(
    stderr,
    new RegExp(`^tierlock break: .* of process ${process.pid} since .* cannot be taken away`),
  );
  assert.ok(guard.held);
});

test('a reader who has gone is no error', async () => {
  const env = { ...process.env, TIERLOCK_PATH: newFolder(), TIERLOCK_URL: undefined };
  const child = spawn(process.execPath, [program, 'hold', 'job'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.destroy();
  const ended = once(child, 'exit');
  child.stdin.end();
  assert.deepEqual(await ended, [0, null]);
});
