/** The demo, as its users run it: what it finds, what it says, and how it is told. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { main } from '../src/cli/demo.js';
import { runDemo } from './support/demo-runs.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { temporary } from './support/temporary.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { newFolder } = temporary();

interface Found {
  readonly asExpected: boolean;
  readonly store: string;
  readonly report?: string;
  readonly deployments: readonly {
    readonly deployment: string;
    readonly pool?: string;
    readonly cells: readonly {
      readonly lock: string;
      readonly requests: number;
      readonly mismatches: number;
      readonly together: number;
      readonly perSecond: number;
      readonly asExpected: boolean;
    }[];
  }[];
}

/** No cell shall be cut short because the machine has other things to do. */
const slow = ['--seconds', '3000'];

test('each deployment gets wrong answers behind the locks that cannot reach far enough, and behind no other', async () => {
  const folder = newFolder();
  const report = join(folder, 'page.html');
  const ran = await runDemo(['--requests', '60', ...slow, '--json', '--report', report], folder);
  assert.equal(ran.end, 0, ran.stderr);
  const found = JSON.parse(ran.stdout) as Found;
  const wrong = found.deployments.map(({ deployment, cells }) => [
    deployment,
    ...cells.map(({ lock, mismatches }) => `${lock}: ${mismatches > 0 ? 'wrong' : 'right'}`),
  ]);
  const [none, thread, processes, distributed] = ['none', 'thread', 'process', 'distributed'];
  assert.deepEqual(wrong, [
    ['sync', `${none}: right`, `${thread}: right`, `${processes}: right`],
    ['async', `${none}: wrong`, `${thread}: right`, `${processes}: right`, `${distributed}: right`],
    ['threads', `${none}: wrong`, `${thread}: right`, `${processes}: right`, `${distributed}: right`],
    ['cluster', `${none}: wrong`, `${thread}: wrong`, `${processes}: right`, `${distributed}: right`],
    ['cluster-threads', `${none}: wrong`, `${thread}: wrong`, `${processes}: right`, `${distributed}: right`],
    ['proxy', `${none}: wrong`, `${thread}: wrong`, `${processes}: wrong`, `${distributed}: right`],
  ]);
  assert.equal(found.asExpected, true);
  for (const { requests, mismatches, together, perSecond } of found.deployments.flatMap(
    ({ cells }) => cells,
  )) {
    assert.ok(requests >= 60 && requests <= 240 && perSecond > 0);
    // Whoever got a wrong answer was not alone, nor was somebody else.
    assert.ok(mismatches === 0 ? true : together >= 2);
  }
  assert.deepEqual(
    found.deployments.map(({ pool }) => pool),
    [undefined, undefined, 'piscina', undefined, 'piscina', undefined],
  );

  // What is read meanwhile, and what is left.
  assert.match(ran.stderr, /^2 services and a proxy +\d+ +\d+ +\d+ +\d+ +\d+ +\d+ +0 +\d+$/m);
  assert.match(ran.stderr, /^one synchronous handler +0 +\d+ +0 +\d+ +0 +\d+ +n\/a$/m);
  assert.match(ran.stderr, /All of it is as it must be\./);
  assert.deepEqual(readdirSync(folder), ['page.html']);
  const page = readFileSync(report, 'utf8');
  assert.equal(page.match(/<td/g)?.length, 24);
  assert.ok(page.length < 500_000);
});

test('what differs from what must be is said, and is the exit code', async () => {
  // Such a store is in the memory of a thread, so it cannot keep processes apart: where it should, it is found out.
  const folder = newFolder();
  const args = ['--url', 'memory:', '--only', 'async', '--only', 'cluster', '--requests', '200', ...slow];
  const { end, stdout, stderr } = await runDemo(args, folder);
  assert.deepEqual([end, stderr], [1, '']);
  assert.match(stdout, /Distributed: memory\./);
  const said = stdout.match(/^Not as expected: .*$/gm) ?? [];
  assert.equal(said.length, 1, stdout);
  assert.match(
    said[0] ?? '',
    /a cluster of 4, distributed: \d+ of 200 answers wrong, \d+ not alone inside; expected: none/,
  );
  assert.doesNotMatch(stdout, /as it must be/);
  assert.deepEqual(readdirSync(folder), ['report.html']);
  assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /Not as expected:<\/b> a cluster of 4/);
});

