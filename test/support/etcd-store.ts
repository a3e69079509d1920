/** An etcd behind a proxy that counts what the driver asks for, and a look at what lies there. */
import { etcd } from '../../src/backends/etcd.js';
import type { EtcdOptions } from '../../src/backends/etcd-options.js';
import type { Backend } from '../../src/backend.js';
import { startProxy, type Proxy } from './proxy.js';
import { etcdCall, type Etcd } from './servers/etcd.js';

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export interface Kv {
  readonly key: string;
  readonly create_revision: string;
  readonly lease?: string;
  readonly value?: string;
}

/** The request that has put the record. */
export const idIn = ({ value = '' }: Kv): string | undefined =>
  (JSON.parse(Buffer.from(value, 'base64').toString()) as { id?: string }).id;

/** All that begins with the prefix of the driver, by its names. */
export async function recordsIn(server: Etcd, prefix: string = 'tierlock/'): Promise<Kv[]> {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) as number) + 1;
  const range = { key: base64(prefix), range_end: end.toString('base64') };
  const { kvs = [] } = (await etcdCall(server, '/v3/kv/range', range)) as { kvs?: Kv[] };
  return kvs.map((kv) => Object.assign(kv, { key: Buffer.from(kv.key, 'base64').toString() }));
}

/** The ids of the leases that live. */
export async function leasesIn(server: Etcd): Promise<string[]> {
  const { leases = [] } = (await etcdCall(server, '/v3/lease/leases', {})) as { leases?: { ID: string }[] };
  return leases.map(({ ID }) => ID);
}

/** How many streams it serves. */
export async function streamsIn(server: Etcd): Promise<number> {
  const text = await (await fetch(`${server.urls[0]}/metrics`)).text();
  return Number(/^etcd_debugging_mvcc_watcher_total (\d+)$/m.exec(text)?.[1]);
}

/** What a proxy has seen go to the server: the paths of the calls, without `/v3/`. */
export class Calls {
  /** How many deletions have come back, of which streams tell. */
  told = 0;
  readonly #paths: string[] = [];

  constructor(...proxies: Proxy[]) {
    for (const proxy of proxies) {
      proxy.onData(({ way, bytes }) => {
        const text = bytes.toString('latin1');
        if (way === 'down') this.told += text.match(/"type":"DELETE"/g)?.length ?? 0;
        else for (const [, path] of text.matchAll(/POST \/v3\/(\S+)/g)) this.#paths.push(path ?? '');
        return 'pass';
      });
    }
  }

  /** Those since the last call of it. */
  take(): string[] {
    return this.#paths.splice(0);
  }
}

export interface Proxied extends AsyncDisposable {
  readonly store: Backend;
  readonly proxies: readonly Proxy[];
}

/** A store whose way to each node leads through a proxy of its own. */
export async function storeBehindProxies(server: Etcd, options: EtcdOptions = {}): Promise<Proxied> {
  const proxies = await Promise.all(server.nodes.map((node) => startProxy(node)));
  const store = etcd({ ...options, endpoints: proxies.map(({ address }) => address) });
  return {
    store,
    proxies,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}
