/** `tierlock run`: programs that exclude each other, and how they end, as flock(1) has it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lock, tryLock } from '../src/index.js';
import { Cli, cli, lives, program } from './support/cli.js';
import { kernelLocks } from './support/system.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newFolder, newPath } = temporary();

/** Says that it runs, and stays until its input ends. */
const stays = ['--', 'sh', '-c', 'echo runs $$; exec cat'];

const at = (lockPath: string): { env: NodeJS.ProcessEnv } => ({ env: { TIERLOCK_PATH: lockPath } });

async function start(lockPath: string, ...options: string[]): Promise<Cli> {
  const running = new Cli(['run', ...options, 'job', ...stays], at(lockPath));
  await running.printed(/runs/);
  return running;
}

test('two of one name exclude each other, and the second goes on when the first has ended', async () => {
  const folder = newFolder();
  await using first = await start(folder);
  await using second = new Cli(['run', 'job', '--', 'echo', 'second'], at(folder));
  const waits = (): boolean => kernelLocks(join(folder, 'job.lock')).some((each) => each.waits);
  await waitUntil(waits, { what: 'the second waits in the kernel', timeoutMs: 30_000 });
  assert.equal(second.output.stdout, '');
  first.endInput();
  assert.equal((await first.ended).end, 0);
  assert.deepEqual(await second.ended, { end: 0, stdout: 'second\n', stderr: '' });
});

test('readers run beside readers, and a writer beside nobody', async () => {
  const folder = newFolder();
  await using first = await start(folder, '--shared');
  assert.equal((await cli(['run', '-sn', 'job', 'true'], at(folder))).end, 0);
  assert.equal((await cli(['run', '-n', 'job', 'true'], at(folder))).end, 1);
  // The last one of the two counts.
  assert.equal((await cli(['run', '-s', '-x', '-n', 'job', 'true'], at(folder))).end, 1);
  assert.equal((await cli(['run', '-e', '-s', '-n', 'job', 'true'], at(folder))).end, 0);
  first.endInput();
  assert.equal((await first.ended).end, 0);
});

// What flock(1) says to the same; where it is not there, what is written here.
const flock = spawnSync('flock', ['--version']).status === 0;
const ends: readonly [line: readonly string[], end: number][] = [
  [['FILE', 'true'], 0],
  [['FILE', 'sh', '-c', 'exit 3'], 3],
  [['FILE', '-c', 'exit 4'], 4],
  [['FILE', 'sh', '-c', 'kill -TERM $$'], 143],
  [['FILE', 'sh', '-c', 'kill -KILL $$'], 137],
  [['FILE', './no-such-program'], 69],
  [['FILE', '/etc/passwd'], 69],
  [['-w', 'x', 'FILE', 'true'], 64],
  [['-E', '300', 'FILE', 'true'], 64],
  [['--no-such-option', 'FILE', 'true'], 64],
  [['-n', 'HELD', 'true'], 1],
  [['--nonblock', '-E', '9', 'HELD', 'true'], 9],
  [['-w', '0.05', 'HELD', 'true'], 1],
  [['-w0.05', '--conflict-exit-code', '7', 'HELD', 'true'], 7],
  [['-w', '0', 'HELD', 'true'], 1],
  [['-o', '-x', 'FILE', 'true'], 0],
];

test('it ends as flock(1) does', async () => {
  const folder = newFolder();
  await using holder = new Cli(['run', 'HELD', ...stays], at(folder));
  await holder.printed(/runs/);
  const [free, held] = [newPath(), newPath()];
  const ours = await Promise.all(
    ends.map(async ([line]) => [line, (await cli(['run', ...line], at(folder))).end]),
  );
  assert.deepEqual(ours, ends);
  if (!flock) return;
  const paths = (line: readonly string[]): string[] =>
    line.map((arg) => (arg === 'FILE' ? free : arg === 'HELD' ? held : arg));
  const theirs = ends.map(([line]) => {
    const inner = ['flock', ...paths(line)];
    // Inside of one that holds the other file.
    const env = { ...process.env, SHELL: '/bin/sh' };
    const { status } = spawnSync('flock', [held, ...inner], { stdio: 'ignore', env });
    return [line, status];
  });
  assert.deepEqual(theirs, ends);
});

