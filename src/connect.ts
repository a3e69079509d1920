/** Which store a URL means, and which one `{ distributed: true }` means. */
import { fileURLToPath } from 'node:url';
import type { Backend } from './backend.js';
import { etcd } from './backends/etcd.js';
import { file } from './backends/file.js';
import { memory } from './backends/memory.js';
import { redisUrl } from './backends/redis-url.js';
import { configuration } from './config.js';
import { LockUnsupportedError } from './errors.js';
import { wrongType } from './options.js';

type Open = (url: string) => Backend;

const openers: Readonly<Record<string, Open>> = {
  memory: (url) => memory(decodeURIComponent(new URL(url).pathname)),
  file: (url) => file(fileURLToPath(url)),
  redis: redisAt,
  rediss: redisAt,
  'redis+sentinel': redisAt,
  'rediss+sentinel': redisAt,
  etcd,
  etcds: etcd,
};

/**
 * The store that a URL means. Nothing is opened before it is used first.
 *
 *     memory:                      in this thread, for tests and first tries; `memory:shop` is another one
 *     file:///var/lock/shop        in the lock files of that folder: among the processes of this host
 *     redis://user:password@host:6379/0?prefix=shop:&wait=1           rediss:// by TLS
 *     redis+sentinel://host:26379,host:26379/primary                  by sentinels
 *     etcd://user:password@host:2379,host:2379/prefix                 etcds:// by TLS
 *
 * @example
 * import { connect, lock } from 'tierlock';
 *
 * await using store = connect('memory:');
 * await using guard = await lock('orders', { distributed: store });
 * console.log(guard.held); // true
 */
export function connect(url: string | URL): Backend {
  if (typeof url !== 'string' && !(url instanceof URL)) throw wrongType('url', 'a URL', url);
  const text = String(url);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  // Never the URL itself: there may be a password in it.
  if (scheme === undefined) throw new TypeError("'url' must be a URL, like redis://localhost:6379");
  const open = openers[scheme];
  if (open !== undefined) return open(text);
  const message = `no store for '${scheme}:': known are ${Object.keys(openers).join(', ')}`;
  throw new LockUnsupportedError(message, { lock: 'connect' });
}

/** What is ours is taken out of the query; the rest is for the client. */
function redisAt(url: string): Backend {
  const at = url.indexOf('?');
  if (at < 0) return redisUrl(url);
  const query = new URLSearchParams(url.slice(at + 1));
  const [prefix, wait, waitTimeout] = ['prefix', 'wait', 'waitTimeout'].map((name) => {
    const value = query.get(name) ?? undefined;
    query.delete(name);
    return value;
  });
  const rest = query.size > 0 ? `?${String(query)}` : '';
  return redisUrl(url.slice(0, at) + rest, {
    ...(prefix !== undefined && { prefix }),
    ...(wait !== undefined && { wait: Number(wait) }),
    ...(waitTimeout !== undefined && { waitTimeout: Number(waitTimeout) }),
  });
}

/** One for each URL in a thread, for as long as it runs. */
const connected = new Map<string, Backend>();

/** What is meant by `{ distributed: true }`, or the store itself. */
export function storeFor(distributed: true | Backend, key: string): Backend {
  if (distributed !== true) return distributed;
  const { backend } = configuration();
  if (backend === undefined) {
    const message =
      `'${key}' was asked for with { distributed: true }, and no store is set: call configure({ backend: 'redis://...' }) ` +
      'before, in the main thread before its workers start, or say { distributed: connect(...) }';
    throw new LockUnsupportedError(message, { lock: key });
  }
  if (typeof backend !== 'string') return backend;
  let store = connected.get(backend);
  if (store === undefined) connected.set(backend, (store = connect(backend)));
  return store;
}
