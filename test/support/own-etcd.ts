/** An etcd for the tests of one file, from before the first to after the last. */
import { after, before } from 'node:test';
import { requireServer } from './servers/available.js';
import { Etcd, startEtcd } from './servers/etcd.js';
import type { Server } from './servers/server.js';

interface OwnEtcd {
  readonly server: Etcd;
  /** What each test needs: it is skipped where there is no etcd. */
  readonly options: { readonly skip: false | string; readonly timeout: number };
}

export function ownEtcd(count: 1 | 3 = 1): OwnEtcd {
  const skip = requireServer('etcd');
  const nodes: Server[] = [];
  const server = new Etcd(nodes, undefined);
  before(async () => {
    if (skip === false) nodes.push(...(await startEtcd({ nodes: count })).nodes);
  });
  after(() => server.close());
  return { server, options: { skip, timeout: 120_000 } };
}
