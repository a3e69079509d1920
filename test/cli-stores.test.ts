/** The program with a store: what it holds there can be lost, and what it runs is told. */
import assert from 'node:assert/strict';
import { after, before, test as always } from 'node:test';
import { connect, lock, tryLock } from '../src/index.js';
import type { Finding } from '../src/cli/findings.js';
import { atTerminal, Cli, cli, lineOf, lives } from './support/cli.js';
import { leasesIn } from './support/etcd-store.js';
import { command } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { startEtcd } from './support/servers/etcd.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { hasStopped } from '../src/testing/process-state.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const skip = requireServer('redis') || requireServer('etcd');
const test = (name: string, fn: () => Promise<void>): void => void always(name, { skip }, fn);
const { newFolder } = temporary();
let server: Server;

before(async () => {
  if (skip === false) server = await startRedis();
});
after(() => server?.close());

const stays = ['sh', '-c', 'echo runs $$; exec cat'];
const isFree = async (url: string): Promise<boolean> =>
  (await cli(['run', '--url', url, '-n', 'job', 'true'])).end === 0;

async function excludes(url: string): Promise<void> {
  await using store = connect(url);
  await using running = new Cli(['run', '--url', url, 'job', ...stays]);
  await running.printed(/runs/);
  assert.equal(await isFree(url), false);
  assert.equal(await tryLock('job', { distributed: store }), null);
  const waiting = lock('job', { distributed: store });
  running.endInput();
  assert.equal((await running.ended).end, 0);
  await using guard = await waiting;
  assert.ok(guard.held);
  // So long as a store may take to answer at all: else it would be that which has failed.
  const late = await cli(['run', '-w', '2', '-E', '9', 'job', 'true'], { env: { TIERLOCK_URL: url } });
  assert.equal(late.end, 9, late.stderr);
  assert.equal(await guard.release(), true);
  assert.equal(await isFree(url), true);
}

/** A runner whose program stays, with a lease that is soon lost. */
const runs = (): Cli =>
  new Cli(['run', '--url', server.url, '--ttl', '0.9', 'job', 'sh', '-c', 'echo runs $$; exec sleep 600']);

test('a run excludes runs and programs that ask the same Redis', () => excludes(server.url));

test('a run excludes runs and programs that ask the same etcd', async () => {
  await using etcd = await startEtcd();
  await excludes(String(etcd.urls[0]).replace('http:', 'etcd:'));
  // Not even the leases, which outlast what hangs on them unless they are ended.
  assert.deepEqual(await leasesIn(etcd), []);
});

test('a program is ended when its lock is taken away', async () => {
  const { url } = server;
  await using running = runs();
  const [, pid] = await running.printed(/runs (\d+)\n/);
  assert.match(
    (await cli(['break', '--yes', '--url', url, 'job'])).stdout,
    /\nthe lock 'job' was taken away\n$/,
  );
  const { end, stderr } = await running.ended;
  assert.equal(end, 76);
  assert.match(stderr, /^tierlock run: the lock 'job' was lost in redis: .*: ending the program\n/);
  assert.match(stderr, /the program ended with 143\n$/);
  assert.ok(!lives(Number(pid)));
});

test('a program that does not mind that is killed after a while', async () => {
  const { url } = server;
  const stubborn =
    "process.on('SIGTERM', () => console.log('TERM')); setInterval(() => {}, 1e6); console.log('runs')";
  const line = [
    'run',
    '--url',
    url,
    '--ttl',
    '0.9',
    '--kill-after',
    '0.5',
    'job',
    process.execPath,
    '-e',
    stubborn,
  ];
  await using running = new Cli(line);
  await running.printed(/runs/);
  await cli(['break', '--yes', '--url', url, 'job']);
  const { end, stdout, stderr } = await running.ended;
  assert.deepEqual([end, stdout], [76, 'runs\nTERM\n']);
  assert.match(stderr, /the program ended with 137\n$/);
});

