/** `tierlock run` and signals: a program under it lives as if it had been started directly. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { atTerminal, Cli, cli, lineOf } from './support/cli.js';
import { hasStopped } from '../src/testing/process-state.js';
import { kernelLocks } from './support/system.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newFolder } = temporary();

const at = (lockPath: string): { env: NodeJS.ProcessEnv } => ({ env: { TIERLOCK_PATH: lockPath } });

/** Prints each signal that it gets; ends with 5 when it gets SIGTERM, or its input ends. */
const hears = `
  for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'])
    process.on(name, () => console.log(name));
  process.on('SIGTERM', () => { console.log('SIGTERM'); process.exit(5); });
  process.stdin.resume().on('end', () => process.exit(6));
  console.log('ready ' + process.ppid + ' ' + process.pid);
`;

test('a program is passed what its runner is sent, and that ends with it', async () => {
  await using running = new Cli(['run', 'job', process.execPath, '-e', hears], at(newFolder()));
  await running.printed(/ready/);
  for (const signal of [
    'SIGHUP',
    'SIGINT',
    'SIGQUIT',
    'SIGUSR1',
    'SIGUSR2',
    'SIGWINCH',
    'SIGCONT',
  ] as const) {
    running.send(signal);
    await running.printed(new RegExp(`${signal}\n`));
  }
  running.send('SIGTERM');
  const { end, stdout } = await running.ended;
  assert.equal(end, 5);
  assert.equal(
    stdout.replace(/^ready \d+ \d+\n/, ''),
    'SIGHUP\nSIGINT\nSIGQUIT\nSIGUSR1\nSIGUSR2\nSIGWINCH\nSIGCONT\nSIGTERM\n',
  );
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) {
  test(`${signal} ends a program that does not mind it, and the runner as it would have`, async () => {
    const folder = newFolder();
    const sleeps = ['job', 'sh', '-c', 'echo runs; exec sleep 600'];
    await using running = new Cli(['run', ...sleeps], at(folder));
    await running.printed(/runs/);
    running.send(signal);
    assert.deepEqual(await running.ended, { end: signal, stdout: 'runs\n', stderr: '' });
    assert.equal((await cli(['run', '-n', 'job', 'true'], at(folder))).end, 0);
  });

  test(`${signal} ends a wait, and nothing stays behind`, async () => {
    const folder = newFolder();
    await using holder = new Cli(['hold', 'job'], at(folder));
    await holder.printed(/ACQUIRED/);
    const file = join(folder, 'job.lock');
    const waits = (): boolean => kernelLocks(file).some((each) => each.waits);
    for (const waiting of [
      ['run', 'job', 'echo', 'runs'],
      ['hold', 'job'],
    ]) {
      await using waiter = new Cli(waiting, at(folder));
      await waitUntil(waits, { what: 'it waits in the kernel', timeoutMs: 30_000 });
      waiter.send(signal);
      assert.deepEqual(await waiter.ended, { end: signal, stdout: '', stderr: '' });
      await waitUntil(() => !waits(), { what: 'nobody waits in the kernel' });
    }
    holder.endInput();
    assert.equal((await holder.ended).end, 0);
  });
}

test('^C in a terminal reaches the program once', async () => {
  const run = lineOf(['run', 'job', process.execPath, '-e', hears]);
  await using terminal = atTerminal(run, { TIERLOCK_PATH: newFolder() });
  const [, runner] = await terminal.printed(/ready (\d+) \d+\r\n/);
  terminal.write('\x03');
  await terminal.printed(/SIGINT\r\n/);
  // Signals are passed on in their order: a second SIGINT would have come before this one.
  process.kill(Number(runner), 'SIGTERM');
  const { end, stdout } = await terminal.ended;
  assert.equal(stdout.match(/SIGINT/g)?.length, 1);
  assert.match(stdout, /SIGTERM/);
  assert.equal(end, 5);
});

test('a program is stopped with its runner, and goes on with it', async () => {
  // In a group of its own, beside that of a shell: others cannot be stopped so.
  // To its end: else `wait` returns when the job is stopped, and the shell ends what it leaves behind stopped.
  const shell = 'set -m; "$@" & wait -f $!';
  const run = lineOf(['run', 'job', process.execPath, '-e', hears]);
  await using started = new Cli(undefined, {
    ...at(newFolder()),
    by: ['setsid', '-w', 'bash', '-c', shell, 'bash', ...run],
  });
  const pids = (await started.printed(/ready (\d+) (\d+)\n/)).slice(1).map(Number);
  const [runner = 0] = pids;
  // Twice: it must be ready for it again.
  for (const heard of [/SIGCONT\n/, /SIGCONT\nSIGCONT\n/]) {
    process.kill(runner, 'SIGTSTP');
    await waitUntil(() => pids.every(hasStopped), { what: `${pids.join(', ')} are stopped` });
    process.kill(runner, 'SIGCONT');
    // It is passed on when the runner is itself again.
    await started.printed(heard);
  }
  process.kill(runner, 'SIGTERM');
  assert.equal((await started.ended).end, 5);
});
