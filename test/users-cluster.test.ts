/** Locks by name in a cluster: a web server whose workers write one file, one that is killed, and a job once a period. */
import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect, lock, tryLock } from '../src/index.js';
import type { Order, Report } from './support/cluster-worker.js';
import { newFolder, startExample } from './support/examples.js';
import { hasStopped } from '../src/testing/process-state.js';
import { waitUntil } from '../src/testing/wait.js';

/** What a server answers; undefined if the connection broke. */
function ask(port: number, method: 'GET' | 'POST'): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ port, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response
        .on('end', () => resolve(`${response.statusCode} ${text}`))
        .on('error', () => resolve(undefined));
    });
    // The primary forgets connections that it has handed to a worker that was killed before it took them.
    asked.setTimeout(2000, () => asked.destroy());
    asked.on('error', () => resolve(undefined)).end();
  });
}

/** Kills whoever holds the name, while it does: stops it first, and looks again when it can do nothing any more. */
async function killHolder(name: string, lockPath: string): Promise<number> {
  return waitUntil(
    async () => {
      const [found] = await inspect(name, { external: true, lockPath });
      const holder = found?.holders.find(({ tier }) => tier === 'process');
      const pid = holder?.pid;
      if (pid === undefined) return 0;
      process.kill(pid, 'SIGSTOP');
      await waitUntil(() => hasStopped(pid), { what: `process ${pid} is stopped` });
      const [again] = await inspect(name, { external: true, lockPath });
      const holds = again?.holders.some((one) => one.tier === 'process' && one.pid === pid) === true;
      if (holds) assert.equal(await tryLock(name, { external: true, lockPath }), null);
      process.kill(pid, holds ? 'SIGKILL' : 'SIGCONT');
      return holds ? pid : 0;
    },
    { what: `a process is met that holds ${name}` },
  );
}

