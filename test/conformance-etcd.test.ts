/** etcd in the conformance suite, behind a proxy. */
import { after, before, test } from 'node:test';
import { etcd } from '../src/backends/etcd.js';
import { conformance } from '../src/conformance.js';
import { base64, recordsIn } from './support/etcd-store.js';
import { networkFaults } from './support/network-faults.js';
import { startProxy } from './support/proxy.js';
import type { Proxy } from './support/proxy.js';
import { requireServer } from './support/servers/available.js';
import { etcdCall, startEtcd } from './support/servers/etcd.js';
import type { Etcd } from './support/servers/etcd.js';
import type { Server } from './support/servers/server.js';
import { moduleFor } from './support/store-at.js';

const skip = requireServer('etcd');
let server: Etcd;
let proxy: Proxy;

before(async () => {
  if (skip !== false) return;
  server = await startEtcd();
  proxy = await startProxy(server.nodes[0] as Server);
});

after(async () => {
  await proxy?.close();
  await server?.close();
});

conformance({
  test: (title, run) => void test(title, { skip }, run),
  name: 'etcd',
  open: () => etcd({ endpoints: [proxy.address] }),
  get module() {
    return moduleFor(`etcd://${server.nodes[0]?.host}:${server.nodes[0]?.port}`);
  },
  wipe: async () => {
    const [from, end] = ['tierlock/', 'tierlock0'].map(base64);
    await etcdCall(server, '/v3/kv/deleterange', { key: from, range_end: end });
  },
  leftovers: async () => (await recordsIn(server)).map(({ key }) => key),
  faults: {
    ...networkFaults(() => proxy, { request: (bytes) => bytes.includes('/kv/txn') }),
    restart: async () => {
      await server.nodes[0]?.restart();
    },
  },
  // It counts whole seconds, and half an election more.
  ttl: 1000,
});
