/** However the demo ends, its processes end, and it leaves no files where it can still remove them. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startDemo } from './support/demo-runs.js';
import type { DemoRun } from './support/demo-runs.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from './support/wait.js';

const { newFolder } = temporary();
const skip = process.platform !== 'linux' && 'needs /proc';
const endless = ['--requests', '1000000', '--seconds', '1000000', '--no-report'];

const all = (run: DemoRun, count: number): Promise<boolean> =>
  waitUntil(() => run.pids().length === count, { what: `${count} processes run`, timeoutMs: 60_000 });

const none = (run: DemoRun): Promise<boolean> =>
  waitUntil(() => run.pids().length === 0, { what: 'all processes have ended', timeoutMs: 60_000 });

/** Ends it in the middle of a cell, or while its processes start. */
async function started(deployment: string, processes: number, folder: string): Promise<DemoRun> {
  const run = startDemo([...endless, '--only', deployment], folder);
  await all(run, 1 + processes);
  return run;
}

const ways: Record<string, (pid: number) => void> = {
  '^C, which all of its processes get': (pid) => process.kill(-pid, 'SIGINT'),
  'a SIGINT of its own': (pid) => process.kill(pid, 'SIGINT'),
  'a SIGTERM': (pid) => process.kill(pid, 'SIGTERM'),
};
for (const [name, end] of Object.entries(ways)) {
  for (const [deployment, processes] of [
    ['cluster-threads', 2],
    ['proxy', 2],
  ] as const) {
    test(`${deployment} ends by ${name}`, { skip }, async () => {
      const folder = newFolder();
      const run = await started(deployment, processes, folder);
      end(run.child.pid ?? 0);
      assert.equal(await run.ended, name.includes('SIGTERM') ? 143 : 130);
      // Before that it has seen them end.
      assert.deepEqual(run.pids(), []);
      assert.equal(run.output.stderr, '');
      assert.deepEqual(readdirSync(folder), []);
    });
  }
}

test('killed, it cannot end its processes, which see it', { skip }, async () => {
  const run = await started('cluster', 4, newFolder());
  process.kill(run.child.pid ?? 0, 'SIGKILL');
  await none(run);
  assert.equal(await run.ended, 'SIGKILL');
});

test('a process of the service that ends by itself ends the demo, with a word', { skip }, async () => {
  const folder = newFolder();
  const run = await started('cluster', 4, folder);
  process.kill(run.pids().find((pid) => pid !== run.child.pid) ?? 0, 'SIGKILL');
  assert.equal(await run.ended, 69);
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
