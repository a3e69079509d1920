/** However the demo ends, its processes end, and it leaves no files where it can still remove them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDemo } from './support/demo-runs.js';
import type { DemoRun } from './support/demo-runs.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const { newFolder } = temporary();
const skip = process.platform !== 'linux' && 'needs /proc';
/** Longer than any test waits. If those are killed, it ends by itself, but not before. */
const endless = ['--requests', '1000000', '--seconds', '300', '--no-report'];

const all = (run: DemoRun, count: number): Promise<boolean> =>
  waitUntil(() => run.pids().length === count, { what: `${count} processes run`, timeoutMs: 60_000 });

const none = (run: DemoRun): Promise<boolean> =>
  waitUntil(() => run.pids().length === 0, { what: 'all processes have ended', timeoutMs: 60_000 });

/** Until its processes are there, or until clients are served: the file that they overwrite is there. */
async function started(
  deployment: string,
  processes: number,
  folder: string,
  serves: boolean,
): Promise<DemoRun> {
  const run = startDemo([...endless, '--only', deployment], folder);
  await all(run, 1 + processes);
  const served = (): boolean => readdirSync(folder).some((name) => existsSync(join(folder, name, 'todos')));
  if (serves) await waitUntil(served, { what: 'a client is served', timeoutMs: 60_000 });
  return run;
}

const ways: Record<string, (pid: number) => void> = {
  '^C, which all of its processes get': (pid) => process.kill(-pid, 'SIGINT'),
  'a SIGINT of its own': (pid) => process.kill(pid, 'SIGINT'),
  'a SIGTERM': (pid) => process.kill(pid, 'SIGTERM'),
};
const moments = { 'while its processes start': false, 'while it serves': true };
for (const [name, end] of Object.entries(ways)) {
  for (const [moment, serves] of Object.entries(moments)) {
    for (const deployment of ['cluster-threads', 'proxy']) {
      test(`${deployment} ends by ${name}, ${moment}`, { skip }, async () => {
        const folder = newFolder();
        const run = await started(deployment, 2, folder, serves);
        end(run.child.pid ?? 0);
        assert.equal(await run.ended, name.includes('SIGTERM') ? 143 : 130);
        // Before that it has seen them end.
        assert.deepEqual(run.pids(), []);
        assert.equal(run.output.stderr, '');
        assert.deepEqual(readdirSync(folder), []);
      });
    }
  }
}

for (const [deployment, processes] of [
  ['cluster', 4],
  ['proxy', 2],
] as const) {
  test(`killed, it cannot end its processes, which see it: ${deployment}`, { skip }, async () => {
    const run = await started(deployment, processes, newFolder(), true);
    process.kill(run.child.pid ?? 0, 'SIGKILL');
    await none(run);
    assert.equal(await run.ended, 'SIGKILL');
  });
}

test('a process of the service that ends by itself ends the demo, with a word', { skip }, async () => {
  const folder = newFolder();
  const run = await started('cluster', 4, folder, true);
  process.kill(run.pids().find((pid) => pid !== run.child.pid) ?? 0, 'SIGKILL');
  assert.equal(await run.ended, 74);
  assert.equal(run.output.stderr, 'tierlock demo: a process of the service has ended by itself (SIGKILL)\n');
  assert.deepEqual([run.pids(), readdirSync(folder)], [[], []]);
});

test('with nobody to read what it prints, it ends', { skip }, async () => {
  const folder = newFolder();
  const run = startDemo(['--requests', '20', '--no-report'], folder);
  run.child.stdout?.destroy();
  assert.equal(await run.ended, 141);
  assert.deepEqual([run.pids(), readdirSync(folder), run.output.stderr], [[], [], '']);
});