test('a program that is stopped when its lock is lost is ended, too', async () => {
  const { url } = server;
  const line = ['job', 'sh', '-c', 'echo runs $$; kill -STOP $$; sleep 600'];
  await using running = new Cli(['run', '--url', url, '--ttl', '0.9', '--kill-after', '600', ...line]);
  const [, pid] = await running.printed(/runs (\d+)\n/);
  await waitUntil(() => hasStopped(Number(pid)), { what: 'it is stopped' });
  await cli(['break', '-y', '--url', url, 'job']);
  assert.equal((await running.ended).end, 76);
});

/** How long the only record lasts, in ms. */
async function lasts(): Promise<number> {
  const keys = (await command(server, 'KEYS', '*:lock:*')) as string[];
  assert.equal(keys.length, 1);
  return Number(await command(server, 'PTTL', keys[0] ?? ''));
}

test('it lasts as long as it is told to', async () => {
  const { url } = server;
  await using short = new Cli(['run', '--url', url, '--ttl', '0.9', 'job', ...stays]);
  await short.printed(/runs/);
  assert.ok((await lasts()) <= 900);
  short.endInput();
  assert.equal((await short.ended).end, 0);
  await using long = new Cli(['run', '--url', url, '--min-hold', '600', 'job', 'sh', '-c', 'echo $$']);
  const [, pid] = await long.printed(/(\d+)\n/);
  await waitUntil(() => !lives(Number(pid)), { what: 'the program has ended' });
  long.send('SIGTERM');
  assert.equal((await long.ended).end, 0);
  // It stays taken, whoever vanishes.
  assert.ok((await lasts()) > 500_000);
  assert.equal((await cli(['break', '-y', '--url', url, 'job'])).end, 0);
  assert.equal(await isFree(url), true);
});

test('a folder on the command line counts more than a store in the environment', async () => {
  const env = { TIERLOCK_URL: server.url };
  await using holder = new Cli(['hold', 'job'], { env });
  await holder.printed(/ACQUIRED/);
  const lockPath = newFolder();
  assert.equal((await cli(['run', '-n', 'job', 'true'], { env })).end, 1);
  assert.equal((await cli(['run', '-n', '--lock-path', lockPath, 'job', 'true'], { env })).end, 0);
  assert.equal((await cli(['ls', '--lock-path', lockPath], { env })).stdout, '');
  holder.endInput();
  assert.equal((await holder.ended).end, 0);
});

test('what is lost is told at once, when it is taken away and when the store is silent', async () => {
  const { url } = server;
  await using broken = new Cli(['hold', '--url', url, '--ttl', '0.9', 'broken']);
  await using silent = new Cli(['hold', '--url', url, '--ttl', '0.9', 'silent']);
  for (const holder of [broken, silent]) await holder.printed(/^ACQUIRED \d+\n/);
  await cli(['break', '-y', '--url', url, 'broken']);
  assert.equal((await broken.ended).end, 76);
  assert.match(
    broken.output.stdout,
    /\nLOST the lock 'broken' was lost in redis: its record is gone[^\n]*\n$/,
  );
  await server.stop();
  try {
    assert.equal((await silent.ended).end, 76);
    assert.match(silent.output.stdout, /\nLOST the lock 'silent'[^\n]*\n$/);
  } finally {
    await server.resume();
  }
});

test('a runner that stands still too long ends its program when it wakes up', async () => {
  const { url } = server;
  await using running = runs();
  await running.printed(/runs/);
  running.send('SIGSTOP');
  assert.equal((await cli(['run', '--url', url, 'job', 'true'])).end, 0);
  running.send('SIGCONT');
  assert.equal((await running.ended).end, 76);
});