test("a COMMAND is for the user's shell, and for sh where he has none", async () => {
  const shell = newPath();
  writeFileSync(shell, '#!/bin/sh\necho "mine: $*"\n', { mode: 0o755 });
  const told = async (SHELL: string | undefined): Promise<string> =>
    (await cli(['run', 'job', '-c', 'echo "$LOCK_NAME"'], { env: { TIERLOCK_PATH: newFolder(), SHELL } }))
      .stdout;
  assert.equal(await told(shell), 'mine: -c echo "$LOCK_NAME"\n');
  assert.equal(await told(''), 'job\n');
  assert.equal(await told(undefined), 'job\n');
});

test('who comes too late says nothing, unless he is asked to', async () => {
  const folder = newFolder();
  await using holder = await start(folder);
  assert.deepEqual(await cli(['run', '-n', 'job', 'true'], at(folder)), { end: 1, stdout: '', stderr: '' });
  const { stderr } = await cli(['run', '-n', '--verbose', 'job', 'true'], at(folder));
  assert.match(stderr, new RegExp(`^tierlock run: timed out .*held by process ${holder.pid} since`));
  const other = await cli(['run', '--verbose', 'other', 'true'], at(folder));
  assert.match(other.stderr, /^tierlock run: got 'other' after \d+\.\d{3} s, token \d+\n$/);
});

test('the program knows the name and the token, which grows', async () => {
  const folder = newFolder();
  const print = ['sh', '-c', 'echo "$LOCK_NAME $LOCK_TOKEN"'];
  const tokens: bigint[] = [];
  for (let i = 0; i < 2; i++) {
    const { stdout } = await cli(['run', 'a name', ...print], at(folder));
    const [, token = ''] = /^a name (\d+)\n$/.exec(stdout) ?? [];
    tokens.push(BigInt(token));
  }
  assert.ok((tokens[0] ?? 0n) > 0n && (tokens[1] ?? 0n) > (tokens[0] ?? 0n));
});

test('what follows the program is its own, and its input and output are ours', async () => {
  const folder = newFolder();
  const echo = ['node', '-e', 'console.log(process.argv.slice(1).join())', '--'];
  const told = async (...line: string[]): Promise<string> =>
    (await cli(['run', ...line], at(folder))).stdout.trim();
  assert.equal(await told('job', '-w', '5', ...echo, '-n', '--help'), '-n,--help');
  assert.equal(await told('-w5', '--', 'job', ...echo, '-x', 'y'), '-x,y');
  assert.equal(await told('--', '-job', 'sh', '-c', 'echo $LOCK_NAME'), '-job');
  await using copies = new Cli(['run', 'job', '--', 'sh', '-c', 'cat; echo bad >&2'], at(folder));
  copies.write('text');
  copies.endInput();
  assert.deepEqual(await copies.ended, { end: 0, stdout: 'text', stderr: 'bad\n' });
});

test('the program inherits no file of the lock', async () => {
  const list = ['ls', '-l', '/proc/self/fd'];
  // Beside the three streams, and the folder that it reads.
  const others = (stdout: string): string[] => {
    const open = stdout.match(/\d+ -> .*/g) ?? [];
    return open.filter((line) => !/^[012] ->|\/proc\/\d+\/fd$/.test(line));
  };
  const { stdout } = await cli(['run', 'job', ...list], at(newFolder()));
  assert.match(stdout, / 2 -> /);
  // What there is without us comes from whoever runs this test.
  assert.deepEqual(others(stdout), others(spawnSync('ls', list.slice(1), { encoding: 'utf8' }).stdout));
});

