/** etcd: one node, or a cluster of three, of which each can be stopped, killed and restarted alone. */
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { makeCertificate } from './certificate.js';
import { HOST, withPorts, type Port } from './ports.js';
import { flags, startAll, type Recipe, type Server } from './server.js';

export interface EtcdOptions {
  /** Default: 1. */
  readonly nodes?: 1 | 3;
  /** The password of root; without it everybody may do everything. */
  readonly auth?: string;
  /** Clients must use TLS; nobody but `ca` vouches for the servers. Default: false. */
  readonly tls?: boolean;
  /** In ms. No lease is shorter than one and a half of it, in whole seconds. Default: 500, thus 1 s or more. */
  readonly electionTimeout?: number;
}

export class Etcd implements AsyncDisposable {
  readonly nodes: readonly Server[];
  /** PEM of the certificate to trust, with `tls`. */
  readonly ca: string | undefined;

  constructor(nodes: readonly Server[], ca: string | undefined) {
    this.nodes = nodes;
    this.ca = ca;
  }

  /** Of the clients, one a node. */
  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const { nodes = 1, tls = false, auth } = options;
  const ca = tls ? makeCertificate() : undefined;
  const pem = ca && readFileSync(ca.cert, 'utf8');
  const cluster = await withPorts(2 * nodes, async (ports) => {
    const pairs = Array.from({ length: nodes }, (_, i) => ports.slice(2 * i, 2 * i + 2) as [Port, Port]);
    const members = pairs.map(([, peer], i) => `n${i}=http://${HOST}:${peer.number}`).join(',');
    return startAll(pairs.map((pair, i) => recipe(`n${i}`, pair, members, options, ca, pem)));
  });
  const etcd = new Etcd(cluster, pem);
  try {
    if (auth !== undefined) await enableAuth(etcd, auth);
  } catch (error) {
    await etcd.close();
    throw error;
  }
  return etcd;
}

function recipe(
  name: string,
  ports: readonly [Port, Port],
  members: string,
  { electionTimeout = 500 }: EtcdOptions,
  certificate: { readonly cert: string; readonly key: string } | undefined,
  ca: string | undefined,
): Recipe {
  const url = `${certificate ? 'https' : 'http'}://${HOST}:${ports[0].number}`;
  const peer = `http://${HOST}:${ports[1].number}`;
  return {
    name: 'etcd',
    ports,
    url,
    command: (folder) => [
      'etcd',
      ...flags({ name, 'data-dir': join(folder, 'data'), 'log-level': 'error' }),
      ...flags({ 'listen-client-urls': url, 'advertise-client-urls': url }),
      ...flags({ 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer }),
      ...flags({ 'initial-cluster': members, 'initial-cluster-state': 'new' }),
      ...flags({
        'election-timeout': electionTimeout,
        'heartbeat-interval': Math.ceil(electionTimeout / 10),
      }),
      ...flags({ 'cert-file': certificate?.cert, 'key-file': certificate?.key }),
    ],
    answers: async () => {
      // Without a leader it waits for one, and would tell late when there is.
      const { health } = (await ask({ url: `${url}/health`, ca, timeoutMs: 300 })) as { health?: unknown };
      return health === 'true' || health === true;
    },
  };
}

export interface CallOptions {
  /** Which one is asked. Default: 0. */
  readonly node?: number;
  /** As `/v3/auth/authenticate` gives it. */
  readonly token?: string;
  /** Default: 5000. */
  readonly timeoutMs?: number;
}

/** A call of the gateway: JSON to `/v3/...`, such as `/v3/kv/range`; keys and values are in base64. */
export function etcdCall(
  etcd: Etcd,
  path: string,
  body: object,
  options: CallOptions = {},
): Promise<unknown> {
  const { node = 0, ...rest } = options;
  return ask({ url: `${etcd.urls[node] ?? ''}${path}`, ca: etcd.ca, body, ...rest });
}

async function enableAuth(etcd: Etcd, password: string): Promise<void> {
  await etcdCall(etcd, '/v3/auth/user/add', { name: 'root', password });
  await etcdCall(etcd, '/v3/auth/role/add', { name: 'root' });
  await etcdCall(etcd, '/v3/auth/user/grant', { user: 'root', role: 'root' });
  await etcdCall(etcd, '/v3/auth/enable', {});
}

interface Question {
  readonly url: string;
  readonly ca: string | undefined;
  readonly body?: object;
  readonly token?: string;
  readonly timeoutMs?: number;
}

function ask({ url, ca, body, token, timeoutMs = 5000 }: Question): Promise<unknown> {
  const options = {
    method: body ? 'POST' : 'GET',
    // A connection that is kept would keep this process alive.
    agent: false,
    timeout: timeoutMs,
    ...(token !== undefined && { headers: { authorization: token } }),
  };
  return new Promise((resolve, reject) => {
    const request = ca === undefined ? requestHttp(url, options) : requestHttps(url, { ...options, ca });
    request.once('timeout', () => request.destroy(new Error(`no answer from ${url}`)));
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => (text += data));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${url} answers ${response.statusCode}: ${text}`));
      });
    });
    request.end(body && JSON.stringify(body));
  });
}