test('from a package alone, without the tools of this one, it has a pool of its own', async () => {
  const folder = newFolder();
  const own = newFolder();
  for (const part of ['package.json', 'native', 'dist/src', 'build/Release/tierlock.node'])
    cpSync(join(root, part), join(own, part), { recursive: true });
  const args = ['--only', 'threads', '--requests', '60', ...slow, '--json', '--no-report'];
  const { end, stdout, stderr } = await runDemo(args, folder, join(own, 'dist/src/cli/main.js'));
  assert.equal(end, 0, stderr);
  const { deployments, report } = JSON.parse(stdout) as Found;
  assert.equal(deployments[0]?.pool, 'worker_threads');
  assert.deepEqual(
    deployments[0]?.cells.map(({ mismatches }) => mismatches > 0),
    [true, false, false, false],
  );
  assert.match(stderr, /\(Pool:\s+worker_threads\.\)/);
  assert.equal(report, undefined);
  assert.deepEqual(readdirSync(folder), []);
});

const skip = requireServer('redis');
const password = 'not for others';
let server: Server;
before(async () => {
  if (!skip) server = await startRedis({ password });
});
after(() => server?.close());

test('with a URL the store is that one, and its password is told to nobody', { skip }, async () => {
  const folder = newFolder();
  const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
  const args = ['--url', url, '--only', 'cluster-threads', '--only', 'proxy', '--requests', '60', ...slow];
  const { end, stdout, stderr } = await runDemo(args, folder);
  assert.deepEqual([end, stderr], [0, '']);
  assert.match(stdout, /Distributed: redis\./);
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  for (const text of [stdout, page]) assert.doesNotMatch(text, /not( |%20)for( |%20)others/);
});

test('with no server there, it says so before it begins', async () => {
  const folder = newFolder();
  const { end, stdout, stderr } = await runDemo(['--url', 'redis://127.0.0.1:1', '--no-report'], folder);
  assert.deepEqual([end, stdout], [74, '']);
  assert.match(stderr, /^tierlock demo: .*redis.*\n$/i);
});

const lines: Record<string, [readonly string[], RegExp]> = {
  'an unknown option': [['--lock'], /Unknown option '--lock'/],
  'a value that is missing': [['--url'], /--url <value>/],
  'what is no option': [['fast'], /Unexpected argument 'fast'/],
  'no number': [['--requests', 'many'], /'--requests' must be a number above 0, got 'many'/],
  'no whole number': [['--requests', '1.5'], /'--requests' must be a whole number/],
  'no time': [['--seconds', '0'], /'--seconds' must be a number above 0, got '0'/],
  'no deployment': [['--only', 'fleet'], /'--only' must be one of sync, async, threads, .*, got 'fleet'/],
  'a page and none': [['--report', 'a', '--no-report'], /'--report' and '--no-report'/],
};
for (const [name, [args, message]] of Object.entries(lines)) {
  test(`${name} is an error of one line`, async () => {
    const { end, stdout, stderr } = await runDemo(args, newFolder());
    assert.deepEqual([end, stdout], [64, '']);
    assert.match(stderr, /^tierlock demo: .* \(see tierlock demo --help\)\n$/);
    assert.match(stderr, message);
  });
}

test('a page that cannot be written is an error before anything is run', async () => {
  const folder = newFolder();
  for (const report of [folder, join(folder, 'none', 'page.html')]) {
    const { end, stdout, stderr } = await runDemo(['--report', report], folder);
    assert.deepEqual([end, stdout], [74, '']);
    assert.match(stderr, /^tierlock demo: cannot write .*; say --report FILE, or --no-report\n$/);
  }
});

test('it can be called, and help is help', async (t) => {
  const written: unknown[] = [];
  t.mock.method(process.stdout, 'write', (text: unknown) => written.push(text));
  assert.equal(await main(['--help']), 0);
  t.mock.restoreAll();
  for (const option of ['url', 'requests', 'seconds', 'only', 'report', 'no-report', 'json'])
    assert.ok(String(written).includes(`--${option}`), option);
});
