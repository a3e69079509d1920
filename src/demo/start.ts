/**
 * Starts the processes of a deployment, and ends them. They are killed: between two requests they hold nothing, so there
 * is nothing for them to give back, and one that hangs cannot hold up the end. If this process is killed itself, they
 * end as soon as they see it (host.ts).
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Deployment } from './deployments.js';
import { SETTINGS } from './host.js';
import type { HostSettings, Listening } from './host.js';
import { startProxy } from './proxy.js';

export interface Running {
  /** Where the clients go. */
  readonly port: number;
  readonly pool: string | undefined;
  /** Aborts if one of its processes ends by itself. */
  readonly failed: AbortSignal;
  stop(): Promise<void>;
}

const host = fileURLToPath(new URL('./host.js', import.meta.url));

/** `folder` is for the file that is overwritten and for those of the locks, `backend` the URL of the store. */
export async function start(
  deployment: Deployment,
  folder: string,
  backend: string,
  signal: AbortSignal,
): Promise<Running> {
  const { processes, threads, sync, apart } = deployment;
  const file = join(folder, 'todos');
  const settings = Array.from({ length: processes }, (_, i): HostSettings => {
    const lockPath = join(folder, apart ? `locks-${i + 1}` : 'locks');
    return { file, lockPath, backend, sync, threads };
  });
  const children = settings.map((one) => (deployment.cluster ? clusterHost(one) : forkHost(one)));
  const failure = new AbortController();
  const ended = children.map(async (child) => {
    const [code, by] = (await once(child, 'exit')) as [number | null, string | null];
    failure.abort(new Error(`a process of the service has ended by itself (${by ?? code})`));
  });
  const either = AbortSignal.any([signal, failure.signal]);
  let closeProxy = (): void => undefined;
  const stop = async (): Promise<void> => {
    closeProxy();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(ended);
  };
  try {
    const listening = children.map(
      async (child) => (await once(child, 'message', { signal: either }))[0] as Listening,
    );
    const all = await Promise.all(listening);
    const proxy = apart ? await startProxy(all.map(({ port }) => port)) : undefined;
    if (proxy !== undefined) closeProxy = proxy.close;
    const { port = 0, pool } = all[0] ?? {};
    return { port: proxy?.port ?? port, pool, failed: failure.signal, stop };
  } catch (error) {
    await stop();
    throw either.aborted ? either.reason : error;
  }
}

const environment = (settings: HostSettings): Record<string, string> => ({
  [SETTINGS]: JSON.stringify(settings),
});

function forkHost(settings: HostSettings): ChildProcess {
  return fork(host, { env: { ...process.env, ...environment(settings) }, stdio });
}

function clusterHost(settings: HostSettings): ChildProcess {
  cluster.setupPrimary({ exec: host, args: [], stdio });
  return cluster.fork(environment(settings)).process;
}

/** What they say goes where errors go: the matrix is on the standard output. */
const stdio = ['ignore', process.stderr.fd, process.stderr.fd, 'ipc'] as ['ignore', number, number, 'ipc'];