test('the example: four workers write one file, one is killed while it holds, the job goes on', async (t) => {
  const lockPath = newFolder(t);
  const folder = newFolder(t);
  const { child, output, ended } = startExample('cluster-server.mjs', lockPath, {
    FOLDER: folder,
    PORT: '0',
    PERIOD: '200',
  });
  t.after(() => child.kill());
  const listening = (): { pid: number; port: number }[] =>
    [...output.stdout.matchAll(/^(\d+) listens on (\d+)$/gm)].map(([, pid, port]) => ({
      pid: Number(pid),
      port: Number(port),
    }));
  await waitUntil(() => listening().length === 4, { what: 'four workers listen', timeoutMs: 30_000 });
  const port = listening()[0]?.port ?? 0;

  let asked = 0;
  let killed = 0;
  const answers: (string | undefined)[] = [];
  const enough = (): boolean => killed > 0 && answers.length >= 200;
  const client = async (): Promise<void> => {
    while (!enough()) {
      asked++;
      answers.push(await ask(port, 'POST'));
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, client));
  killed = await killHolder('visits', lockPath);
  await clients;
  await waitUntil(() => listening().length === 5, { what: 'another worker listens', timeoutMs: 30_000 });
  for (let i = 0; i < 8; i++) {
    asked++;
    answers.push(await ask(port, 'POST'));
  }

  // Those that the killed worker had taken on are lost. It may have written one of them.
  const lost = answers.filter((answer) => answer === undefined).length;
  assert.ok(lost < asked / 2, `${lost} of ${asked} requests were lost`);
  const numbers = answers
    .filter((answer) => answer !== undefined)
    .map((text) => /^200 (\d+)$/.exec(text)?.[1]);
  assert.equal(new Set(numbers).size, numbers.length, 'two got one number');
  const lines = readFileSync(join(folder, 'visits'), 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  for (const [i, line] of lines.entries()) assert.match(line, new RegExp(`^${i + 1} by \\d+$`));
  for (const number of numbers) assert.ok(Number(number) <= lines.length);
  assert.ok(lines.length >= numbers.length && lines.length <= asked);
  assert.equal(await ask(port, 'GET'), `200 ${lines.join('\n')}\n`);
  const writers = new Set(lines.map((line) => Number(line.split(' ').at(-1))));
  const workers = new Set(listening().map(({ pid }) => pid));
  assert.ok(workers.has(killed));
  assert.deepEqual(
    [...writers].filter((pid) => !workers.has(pid)),
    [],
  );
  assert.ok(writers.size >= 4, 'all workers that live write');

  const jobs = (): string[] => readFileSync(join(folder, 'jobs'), 'utf8').split('\n').slice(0, -1);
  const before = jobs().length;
  await waitUntil(() => jobs().length > before, { what: 'the job is done again' });
  for (const line of jobs()) assert.match(line, /^\d+ visits, by \d+$/);

  child.kill();
  assert.deepEqual([await ended, output.stderr], ['SIGTERM', '']);
});

/** Four workers of this very process, which have said that they are ready. */
async function newCluster(t: TestContext): Promise<Worker[]> {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./support/cluster-worker.js', import.meta.url)),
    serialization: 'advanced',
  });
  const workers = Array.from({ length: 4 }, () => cluster.fork());
  for (const worker of workers) t.after(() => worker.process.kill('SIGKILL'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers;
}

/** What became of it, of each worker. */
const order = (workers: readonly Worker[], what: Order): Promise<Report[]> =>
  Promise.all(
    workers.map(async (worker) => {
      const answer = once(worker, 'message') as Promise<[Report]>;
      worker.send(what);
      return (await answer)[0];
    }),
  );

const ran = (reports: readonly Report[]): number => reports.filter((report) => report !== null).length;

test('of all workers that try within a period, one does the job, until its process ends', async (t) => {
  let workers = await newCluster(t);
  const lockPath = newFolder(t);
  for (const name of ['first job', 'second job']) {
    const job: Order = { name, lockPath, minHold: 60_000 };
    const reports = await order(workers, job);
    assert.equal(ran(reports), 1);
    // It is done, and given back; but the period is not over.
    assert.equal(ran(await order(workers, job)), 0);
    assert.equal(await tryLock(name, { external: true, lockPath }), null);

    // The kernel gives back what a process held that has ended, however much of the period is left.
    const first = workers[reports.findIndex((report) => report !== null)];
    assert.ok(first);
    const gone = once(first, 'exit');
    first.process.kill('SIGKILL');
    await gone;
    workers = workers.filter((worker) => worker !== first);
    assert.equal(ran(await order(workers, job)), 1);
    assert.equal(ran(await order(workers, job)), 0);
  }
});

test('from one job to the next a period passes, whoever does them, and all try', async (t) => {
  const workers = await newCluster(t);
  const minHold = 150;
  const job: Order = { name: 'often', lockPath: newFolder(t), minHold, every: 10 };
  const runs: NonNullable<Report>[] = [];
  const inVain = new Set<Worker>();
  for (const worker of workers) {
    worker.on('message', (report: Report) => {
      if (report === null) inVain.add(worker);
      else runs.push(report);
    });
    worker.send(job);
  }
  await waitUntil(() => runs.length >= 5 && inVain.size === 4, {
    what: 'five jobs are done, and all have tried',
  });
  const sorted = runs.toSorted((a, b) => (a.after < b.after ? -1 : 1));
  for (const [i, run] of sorted.slice(1).entries()) {
    const passed = Number(run.after - (sorted[i]?.before ?? 0n)) / 1e6;
    assert.ok(passed >= minHold, `only ${passed} ms have passed`);
  }
});

test('the primary takes part like any other process', async (t) => {
  const workers = await newCluster(t);
  const lockPath = newFolder(t);
  const job: Order = { name: 'of all', lockPath, minHold: 0 };
  const guard = await lock('of all', { external: true, lockPath });
  assert.equal(ran(await order(workers, job)), 0);
  await guard.release();
  assert.equal(ran(await order(workers.slice(0, 1), job)), 1);
});
