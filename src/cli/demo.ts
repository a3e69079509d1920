/**
 * `tierlock demo`: a small web service that overwrites one file, in six deployments and behind four kinds of lock, each
 * run for real. Prints who got wrong answers, says why, and writes a page with timelines (src/demo/).
 *
 * Whatever happens, its processes and its files go before it ends.
 */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, constants as system, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { runMatrix, surprises } from '../demo/matrix.js';
import type { Row } from '../demo/matrix.js';
import { reportOf } from '../demo/report.js';
import { help, readSettings } from '../demo/settings.js';
import type { Settings } from '../demo/settings.js';
import { printHead, printing } from '../demo/terminal.js';
import type { Screen } from '../demo/terminal.js';
import { connect, lock } from '../index.js';

/** Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let settings: Settings | undefined;
  try {
    settings = readSettings(args);
  } catch (error) {
    // Node's own texts go on with advice that does not fit here.
    const [message] = (error as Error).message.split('. ');
    return fail(64, `${message} (see tierlock demo --help)`);
  }
  if (settings === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const over = new AbortController();
  const stop = (signal: NodeJS.Signals): void => over.abort(new Stopped(signal));
  const unread = (): void => stop('SIGPIPE');
  for (const signal of stopping) process.on(signal, stop);
  process.stdout.on('error', unread);
  try {
    return await run(settings, over.signal);
  } catch (thrown) {
    // A ^C ends the processes of the service as well, and their end may be heard of first.
    await sleep(SOON);
    const error: unknown = over.signal.aborted ? over.signal.reason : thrown;
    if (error instanceof Stopped) return 128 + system.signals[error.signal];
    return fail(74, error instanceof Error ? error.message : String(error));
  } finally {
    for (const signal of stopping) process.off(signal, stop);
    process.stdout.off('error', unread);
  }
}

const SOON = 50;
const stopping = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

class Stopped extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

function fail(code: number, message: string): number {
  process.stderr.write(`tierlock demo: ${message}\n`);
  return code;
}

async function run(settings: Settings, signal: AbortSignal): Promise<number> {
  const { rows, url, requests, seconds, report, json } = settings;
  if (report !== undefined) checkWritable(report);
  const began = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'tierlock-demo-'));
  try {
    // Never the URL itself: there may be a password in it.
    const store = url?.slice(0, url.indexOf(':')) ?? 'files';
    const backend = url ?? pathToFileURL(join(folder, 'store')).href;
    await tryStore(backend, signal);
    const screen: Screen = json ? process.stderr : process.stdout;
    printHead(screen, requests, store);
    const plan = { rows, requests, seconds, folder, backend, signal };
    const found = await runMatrix(plan, printing(screen, requests));
    if (report !== undefined)
      writeFileSync(report, reportOf({ rows: found, requests, store, where: where() }));
    const wrong = surprises(found);
    for (const line of wrong) screen.write(`Not as expected: ${line}\n`);
    if (wrong.length === 0) screen.write('All of it is as it must be.\n');
    if (report !== undefined) screen.write(`Who was inside when: ${report}\n`);
    screen.write(`${((performance.now() - began) / 1000).toFixed(0)} s\n`);
    if (json) await print(`${JSON.stringify(asJson(found, store, report), undefined, 2)}\n`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** All of it, even if the process is ended right after it. */
function print(text: string): Promise<unknown> {
  return new Promise((done) => process.stdout.write(text, done));
}

/** It shall not turn out after a minute that the page cannot be written. */
function checkWritable(file: string): void {
  try {
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK);
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot write ${file}: ${why}; say --report FILE, or --no-report`, { cause: error });
  }
}

/** Nor in the middle of it that there is no such store. */
async function tryStore(backend: string, signal: AbortSignal): Promise<void> {
  await using store = connect(backend);
  await lock('todos', { distributed: store, timeout: 10_000, signal }, () => undefined);
}

function where(): string {
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, Node ${process.versions.node}, ${process.platform}, ${availableParallelism()} cores`;
}

function asJson(rows: readonly Row[], store: string, report: string | undefined): object {
  const asExpected = surprises(rows).length === 0;
  const deployments = rows.map(({ deployment: { id }, pool, cells }) => ({
    deployment: id,
    pool,
    cells: cells.flatMap((cell) => {
      if (cell === undefined) return [];
      const { column: tier, requests, mismatches, together, perSecond, wrong } = cell;
      const expected = wrong ? 'mismatches' : 'none';
      return [
        { lock: tier, requests, mismatches, together, perSecond, expected, asExpected: cell.asExpected },
      ];
    }),
  }));
  return { asExpected, store, report, deployments };
}
