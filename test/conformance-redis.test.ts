/** Redis in the conformance suite, by each of its clients, which are behind a proxy; one of them keeps what it is told. */
import { after, before, test } from 'node:test';
import type { Backend } from '../src/backend.js';
import { conformance } from '../src/conformance.js';
import { networkFaults } from './support/network-faults.js';
import { startProxy } from './support/proxy.js';
import type { Proxy } from './support/proxy.js';
import { clientKinds, command, open } from './support/redis.js';
import type { ClientKind } from './support/redis.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { moduleFor } from './support/store-at.js';

const skip = requireServer('redis');
let server: Server;
let proxy: Proxy;

before(async () => {
  if (skip !== false) return;
  server = await startRedis();
  proxy = await startProxy(server);
});

after(async () => {
  await proxy?.close();
  await server?.close();
});

/** The store ends its client, too. */
async function openBy(kind: ClientKind): Promise<Backend> {
  const opened = await open(kind, proxy);
  const { store } = opened;
  const close = store.close.bind(store);
  const closed = { ...opened, close };
  return Object.assign(store, {
    close: async () => {
      await closed.close();
      store.close = closed.close;
      await opened[Symbol.asyncDispose]();
    },
  });
}

for (const kind of clientKinds) {
  conformance({
    test: (title, run) => void test(title, { skip }, run),
    name: `redis by ${kind}`,
    open: () => openBy(kind),
    // Processes open it by its URL anyway.
    get module() {
      return kind === 'url' ? moduleFor(server.url) : undefined;
    },
    wipe: async () => void (await command(server, 'FLUSHALL')),
    // The counters of tokens stay for ever.
    leftovers: async () => {
      const keys = (await command(server, 'KEYS', '*')) as string[];
      return keys.filter((key) => !/^tierlock:\{\d+\}$/.test(key));
    },
    faults: {
      ...networkFaults(() => proxy, { request: (bytes) => /evalsha/i.test(bytes.toString('latin1')) }),
      restart: () => server.restart(),
    },
    ttl: 200,
  });
}
