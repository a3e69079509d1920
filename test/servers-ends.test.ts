/**
 * However a program ends that has started servers, neither they nor their folders are there afterwards. The programs
 * run in a process each; what they leave is looked for from outside.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as always } from 'node:test';
import { Worker } from 'node:worker_threads';
import { runProgram } from './support/child.js';
import { noMount } from './support/mounts.js';
import { requireServer } from './support/servers/available.js';
import { stateOf } from '../src/testing/process-state.js';
import { waitUntil } from '../src/testing/wait.js';

const skip =
  requireServer('redis') ||
  requireServer('etcd') ||
  (process.platform !== 'linux' && 'NOT TESTED: only Linux tells what there is of other processes');
const test = (name: string, fn: () => Promise<void>): void => void always(name, { skip }, fn);

const from = (file: string): string =>
  JSON.stringify(new URL(`./support/servers/${file}.js`, import.meta.url).href);

/** What a program prints first: its folder, and the processes of its servers. */
interface Started {
  readonly top: string;
  readonly pids: readonly number[];
}

const start = `
  import { dirname } from 'node:path';
  import { startRedises } from ${from('redis')};
  import { startEtcd } from ${from('etcd')};
  const [[a, b], etcd] = await Promise.all([startRedises(2), startEtcd()]);
  const servers = [a, b, ...etcd.nodes];
  // To stop is to be deaf to whatever is sent politely.
  await a.stop();
  const started = { top: dirname(a.folder), pids: servers.map(({ pid }) => pid) };
  console.log(JSON.stringify(started));
`;

const isGone = (pid: number): boolean => ['', 'Z'].includes(stateOf(pid).slice(0, 1));

async function mustBeGone({ top, pids }: Started): Promise<void> {
  for (const pid of pids) await waitUntil(() => isGone(pid), { what: `server ${pid} is gone` });
  const left = (): boolean => existsSync(top) || existsSync(`${top}.ended`);
  await waitUntil(() => !left(), { what: `${top} is removed` });
}

const ends: readonly [name: string, code: string, how: number | NodeJS.Signals][] = [
  ['ends of itself', '', 0],
  ['calls process.exit', 'process.exit(3);', 3],
  ['throws what nobody catches', `setImmediate(() => { throw new Error('oh'); });`, 1],
  ['is told to end', `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`, 'SIGTERM'],
  ['is killed', `process.kill(process.pid, 'SIGKILL');`, 'SIGKILL'],
  ['is killed with its group', `process.kill(-process.pid, 'SIGKILL');`, 'SIGKILL'],
];
for (const [name, code, how] of ends)
  test(`nothing is left of a program that ${name}`, async () => {
    // In a group of its own.
    const end = await runProgram(`${start}${code}`, [process.execPath], 'setsid');
    const { pids, top } = JSON.parse(end.stdout) as Started;
    assert.equal(pids.length, 3, end.stderr);
    assert.equal(end.code ?? end.signal, how);
    await mustBeGone({ pids, top });
  });

test('nothing is left of a program that is killed while its servers start', async () => {
  const program = (ms: number): string => `
    import { dirname } from 'node:path';
    import { newFolder } from ${from('keeper')};
    import { startRedises } from ${from('redis')};
    console.log(JSON.stringify({ top: dirname(newFolder('first')), pids: [] }));
    void startRedises(3);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${ms});
  `;
  const tops = [0, 3, 6, 12, 24].map(async (ms) => {
    const { stdout } = await runProgram(program(ms));
    const { top } = JSON.parse(stdout) as Started;
    await mustBeGone({ top, pids: [] });
    return top;
  });
  for (const top of await Promise.all(tops)) {
    // What has not become a server yet ends when it sees that there is no folder.
    await waitUntil(() => commandLines().every((line) => !line.includes(top)), {
      what: `nobody names ${top}`,
    });
  }
});

always(
  'where memory is small, as in a container, their folders are elsewhere',
  { skip: skip || noMount() },
  async () => {
    const small = 'mount -t tmpfs -o size=64m none /dev/shm && exec "$0" "$@"';
    const flags = ['--mount', 'sh', '-c', small, process.execPath];
    const code = `import { newFolder } from ${from('keeper')}; console.log(newFolder('x'));`;
    const { stdout, stderr } = await runProgram(code, flags, 'unshare');
    assert.ok(stdout.startsWith(join(tmpdir(), 'tierlock-servers-')), stdout + stderr);
  },
);

test('servers of a worker thread end with it', async () => {
  const code = `
    import { parentPort } from 'node:worker_threads';
    ${start}
    parentPort.postMessage(started);
    setInterval(() => undefined, 1000);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { stdout: true });
  const [started] = (await once(worker, 'message')) as [Started];
  assert.equal(started.pids.length, 3);
  await worker.terminate();
  await mustBeGone(started);
});

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
}