test('what a killed runner has left lapses', async () => {
  const { url } = server;
  await using running = runs();
  const pid = Number((await running.printed(/runs (\d+)\n/))[1]);
  try {
    running.send('SIGKILL');
    await running.gone();
    assert.equal((await cli(['run', '--url', url, 'job', 'true'])).end, 0);
    assert.ok(lives(pid));
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

test('ls and show see who holds it there', async () => {
  const { url } = server;
  const env = { TIERLOCK_PATH: newFolder() };
  await using here = new Cli(['hold', 'both'], { env });
  await using there = new Cli(['hold', '--url', url, 'both'], { env });
  for (const holder of [here, there]) await holder.printed(/ACQUIRED/);
  const { stdout } = await cli(['show', '--url', url, '--json', 'both'], { env });
  const { found } = JSON.parse(stdout);
  assert.deepEqual(
    found[0].holders.map(({ tier, pid }: { tier: string; pid: number }) => [tier, pid]),
    [
      ['process', here.pid],
      ['distributed', there.pid],
    ],
  );
  assert.match(found[0].holders[1].command, / hold --url .* both$/);
  assert.match(
    (await cli(['ls'], { env: { ...env, TIERLOCK_URL: url } })).stdout,
    /\nboth +lock +exclusive +distributed /,
  );
  assert.doesNotMatch((await cli(['ls'], { env })).stdout, /distributed/);
  there.endInput();
  assert.equal((await there.ended).end, 0);
});

test('break asks at a terminal, and nowhere else', async () => {
  const { url } = server;
  await using holder = new Cli(['hold', '--url', url, '--ttl', '0.9', 'job']);
  await holder.printed(/ACQUIRED/);
  const unasked = await cli(['break', '--url', url, 'job']);
  assert.equal(unasked.end, 64);
  assert.match(unasked.stderr, /there is no terminal to ask at: say --yes/);
  const typed = async (answer: string): Promise<Cli> => {
    await using terminal = atTerminal(lineOf(['break', '--url', url, 'job']));
    await terminal.printed(/Take the lock 'job' away\? \[y\/N\] /);
    terminal.write(answer);
    await terminal.ended;
    return terminal;
  };
  for (const no of ['\r', 'no\r', '\x03', '\x04']) {
    const { ended, output } = await typed(no);
    assert.equal((await ended).end, 1);
    assert.match(output.stdout, /nothing was done/);
    assert.equal(await isFree(url), false);
  }
  assert.equal((await (await typed('y\r')).ended).end, 0);
  assert.equal((await holder.ended).end, 76);
});

test('doctor finds nothing wrong with it, and leaves nothing but counters', async () => {
  const { end, stdout } = await cli(['doctor', '--lock-path', newFolder(), '--url', server.url]);
  assert.match(stdout, /\nok +store redis +26 promises kept, 0 broken, 0 it does not make\n$/);
  assert.equal(end, 0);
  const keys = (await command(server, 'KEYS', '*')) as string[];
  assert.deepEqual(
    keys.filter((key) => !/^tierlock:\{\d+\}$/.test(key)),
    [],
  );
});

test('doctor finds what a store does not keep', async () => {
  await using odd = await startRedis({ args: ['--rename-command', 'SCAN', ''] });
  const { end, stdout } = await cli(['doctor', '--json', '--lock-path', newFolder(), '--url', odd.url]);
  assert.equal(end, 1);
  const found = JSON.parse(stdout) as Finding[];
  const { status, promises = [] } = found.at(-1) ?? {};
  assert.equal(status, 'fail');
  assert.deepEqual(
    promises.filter(({ result }) => result === 'broken').map(({ promise }) => promise),
    ['a list has the keys that are held, as they are, and no others'],
  );
});

test('a wait that is ended leaves nothing in the store', async () => {
  const { url } = server;
  await using holder = new Cli(['hold', '--url', url, 'job']);
  await holder.printed(/ACQUIRED/);
  await using waiter = new Cli(['run', '--url', url, 'job', 'true']);
  const waits = async (): Promise<boolean> =>
    ((await command(server, 'PUBSUB', 'CHANNELS')) as string[]).length > 0;
  await waitUntil(waits, { what: 'it has subscribed', timeoutMs: 30_000 });
  waiter.send('SIGTERM');
  assert.equal((await waiter.ended).end, 'SIGTERM');
  holder.endInput();
  assert.equal((await holder.ended).end, 0);
  const keys = (await command(server, 'KEYS', '*')) as string[];
  assert.deepEqual(
    keys.filter((key) => !/^tierlock:\{\d+\}$/.test(key)),
    [],
  );
});