test('a program that cannot be started leaves the name free', async () => {
  const folder = newFolder();
  const { end, stderr } = await cli(['run', 'job', './no-such-program'], at(folder));
  assert.equal(end, 69);
  assert.match(stderr, /^tierlock run: '\.\/no-such-program' could not be started: .*ENOENT/);
  assert.equal((await cli(['run', '-n', 'job', 'true'], at(folder))).end, 0);
});

test('a Node process with { external: true } is kept out, and keeps out', async () => {
  const lockPath = newFolder();
  const options = { external: true, lockPath };
  {
    await using guard = await lock('job', options);
    assert.ok(guard.held);
    assert.equal((await cli(['run', '-n', '--lock-path', lockPath, 'job', 'true'])).end, 1);
  }
  await using running = new Cli(['run', '--lock-path', lockPath, 'job', ...stays]);
  await running.printed(/runs/);
  assert.equal(await tryLock('job', options), null);
  const waiting = lock('job', options);
  running.endInput();
  assert.equal(await (await waiting).release(), true);
});

test('who is killed frees the name at once, and his program goes on without it', async () => {
  const folder = newFolder();
  await using running = new Cli(['run', 'job', 'sh', '-c', 'echo runs $$; exec sleep 600'], at(folder));
  const pid = Number((await running.printed(/runs (\d+)\n/))[1]);
  try {
    running.send('SIGKILL');
    assert.equal(await running.gone(), 'SIGKILL');
    assert.equal((await cli(['run', '-w', '30', 'job', 'true'], at(folder))).end, 0);
    assert.ok(lives(pid));
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

test('a name is kept for as long as it is to be, however short the program is', async () => {
  const folder = newFolder();
  const began = performance.now();
  assert.equal((await cli(['run', '--min-hold', '0.3', 'job', 'sh', '-c', 'exit 7'], at(folder))).end, 7);
  assert.ok(performance.now() - began >= 300);
  const short = ['job', 'sh', '-c', 'echo $$; exit 7'];
  await using keeps = new Cli(['run', '--min-hold', '600', ...short], at(folder));
  const [, pid] = await keeps.printed(/(\d+)\n/);
  await waitUntil(() => !lives(Number(pid)), { what: 'the program has ended' });
  assert.equal((await cli(['run', '-n', 'job', 'true'], at(folder))).end, 1);
  // Who does not want that any more says so, and the program has ended as it has.
  keeps.send('SIGTERM');
  assert.equal((await keeps.ended).end, 7);
  // So does who has ended the program.
  await using ended = new Cli(
    ['run', '--min-hold', '600', 'job', 'sh', '-c', 'echo runs; exec cat'],
    at(folder),
  );
  await ended.printed(/runs/);
  ended.send('SIGTERM');
  assert.equal((await ended.ended).end, 'SIGTERM');
  assert.equal((await cli(['run', '-n', 'job', 'true'], at(folder))).end, 0);
});

test('no client of a store is loaded where none is asked', () => {
  const look = `process.on('exit', () => {
    const loaded = Object.keys(require.cache).filter((file) => /node_modules.(ioredis|redis|@redis|piscina)/.test(file));
    console.log(['loaded', loaded.length, Object.keys(require.cache).length > 0].join(' '));
  });`;
  const encoded = `data:text/javascript,${encodeURIComponent(`import { createRequire } from 'node:module';
    const require = createRequire('${program}');${look}`)}`;
  const run = (url: string): string =>
    spawnSync(
      process.execPath,
      ['--import', encoded, program, 'run', ...(url ? ['--url', url] : []), '-n', 'job', 'true'],
      {
        env: { ...process.env, TIERLOCK_PATH: newFolder() },
        encoding: 'utf8',
      },
    ).stdout;
  assert.match(run(''), /^loaded 0 true/);
  // It would be seen.
  assert.doesNotMatch(run('redis://127.0.0.1:1'), /^loaded 0/);
});
